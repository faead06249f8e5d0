"""The ceiling: the same encoder trained with labels."""

import torch
from torch import nn

from sslcore.encoders import InputInfo
from sslcore.methods.base import Batch, Losses, Method, Panel, Views, classification, one_view
from sslcore.registry import Card, register
from sslcore.settings import RunSettings


@register
class Supervised(Method):
    """Cross-entropy on the true classes of augmented images."""

    card = Card(
        id="supervised",
        title="Supervised",
        family="baselines",
        year=1989,
        paper="LeCun, Boser, Denker et al. · Neural Computation 1989 · the ceiling of every comparison",
        idea="The same network, told the answers. No self-supervised method sees a label while it trains; "
        "this one sees them all and marks what the encoder could reach.",
        formula=r"-\frac1N\sum_i\log\mathrm{softmax}(W h_i)_{y_i}",
        sees="One augmented view of every image.",
        target="The image's class, given by people.",
        best=lambda s: 0.0,
    )
    defaults = {"learning_rate": 5e-3}
    needs_labels = True

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        self.head = nn.Linear(self.encoder.feature_dim, info.classes)

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        return {"images": one_view(batch, self.settings, generator), "target": batch.labels}

    def loss(self, views: Views) -> Losses:
        return classification(self.head(self.encode(views["images"])), views["target"])

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        certainty, answer = self.head(self.encode(views["images"])).float().softmax(1).max(1)
        hits = (answer == views["target"]).tolist()
        captions = (
            f"{c:.0%}" + (" ✓" if hit else " ✗") for c, hit in zip(certainty.tolist(), hits, strict=True)
        )
        return [
            Panel(
                "Its answers", views["images"], tuple(captions), "How certain it is, and whether it is right."
            )
        ]
