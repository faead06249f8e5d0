"""Learning to count: the parts of an image hold as much as the whole."""

import torch
from torch import Tensor, nn

from sslcore.encoders import InputInfo
from sslcore.errors import UserError
from sslcore.knobs import KnobModel, knob
from sslcore.losses import counting
from sslcore.methods.base import Batch, Losses, Method, Panel, Views, one_view
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings
from sslcore.views.downsample import halve
from sslcore.views.tiles import tiles


class CountingSettings(KnobModel):
    counts: int = knob(64, 2, 1024, help="How many kinds of things may be counted.")
    count_margin: float = knob(
        10.0,
        0.0,
        100.0,
        help="The squared distance that another image's counts must keep; 0: they may all be zero.",
        live=True,
    )
    mixed_halving: bool = knob(
        True, help="Images are halved in three different ways, so that the way gives nothing away."
    )


@register
class Counting(Method):
    """Noroozi, Pirsiavash, Favaro, ICCV 2017, arXiv 1708.06734."""

    card = Card(
        id="counting",
        title="Learning to count",
        family="pretext",
        year=2017,
        paper="Noroozi, Pirsiavash, Favaro · ICCV 2017",
        arxiv="1708.06734",
        idea="Whatever can be counted in an image, wheels or windows, is found in its four quarters too: their counts "
        "add up. Nobody says what to count; other images must only come to other counts.",
        formula=r"\Big\lVert\phi(Dx)-\sum_{j=1}^4\phi(T_jx)\Big\rVert^2+"
        r"\max\Big(0,\;M-\Big\lVert\phi(Dy)-\sum_{j=1}^4\phi(T_jx)\Big\rVert^2\Big)",
        sees="Every image at half its size, its four quarters, and another image at half its size.",
        target="Counts of the quarters that add up to the whole's, and not to the other's.",
        collapse=lambda s: s["count_margin"],
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"count_margin": 0.0},
                "Counting nothing anywhere is right as well: the counts collapse to zero.",
                collapses=True,
            ),
            Switch(
                {"mixed_halving": False},
                "Halved images are smoother than tiles, and that can be counted too.",
            ),
        ),
        notes=(
            "Guessing has no value of its own: what an untrained network counts depends on its weights.",
            "Halving keeps the things and shrinks them: adding up brightness fails, its sum falls to a quarter.",
        ),
    )
    Settings = CountingSettings
    defaults = {"jitter": 0.0, "grayscale": 0.5, "crop_min": 0.6}

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        if info.size < 8 or info.size % 2:
            raise UserError(
                f"Counting halves images, which takes an even number of pixels from 8 on, not {info.size}: "
                "set image_size to such a number, 32 for example."
            )
        self.head = nn.Sequential(nn.Linear(self.encoder.feature_dim, self.knobs.counts), nn.ReLU())

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        images = one_view(batch, self.settings, generator)
        whole = halve(images, mixed=self.knobs.mixed_halving, generator=generator)
        shift = 1 + int(torch.randint(max(1, len(images) - 1), (), generator=generator))
        quarters = tiles(images, grid=2, gap=0, jitter=False, generator=generator)
        return {"whole": whole, "tiles": quarters, "other": whole.roll(shift, 0)}

    def count(self, views: Views) -> tuple[Tensor, Tensor, Tensor]:
        """Counts in the whole (N, K), in the tiles (N, 4, K) and in the other (N, K), from one forward pass."""
        whole, quarters, other = views["whole"], views["tiles"], views["other"]
        counts = self.project(torch.cat([whole, quarters.flatten(0, 1), other])).float()
        first, parts, last = counts.split([len(whole), 4 * len(whole), len(other)])
        return first, parts.unflatten(0, (-1, 4)), last

    def loss(self, views: Views) -> Losses:
        whole, parts, other = self.count(views)
        total = parts.sum(1).detach()
        nearer = (whole - total).square().sum(1) < (other - total).square().sum(1)
        return Losses(
            {"counting": counting(whole, parts, other, margin=self.knobs.count_margin)},
            {"pretext_accuracy": nearer.float().mean(), "counted": total.sum(1).mean()},
        )

    def project(self, images: Tensor) -> Tensor:
        return self.head(self.encode(images))

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        whole, parts, _ = self.count(views)
        order = whole.sum(1).argsort(descending=True)
        captions = tuple(
            f"{all_in_all:.1f} = {' + '.join(f'{part:.1f}' for part in four)} ?"
            for all_in_all, four in zip(
                whole.sum(1)[order].tolist(), parts.sum(2)[order].tolist(), strict=True
            )
        )
        scale = torch.cat([whole, parts.sum(1)]).max().clamp(min=1e-6)
        bars = torch.stack([whole, parts.sum(1)], 1)[order] / scale
        return [
            Panel(
                "From much to little",
                views["whole"][order],
                captions,
                "All that was counted in the whole, and in its four quarters.",
            ),
            Panel(
                "Count by count",
                bars.repeat_interleave(4, 1)[:, None],
                text="Upper half: the whole. Lower half: its quarters added up. They should look alike.",
            ),
        ]
