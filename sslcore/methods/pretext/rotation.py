"""Rotation prediction: by how many quarter turns has the image been turned?"""

from math import log

import torch

from sslcore.encoders import InputInfo, mlp
from sslcore.knobs import KnobModel, knob
from sslcore.methods.base import Batch, Losses, Method, Panel, Views, classification, one_view
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings
from sslcore.views.rotations import all_rotations


class RotationSettings(KnobModel):
    head_hidden: int = knob(
        256,
        8,
        4096,
        help="Width of the layer between representation and answer. It may forget all but the angle, so that "
        "the representation need not.",
        advanced=True,
    )
    watermark: bool = knob(
        False,
        help="Prints a small white mark in the upper left corner: a shortcut that gives the answer away.",
    )


@register
class Rotation(Method):
    """RotNet. Gidaris, Singh, Komodakis, ICLR 2018, arXiv 1803.07728."""

    card = Card(
        id="rotation",
        title="Rotation prediction",
        family="pretext",
        year=2018,
        paper="Gidaris, Singh, Komodakis · ICLR 2018",
        arxiv="1803.07728",
        idea="To tell which way up a picture is, a network must recognise what is in it and how such things "
        "usually stand.",
        formula=r"-\frac{1}{4N}\sum_{i}\sum_{y=0}^{3}\log F^{y}(g(x_i\mid y))",
        sees="Every image turned by 0°, 90°, 180° and 270°: 4N pictures.",
        target="The number of quarter turns.",
        chance=lambda s: log(4),
        collapse=lambda s: log(4),
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"watermark": True},
                "The mark is easier to read than the picture: the pretext task is solved at "
                "once and the encoder learns next to nothing.",
            ),
            Switch(
                {"rotation": 180.0},
                "Images already turned at random have no right way up: accuracy stays at 25 %.",
            ),
        ),
    )
    Settings = RotationSettings
    # turns are exact transpositions, so that no interpolation betrays them; other changes of the view come first
    defaults = {"batch_size": 128}

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        self.head = mlp(self.encoder.feature_dim, self.knobs.head_hidden, 4)

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        images = one_view(batch, self.settings, generator)
        if self.knobs.watermark:
            images = images.clone()
            images[:, :, 1:5, 1:5] = 1.0
        turned, target = all_rotations(images)
        return {"images": turned, "target": target}

    def loss(self, views: Views) -> Losses:
        return classification(self.head(self.encode(views["images"])), views["target"])

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        per_turn = len(views["target"]) // 4
        shown = torch.arange(len(views["target"])).view(4, per_turn)[:, :2].T.flatten()
        probability = self.head(self.encode(views["images"])).float().softmax(1)[shown]
        captions = tuple(
            f"says {90 * int(p.argmax())}° ({p.max():.0%})" + (" ✓" if p.argmax() == y else " ✗")
            for p, y in zip(probability, views["target"][shown], strict=True)
        )
        return [Panel("Which way up?", views["images"][shown], captions, "Turned by 0°, 90°, 180°, 270°.")]
