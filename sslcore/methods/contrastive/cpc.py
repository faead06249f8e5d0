"""CPC: from the rows above, predict the embeddings of patches further down."""

from math import log
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sslcore.distributed import gather
from sslcore.encoders import InputInfo
from sslcore.errors import UserError
from sslcore.knobs import KnobModel, knob
from sslcore.losses import cpc
from sslcore.methods.base import Batch, Losses, Method, Panel, Views, one_view
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings
from sslcore.views import random_views


class CPCSettings(KnobModel):
    version: Literal["v1", "v2"] = knob("v1", help="v1: downwards. v2: all four ways, augmented patches.")
    patch_grid: int = knob(7, 3, 15, help="Patches along each side; neighbours overlap by half.")
    nearest_row: int = knob(
        2, 1, 8, help="The nearest row to predict. 1: it overlaps the last row seen, and shared pixels tell."
    )
    farthest_row: int = knob(3, 1, 8, help="The farthest row to predict.", advanced=True)


class Context(nn.Module):
    """Maps (N, d, g, g) to maps that sum up each row and four above it: two convolutions that never look down."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(width, width, 3), nn.Conv2d(width, width, 3)

    def forward(self, rows: Tensor) -> Tensor:
        above = (1, 1, 2, 0)  # one column on both sides, two rows on top
        return self.second(F.pad(F.relu(self.first(F.pad(rows, above))), above))


def by_rows(maps: Tensor) -> Tensor:
    """(N, d, r, g) to (r, N * g, d): in each row of the grid, the places of all images."""
    return maps.permute(2, 0, 3, 1).flatten(1, 2)


@register
class CPC(Method):
    """Contrastive predictive coding. van den Oord et al., arXiv 1807.03748; v2: Hénaff et al., 1905.09272."""

    card = Card(
        id="cpc",
        title="Contrastive predictive coding",
        family="contrastive",
        year=2018,
        paper="van den Oord, Li, Vinyals 2018 · Hénaff et al., ICML 2020 (v2)",
        arxiv="1807.03748",
        idea="Cut the image into overlapping patches and read them row by row. From what was read so far, predict the "
        "embeddings of patches further down well enough to pick them out among others, most of them from other images.",
        formula=r"-\frac1K\sum_{k}\mathbb E\log\frac{\exp(z_{r+k}^\top W_k c_r)}{\sum_{z'\in X}\exp(z'^\top W_k c_r)}",
        sees="A grid of overlapping patches of every image, each encoded on its own.",
        target="Which patch of the batch, of all in the same row of the grid, comes k rows below.",
        chance=lambda s: log(s["batch_size"] * s["patch_grid"]),
        collapse=lambda s: log(s["batch_size"] * s["patch_grid"]),
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"nearest_row": 1, "farthest_row": 1},
                "The patch to predict overlaps the last one seen: shared pixels solve it, and the features are worse.",
            ),
        ),
        notes=(
            "An image's representation is the mean over its patches, each seen alone.",
            "The originals avoid batch norm, which tells a little of other patches; the encoders here have it.",
            "Few negatives are of the same image, as all come from one row: colours, say, already tell a lot.",
        ),
    )
    Settings = CPCSettings
    defaults = {"batch_size": 64, "jitter": 0.0, "grayscale": 0.0, "crop_min": 0.6}

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        knobs, dim, v2 = self.knobs, self.encoder.feature_dim, self.knobs.version == "v2"
        self.stride = info.size // (knobs.patch_grid + 1)
        if self.stride < 2:
            raise UserError(f"Patches would be under 4 px: set patch_grid to {info.size // 2 - 1} or less.")
        self.steps = range(knobs.nearest_row, knobs.farthest_row + 1)
        self.norm = nn.LayerNorm(dim) if v2 else nn.Identity()
        self.context = nn.ModuleList(Context(dim) for _ in range(4 if v2 else 1))  # one for each direction
        self.predict = nn.ModuleList(
            nn.ModuleList(nn.Linear(dim, dim, bias=False) for _ in self.steps) for _ in self.context
        )

    @classmethod
    def check(cls, settings: RunSettings) -> None:
        nearest, farthest, grid = settings["nearest_row"], settings["farthest_row"], settings["patch_grid"]
        if not nearest <= farthest < grid:
            last = min(max(nearest, farthest), grid - 1)
            raise UserError(
                f"Rows {nearest} to {farthest} below cannot be predicted in a grid of {grid} rows: set nearest_row to "
                f"{min(nearest, last)} and farthest_row to {last}."
            )

    def patches(self, images: Tensor) -> Tensor:
        """(N, g * g, C, p, p): patches of side p every p / 2 pixels, row by row."""
        side, grid = 2 * self.stride, self.knobs.patch_grid
        cut = images.unfold(2, side, self.stride).unfold(3, side, self.stride)[:, :, :grid, :grid]
        return cut.permute(0, 2, 3, 1, 4, 5).flatten(1, 2)

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        patches = self.patches(one_view(batch, self.settings, generator))
        if self.knobs.version == "v2":
            own = self.settings.views.change(crop_min=0.7, crop_max=1.0, jitter=0.8, grayscale=0.25)
            patches = random_views(patches.flatten(0, 1), own, generator=generator).view(patches.shape)
        return {"patches": patches}

    def embed(self, patches: Tensor) -> Tensor:
        """Patches (N, g * g, C, p, p) to a map of their embeddings (N, d, g, g)."""
        grid = self.knobs.patch_grid
        z = self.norm(self.encoder(patches.flatten(0, 1).contiguous(memory_format=torch.channels_last)))
        return z.unflatten(0, (len(patches), grid, grid)).permute(0, 3, 1, 2)

    def encode(self, images: Tensor) -> Tensor:
        return self.embed(self.patches(images)).mean((2, 3))

    def loss(self, views: Views) -> Losses:
        z = self.embed(views["patches"]).float()
        all_z, costs, hits = gather(z), [], []
        for turns, (context, predict) in enumerate(zip(self.context, self.predict, strict=True)):
            c, below = gather(context(z.rot90(turns, (2, 3)))), all_z.rot90(turns, (2, 3))
            for k, W_k in zip(self.steps, predict, strict=True):
                guess, truth = W_k(by_rows(c[:, :, :-k])), by_rows(below[:, :, k:])
                costs.append(cpc(guess, truth))
                picked = (guess.detach() @ truth.detach().mT).argmax(2)
                hits.append((picked == torch.arange(truth.shape[1], device=z.device)).float().mean())
        return Losses({"cpc": torch.stack(costs).mean()}, {"pretext_accuracy": torch.stack(hits).mean()})

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        patches, grid, k = views["patches"], self.knobs.patch_grid, self.steps[0]
        z = self.embed(patches).float()
        guess = self.predict[0][0](by_rows(self.context[0](z)[:, :, :1]))[0, grid // 2 :: grid]
        picked = (guess @ by_rows(z[:, :, k : k + 1])[0].T).argmax(1)
        row = patches[:, k * grid : (k + 1) * grid].flatten(0, 1)
        truth = torch.arange(len(patches), device=picked.device) * grid + grid // 2
        captions = tuple("found ✓" if hit else "✗" for hit in (picked == truth).tolist())
        return [
            Panel("The patch to find", row[truth], text=f"Of row {k + 1}, among those of all images."),
            Panel("What it picks", row[picked], captions),
        ]
