"""Supervised contrast: SimCLR in which all images of a class are positives. A labelled reference."""

from math import log

import torch

from sslcore.distributed import gather
from sslcore.losses import supervised_contrastive
from sslcore.methods.base import Batch, Losses, Panel, TwoView, Views
from sslcore.methods.contrastive.simclr import SimCLRSettings
from sslcore.registry import Card, Switch, register


@register
class SupCon(TwoView):
    """Khosla, Teterwak, Wang et al., NeurIPS 2020, arXiv 2004.11362."""

    card = Card(
        id="supcon",
        title="Supervised contrast (uses labels)",
        family="contrastive",
        year=2020,
        paper="Khosla, Teterwak, Wang, Sarna, Tian, Isola et al. · NeurIPS 2020",
        arxiv="2004.11362",
        idea="What if SimCLR knew which images belong together? All views of a class are positives: the ceiling for "
        "contrastive learning, as it is told what the others must guess.",
        formula=r"\frac{1}{2N}\sum_{i=1}^{2N}\frac{-1}{|P(i)|}\sum_{p\in P(i)}\log"
        r"\frac{\exp(\bar z_i^\top\bar z_p/\tau)}{\sum_{a\ne i}\exp(\bar z_i^\top\bar z_a/\tau)}",
        sees="Two augmented views of every image, and its class, given by people.",
        target="For each view, which of the other 2N − 1 show the same class.",
        chance=lambda s: log(2 * s["batch_size"] - 1),
        collapse=lambda s: log(2 * s["batch_size"] - 1),
        switches=(
            Switch(
                {"temperature": 5.0},
                "All negatives count alike: the loss hardly moves and classes separate slowly.",
            ),
        ),
        notes=(
            "Not self-supervised: a reference that shows what the labels are worth.",
            "With C classes the loss cannot fall below ln(2N/C − 1), each of the positives having its share of "
            "the softmax: 3.9 for 10 classes and a batch of 256. "
            "There every class is a single point, as it should be.",
        ),
    )
    Settings = SimCLRSettings
    needs_labels = True

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        return {**super().views(batch, generator), "labels": batch.labels}

    def loss(self, views: Views) -> Losses:
        z1, z2 = map(gather, self.project_both(views))
        labels = gather(views["labels"]).repeat(2)
        loss = supervised_contrastive(torch.cat([z1, z2]), labels, temperature=self.knobs.temperature)
        return Losses({"supervised_contrast": loss})

    def preview(self, views: Views) -> list[Panel]:
        order = views["labels"].argsort()  # classes side by side: blocks along the diagonal
        return super().preview({name: rows[order] for name, rows in views.items()})
