"""The floor: an encoder that is never trained."""

from typing import Any

import torch

from sslcore.methods.base import Batch, Losses, Method, Views
from sslcore.registry import Card, register


@register
class Random(Method):
    """What an untrained network already separates; every method must beat it."""

    card = Card(
        id="random",
        title="Random encoder",
        family="baselines",
        year=2009,
        paper="Jarrett, Kavukcuoglu, Ranzato, LeCun · ICCV 2009 · the floor of every comparison",
        idea="A network whose weights are never changed. Its features are random, yet not useless: "
        "convolutions see edges and colours whatever their weights.",
        formula=r"\mathcal L = 0",
        sees="The images as they are.",
        target="Nothing: no gradient ever flows.",
        best=lambda s: 0.0,
    )
    defaults = {"steps": 1, "weight_decay": 0.0}
    stands_alone = "it trains nothing"

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        return {"images": batch.floats}

    def loss(self, views: Views) -> Losses:
        # the images are not even looked at: a forward pass would already change batch-norm statistics
        return Losses({"nothing": 0.0 * torch.stack([p.sum() for p in self.encoder.parameters()]).sum()})

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [{**group, "weight_decay": 0.0} for group in super().parameter_groups()]
