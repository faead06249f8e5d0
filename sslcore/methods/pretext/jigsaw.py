"""Jigsaw: in which order have the tiles been shuffled?"""

from math import factorial, log

import torch
from torch import Tensor

from sslcore.encoders import InputInfo, mlp
from sslcore.errors import UserError
from sslcore.knobs import KnobModel, knob
from sslcore.methods.base import Batch, Losses, Method, Panel, Views, classification, one_view, tile_maps
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings
from sslcore.views.tiles import (
    apply_permutation,
    inverse_permutation,
    permutation_set,
    tiles,
    untile,
)


class JigsawSettings(KnobModel):
    grid: int = knob(2, 2, 3, help="Tiles per side.")
    permutations: int = knob(24, 2, 1000, help="How many orders there are to tell apart; 2x2 has 24 in all.")
    gap: int = knob(
        4,
        0,
        16,
        unit="px",
        help="Cut away between tiles, on average, so that edges cannot simply be matched.",
    )
    tile_jitter: bool = knob(True, help="Each tile is cut at a random place in its cell.")
    tile_norm: bool = knob(
        True, help="Each tile gets mean 0 and variance 1, so that brightness gives nothing away."
    )


@register
class Jigsaw(Method):
    """Context-free network: every tile is seen alone, their order is told from all features together.

    Noroozi, Favaro, ECCV 2016, arXiv 1603.09246.
    """

    card = Card(
        id="jigsaw",
        title="Jigsaw puzzle",
        family="pretext",
        year=2016,
        paper="Noroozi, Favaro · ECCV 2016",
        arxiv="1603.09246",
        idea="To put shuffled tiles back in order, a network must know the parts of things and how they sit "
        "together. Each tile is seen on its own; only the last layers see them all.",
        formula=r"-\frac1N\sum_i\log\mathrm{softmax}\big(F(x_{i,\sigma_{y_i}(1)},\dots,x_{i,\sigma_{y_i}(T)})\big)_{y_i}",
        sees="The tiles of every image in a shuffled order.",
        target="Which of the known permutations it was.",
        chance=lambda s: log(s["permutations"]),
        collapse=lambda s: log(s["permutations"]),
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"gap": 0, "tile_jitter": False, "tile_norm": False},
                "Edges and brightness fit exactly: the puzzle "
                "becomes easy and what is learned becomes worse.",
            ),
            Switch({"permutations": 2}, "Two orders can be told apart without knowing much."),
        ),
    )
    Settings = JigsawSettings
    defaults = {"jitter": 0.0, "crop_min": 0.6}

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        knobs = self.knobs
        if info.size // knobs.grid - knobs.gap < 4:
            raise UserError(
                f"A {knobs.grid}x{knobs.grid} grid with a gap of {knobs.gap} px leaves tiles under 4 px in an image of "
                f"{info.size} px: use a smaller gap or larger images."
            )
        shown = self.shown(settings)
        self.register_buffer("permutation_set", permutation_set(knobs.permutations, shown))
        self.head = mlp(shown * self.encoder.feature_dim, 256, knobs.permutations)

    @classmethod
    def shown(cls, settings: RunSettings) -> int:
        """How many tiles make a puzzle."""
        return settings["grid"] ** 2

    @classmethod
    def check(cls, settings: RunSettings) -> None:
        super().check(settings)
        shown = cls.shown(settings)
        if settings["permutations"] > factorial(shown):
            raise UserError(
                f"{shown} tiles have only {factorial(shown)} orders: set permutations to that or lower."
            )

    def cut(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The tiles of a random view of every image, in order: (N, T, C, t, t)."""
        knobs, images = self.knobs, one_view(batch, self.settings, generator)
        return tiles(images, grid=knobs.grid, gap=knobs.gap, jitter=knobs.tile_jitter, generator=generator)

    def orders(self, count: int, generator: torch.Generator) -> Tensor:
        """Which permutation each of the images is shuffled by: (N,)."""
        target = torch.randint(len(self.permutation_set), (count,), generator=generator)
        return target.to(self.permutation_set.device)

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        cut = self.cut(batch, generator)
        target = self.orders(len(cut), generator)
        return {"tiles": apply_permutation(cut, self.permutation_set[target]), "target": target}

    def features(self, shuffled: Tensor) -> Tensor:
        """Tiles (N, T, C, t, t), each seen alone, to all their representations side by side (N, T * d)."""
        maps = tile_maps(self.encoder, shuffled, normalise=self.knobs.tile_norm)
        return maps.mean((3, 4)).flatten(1)

    def loss(self, views: Views) -> Losses:
        return classification(self.head(self.features(views["tiles"])), views["target"])

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        guess = self.head(self.features(views["tiles"])).float().argmax(1)
        solved = apply_permutation(views["tiles"], inverse_permutation(self.permutation_set[guess]))
        captions = tuple("solved ✓" if hit else "wrong ✗" for hit in (guess == views["target"]).tolist())
        return [
            Panel("The puzzle", untile(views["tiles"])),
            Panel("As the network puts it together", untile(solved), captions),
        ]
