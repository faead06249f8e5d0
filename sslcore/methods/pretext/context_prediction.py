"""Context prediction: where does this patch lie beside that one?"""

from math import log
from typing import Literal

import torch
from torch import Tensor

from sslcore.encoders import InputInfo, mlp
from sslcore.errors import UserError
from sslcore.knobs import KnobModel, knob
from sslcore.methods.base import Batch, Losses, Method, Panel, Views, classification, one_view, tile_maps
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings
from sslcore.views.lens import chromatic_aberration, drop_colours, project_colours
from sslcore.views.tiles import tiles, untile

CENTRE = 4  # of nine patches, row by row
AROUND = (0, 1, 2, 3, 5, 6, 7, 8)  # label y is the place AROUND[y]; 7 - y lies opposite


class ContextSettings(KnobModel):
    gap: int = knob(
        2,
        0,
        16,
        unit="px",
        help="Cut away between tiles, on average, so that edges cannot simply be matched.",
    )
    tile_jitter: bool = knob(True, help="Each tile is cut at a random place in its cell.")
    tile_norm: bool = knob(
        True, help="Each tile gets mean 0 and variance 1, so that brightness gives nothing away."
    )
    aberration: float = knob(
        0.0,
        0.0,
        0.2,
        help="A fault of lenses: green is shrunk by this towards the middle. Fringes tell the place.",
    )
    colour_defence: Literal["none", "drop", "project"] = knob(
        "none",
        help="Against fringes. drop: each patch keeps one colour channel; project: green against magenta is removed.",
    )


@register
class ContextPrediction(Method):
    """Doersch, Gupta, Efros, ICCV 2015, arXiv 1505.05192. All eight pairs of an image are asked at once."""

    card = Card(
        id="context_prediction",
        title="Context prediction",
        family="pretext",
        year=2015,
        paper="Doersch, Gupta, Efros · ICCV 2015",
        arxiv="1505.05192",
        idea="Shown the middle patch of an image and one of its eight neighbours, the network says on which side the "
        "neighbour lies. For that it must know what things look like as a whole.",
        formula=r"-\frac1{8N}\sum_{i}\sum_{y=0}^{7}\log\mathrm{softmax}\big(W\,[\,h(x_i^{c});h(x_i^{y})\,]\big)_{y}",
        sees="Pairs of patches: the middle one of a 3x3 grid and one of its neighbours.",
        target="On which of the eight sides the neighbour lies.",
        chance=lambda s: log(8),
        collapse=lambda s: log(8),
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"gap": 0, "tile_jitter": False, "tile_norm": False},
                "Edges and brightness run on from patch to patch: the task gets easier and teaches less.",
            ),
            Switch(
                {"aberration": 0.1},
                "Coloured fringes tell where a patch comes from: the task is solved by looking at the lens.",
            ),
            Switch(
                {"aberration": 0.1, "colour_defence": "drop"},
                "The same lens, but with a single colour per patch there are no fringes to see.",
            ),
        ),
        notes=(
            "W is a small network with one hidden layer. The paper's gap is half a patch; in small images that would "
            "leave little to see.",
            "With colour_defence=drop the network learns from single channels, but probes show it all three.",
        ),
    )
    Settings = ContextSettings
    defaults = {"jitter": 0.0, "grayscale": 0.0, "crop_min": 0.6}

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        if info.size // 3 - self.knobs.gap < 4:
            raise UserError(
                f"A 3x3 grid with a gap of {self.knobs.gap} px leaves patches under 4 px in an image of "
                f"{info.size} px: use a smaller gap or larger images."
            )
        self.head = mlp(2 * self.encoder.feature_dim, 128, 8)

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        knobs = self.knobs
        images = chromatic_aberration(one_view(batch, self.settings, generator), knobs.aberration)
        if knobs.colour_defence == "project":
            images = project_colours(images)
        patches = tiles(images, grid=3, gap=knobs.gap, jitter=knobs.tile_jitter, generator=generator)
        if knobs.colour_defence == "drop":
            patches = drop_colours(patches, generator=generator)
        return {"patches": patches, "target": torch.arange(8, device=images.device).expand(len(images), 8)}

    def answer(self, patches: Tensor) -> Tensor:
        """All nine patches (N, 9, C, t, t), each seen alone, to logits (8N, 8), one row per neighbour."""
        features = tile_maps(self.encoder, patches, normalise=self.knobs.tile_norm).mean((3, 4))
        neighbours = features[:, list(AROUND)]
        centre = features[:, CENTRE, None].expand_as(neighbours)
        return self.head(torch.cat([centre, neighbours], 2).flatten(0, 1))

    def loss(self, views: Views) -> Losses:
        return classification(self.answer(views["patches"]), views["target"].flatten())

    def encode(self, images: Tensor) -> Tensor:
        return self.encoder(project_colours(images) if self.knobs.colour_defence == "project" else images)

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        patches, target = views["patches"].clamp(0, 1), views["target"]
        probability = self.answer(views["patches"]).float().softmax(1).view(-1, 8, 8)
        answer = probability.argmax(2)
        around = torch.tensor(AROUND, device=answer.device)
        place = torch.cat([around[answer], torch.full_like(answer[:, :1], CENTRE)], 1)
        placed = torch.ones_like(patches)
        rows = torch.arange(len(patches), device=answer.device)[:, None]
        placed[rows, place] = patches[:, [*AROUND, CENTRE]]
        captions = tuple(f"{hits} of 8" for hits in (answer == target).sum(1).tolist())
        return [
            Panel("The patches", untile(patches, gap=2)),
            Panel(
                "Each where the network would put it",
                untile(placed, gap=2),
                captions,
                "The middle one is given; where two patches land on one place, one hides the other.",
            ),
            Panel(
                "What it takes for what",
                probability.mean(0)[None, None],
                text="Row: the true side, from upper left to lower right; column: the side it says.",
                large=True,
            ),
        ]
