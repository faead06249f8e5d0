"""Jigsaw++: a puzzle in which some tiles belong to another picture."""

from math import log

import torch
from torch import Tensor
from torch.nn import functional as F

from sslcore.encoders import InputInfo, mlp
from sslcore.errors import UserError
from sslcore.knobs import knob
from sslcore.methods.base import Batch, Losses, Panel, Views, classification
from sslcore.methods.pretext.jigsaw import Jigsaw, JigsawSettings
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings
from sslcore.views.tiles import apply_permutation, inverse_permutation


class JigsawExtraSettings(JigsawSettings):
    foreign_tiles: int = knob(1, 0, 3, help="Up to how many tiles are replaced by another image's.")
    extra_tiles: int = knob(0, 0, 3, help="How many tiles of another image are added to the puzzle.")
    foreign_weight: float = knob(
        0.5, 0.0, 10.0, help="Weight of telling which tiles are foreign beside telling the order.", live=True
    )


def guess(s: RunSettings) -> float:
    """Loss of who knows how often tiles are foreign, but not which: log P + w H(b)."""
    own, extra = s["grid"] ** 2, s["extra_tiles"]
    b = (s["foreign_tiles"] / 2 + extra) / (own + extra)
    return log(s["permutations"]) - s["foreign_weight"] * (b * log(b) + (1 - b) * log(1 - b) if b else 0.0)


@register
class JigsawExtra(Jigsaw):
    """Noroozi, Vinjimoor, Favaro, Pirsiavash, CVPR 2018, arXiv 1805.00385, section 3.1.

    The paper leaves it to the network to find out which tiles are foreign; here it may also be asked.
    """

    card = Card(
        id="jigsaw_extra",
        title="Jigsaw++",
        family="pretext",
        year=2018,
        paper="Noroozi, Vinjimoor, Favaro, Pirsiavash · CVPR 2018",
        arxiv="1805.00385",
        idea="The jigsaw puzzle, with tiles that belong to another picture mixed in. Matching edges and textures is "
        "no longer enough: the network must recognise what belongs together.",
        formula=r"-\log\mathrm{softmax}\big(F(\tilde x_{\sigma_y(1)},\dots,\tilde x_{\sigma_y(T)})\big)_{y}"
        r"+\lambda\,\frac1T\sum_{j}\mathrm{BCE}(o_j,b_j)",
        sees="The tiles of every image in a shuffled order, some of them from another image.",
        target="Which of the known permutations it was, and which tiles are foreign.",
        chance=guess,
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"foreign_tiles": 3},
                "Orders that differ only in the places of foreign tiles cannot be told apart: accuracy has a ceiling.",
            ),
            Switch(
                {"foreign_tiles": 1, "tile_norm": False},
                "Foreign tiles stand out by their colour and brightness, without anything being recognised.",
            ),
        ),
        notes=(
            "The line of the best is out of reach where foreign tiles leave several orders possible.",
            "F foreign tiles leave no doubt only among permutations that differ in more than F places; "
            "all 24 orders of four tiles differ in two at least.",
        ),
    )
    Settings = JigsawExtraSettings

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        shown = self.shown(settings)
        self.foreign_head = mlp(shown * self.encoder.feature_dim, 64, shown)

    @classmethod
    def shown(cls, settings: RunSettings) -> int:
        return settings["grid"] ** 2 + settings["extra_tiles"]

    @classmethod
    def check(cls, settings: RunSettings) -> None:
        if cls.shown(settings) > 9:
            raise UserError("A puzzle has at most 9 tiles: set extra_tiles to 0 or grid to 2.")
        super().check(settings)

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        own = self.cut(batch, generator)
        (count, length), device = own.shape[:2], own.device
        shift = 1 + int(torch.randint(max(1, count - 1), (), generator=generator))
        stranger = own.roll(shift, 0)[:, torch.randperm(length, generator=generator).to(device)]
        rank = torch.rand(count, length, generator=generator).argsort(1)
        number = torch.randint(self.knobs.foreign_tiles + 1, (count, 1), generator=generator)
        foreign = (rank < number).to(device)
        mixed = torch.where(foreign[:, :, None, None, None], stranger, own)

        # Added tiles come from a third image if there is one: others may have replaced some already. Their places
        # change, but not their order: that of the permutation must stay the only answer.
        place = torch.randperm(length, generator=generator)[: self.knobs.extra_tiles].sort().values.to(device)
        extra = own.roll(1 + shift % max(1, count - 1), 0)[:, place]
        mixed = torch.cat([mixed, extra], 1)
        foreign = torch.cat([foreign, foreign.new_ones(count, extra.shape[1])], 1)
        target = self.orders(count, generator)
        order = self.permutation_set[target]
        return {
            "tiles": apply_permutation(mixed, order),
            "foreign": apply_permutation(foreign, order),
            "target": target,
        }

    def loss(self, views: Views) -> Losses:
        features = self.features(views["tiles"])
        order = classification(self.head(features), views["target"])
        if not (self.knobs.foreign_tiles or self.knobs.extra_tiles):
            return order
        suspicion, foreign = self.foreign_head(features).float(), views["foreign"].float()
        found = ((suspicion > 0) == views["foreign"]).float().mean()
        cost = self.knobs.foreign_weight * F.binary_cross_entropy_with_logits(suspicion, foreign)
        return Losses({**order.terms, "foreign": cost}, {**order.metrics, "foreign_accuracy": found})

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        features = self.features(views["tiles"])
        named = self.head(features).float().argmax(1)
        undone = inverse_permutation(self.permutation_set[named])
        suspicion = apply_permutation(self.foreign_head(features).float().sigmoid(), undone)
        solved = apply_permutation(views["tiles"], undone)
        hits = (named == views["target"]).tolist()
        verdicts = tuple("solved ✓" if hit else "wrong ✗" for hit in hits)
        dimmed = solved * (1 - 0.8 * (suspicion > 0.5).float())[:, :, None, None, None]
        return [
            Panel("The puzzle, with foreign tiles", row_of(views["tiles"])),
            Panel(
                "As the network puts it together",
                row_of(dimmed),
                verdicts,
                "The tiles in the order it believes in; dark: those it takes for foreign (a guess where none is).",
            ),
        ]


def row_of(tiles: Tensor) -> Tensor:
    """Tiles (N, T, C, t, t) side by side in one row, a pixel of white between them: (N, C, t, T * (t + 1))."""
    return F.pad(tiles, (0, 1), value=1.0).permute(0, 2, 3, 1, 4).flatten(3)
