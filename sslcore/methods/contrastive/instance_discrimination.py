"""Instance discrimination: every image is a class of its own, remembered in a bank."""

import torch
from torch import Tensor
from torch.nn import functional as F

from sslcore.distributed import gather
from sslcore.encoders import InputInfo
from sslcore.knobs import knob
from sslcore.losses import instance_discrimination
from sslcore.losses.common import full_precision
from sslcore.methods.base import Batch, Losses, Panel, Progress, TwoView, Views
from sslcore.methods.contrastive.simclr import SimCLRSettings
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings


class InstanceDiscriminationSettings(SimCLRSettings):
    bank_momentum: float = knob(
        0.5, 0.0, 1.0, help="How much of a stored embedding survives an update. 1: it never moves.", live=True
    )
    proximal_weight: float = knob(
        0.0,
        0.0,
        100.0,
        help="Pull of each embedding towards its stored one: smoother, slower learning.",
        advanced=True,
        live=True,
    )


@register
class InstanceDiscrimination(TwoView):
    """Non-parametric instance discrimination. Wu, Xiong, Yu, Lin, CVPR 2018, arXiv 1805.01978."""

    card = Card(
        id="instance_discrimination",
        title="Instance discrimination",
        family="contrastive",
        year=2018,
        paper="Wu, Xiong, Yu, Lin · CVPR 2018",
        arxiv="1805.01978",
        idea="Every image is a class with one member, and the network must say which image it is shown. What "
        "stands for a class is not a weight but the embedding the image had when it was last seen.",
        formula=r"-\frac1N\sum_i\log\frac{\exp(\bar z_i^\top M_{y_i}/\tau)}"
        r"{\sum_{j=1}^{n}\exp(\bar z_i^\top M_j/\tau)},\quad M_{y_i}\leftarrow\overline{\mu M_{y_i}+(1-\mu)\bar z_i}",
        sees="One augmented view of every image.",
        target="Which of the n images of the training set it is.",
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"bank_momentum": 1.0},
                "Every image keeps its random first entry as a target: similar images are told to lie anywhere.",
            ),
            Switch(
                {"jitter": 0.0, "grayscale": 0.0, "crop_min": 1.0, "flip": 0.0},
                "An image that always looks alike is learned by heart: the loss falls faster and little is learned.",
            ),
        ),
        notes=(
            "Guessing costs ln n, n being the number of training images: 8.99 for 8,000. That is also the loss "
            "of a collapsed network.",
            "Where n is a million, the paper draws noise samples instead of summing over all images; here the "
            "sum is exact.",
            "The embedding comes from a small projector, as in its successors; the paper's is one linear layer.",
        ),
    )
    Settings = InstanceDiscriminationSettings

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        first = F.normalize(torch.randn(info.count, self.knobs.projector_output), dim=1)
        self.register_buffer("bank", first)
        self.waiting: tuple[Tensor, Tensor] | None = None

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        return {"view": self.draw(batch.images, generator), "index": batch.index}

    def loss(self, views: Views) -> Losses:
        z, index, knobs = F.normalize(self.project(views["view"]).float(), dim=1), views["index"], self.knobs
        self.waiting = z.detach(), index
        terms = {"instance": instance_discrimination(z, self.bank, index, temperature=knobs.temperature)}
        if knobs.proximal_weight:
            terms["proximal"] = knobs.proximal_weight * (z - self.bank[index]).square().sum(1).mean()
        known = self.cosines(z.detach()).argmax(1) == index
        return Losses(terms, {"pretext_accuracy": known.float().mean()})

    @full_precision
    def cosines(self, z: Tensor) -> Tensor:
        """Of unit embeddings (N, d) to all entries of the bank: (N, n)."""
        return z @ self.bank.T

    @torch.no_grad()
    def after_step(self, progress: Progress) -> None:
        """M <- normalise(mu M + (1 - mu) z) for the images of the batch."""
        if self.waiting is None:
            return
        z, index = map(gather, self.waiting)
        self.bank[index] = F.normalize(torch.lerp(z, self.bank[index], self.knobs.bank_momentum), dim=1)
        self.waiting = None

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        z = F.normalize(self.project(views["view"]).float(), dim=1)
        certainty, which = (self.cosines(z) / self.knobs.temperature).softmax(1).max(1)
        captions = tuple(
            f"image {i} ({p:.0%})" for i, p in zip(which.tolist(), certainty.tolist(), strict=True)
        )
        return [
            Panel(
                "Which image is it?",
                views["view"],
                captions,
                "The entry of the bank that is most similar, and how certain the network is. Images that it was not "
                "trained on have none of their own: it tells whom they resemble.",
            )
        ]
