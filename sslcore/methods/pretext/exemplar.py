"""Exemplar-CNN: every image is a class of its own."""

from math import log

import torch
from torch import nn

from sslcore.encoders import InputInfo
from sslcore.errors import UserError
from sslcore.knobs import KnobModel, knob
from sslcore.methods.base import Batch, Losses, Method, Panel, Views, classification, one_view
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings


class ExemplarSettings(KnobModel):
    exemplars: int = knob(
        1000,
        2,
        100_000,
        help="How many training images are used, each as a class of its own; all if there are fewer.",
    )


@register
class Exemplar(Method):
    """Dosovitskiy, Springenberg, Riedmiller, Brox, NIPS 2014, arXiv 1406.6909.

    Whole images take the place of the paper's patches with strong edges.
    """

    card = Card(
        id="exemplar",
        title="Exemplar-CNN",
        family="pretext",
        year=2014,
        paper="Dosovitskiy, Springenberg, Riedmiller, Brox · NIPS 2014",
        arxiv="1406.6909",
        idea="Take some images, call each a class, and train a classifier on distorted copies. What the copies of one "
        "image share must be recognised, what the distortions change must be ignored.",
        formula=r"-\frac1N\sum_i\log\mathrm{softmax}\big(W f(T_i x_{s_i})\big)_{s_i}",
        sees="Distorted copies of some images, the exemplars: the first 1,000 if not told otherwise.",
        target="Which of the exemplars it is a copy of.",
        chance=lambda s: log(s["exemplars"]),
        collapse=lambda s: log(s["exemplars"]),
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"crop_min": 1.0, "flip": 0.0, "jitter": 0.0, "grayscale": 0.0, "rotation": 0.0},
                "Undistorted copies are learned by heart: the loss vanishes and little is understood.",
            ),
            Switch(
                {"exemplars": 8_000},
                "Every image is met an eighth as often and has more near doubles among the others: it learns slowly.",
            ),
        ),
        notes=("The last layer has a row for every exemplar; instance discrimination does without it.",),
    )
    Settings = ExemplarSettings
    defaults = {"rotation": 20.0}

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        self.head = nn.Linear(self.encoder.feature_dim, self.knobs.exemplars)

    @classmethod
    def check(cls, settings: RunSettings) -> None:
        if settings["exemplars"] < settings["batch_size"]:
            raise UserError(
                f"A batch of {settings['batch_size']} needs at least as many exemplars, not {settings['exemplars']}: "
                "set batch_size lower or exemplars higher."
            )

    def learns_from(self, count: int) -> int:
        return min(self.knobs.exemplars, count)

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        # images beyond the exemplars only come in previews, where any class will do
        return {
            "images": one_view(batch, self.settings, generator),
            "target": batch.index % self.knobs.exemplars,
        }

    def loss(self, views: Views) -> Losses:
        return classification(self.head(self.encode(views["images"])), views["target"])

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        certainty, answer = self.head(self.encode(views["images"])).float().softmax(1).max(1)
        captions = tuple(
            f"no. {a} ({c:.0%})" for a, c in zip(answer.tolist(), certainty.tolist(), strict=True)
        )
        return [
            Panel(
                "Which exemplar is it?",
                views["images"],
                captions,
                "The exemplar it takes each for. Held-out images have none of their own: they show who resembles whom.",
            )
        ]
