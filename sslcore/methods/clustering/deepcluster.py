"""DeepCluster: sort all images by k-means on their features, learn to tell the clusters, sort again."""

from math import log
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sslcore.encoders import InputInfo, cosines
from sslcore.knobs import knob
from sslcore.methods.base import Batch, Epoch, Losses, Panel, TwoView, TwoViewSettings, Views
from sslcore.methods.groups import group_names
from sslcore.methods.kmeans import whiten
from sslcore.methods.sortings import Sortings
from sslcore.pixels import as_floats
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings

ITERATIONS = 20  # of k-means
COMPONENTS = 32  # of the whitened features that v1 sorts by


class DeepClusterSettings(TwoViewSettings):
    version: Literal["v1", "v2"] = knob(
        "v2",
        help="v1: a classifier that starts anew after every sorting. v2: the centroids themselves are the classifier.",
    )
    clusters: int = knob(50, 2, 10_000, help="Clusters: several times the classes you expect.")
    clusterings: int = knob(
        3, 1, 10, help="Sortings side by side, from different starts; the cluster in each is predicted."
    )
    temperature: float = knob(0.1, 0.01, 5.0, help="Low: v2's classifier is sure.", live=True, log=True)
    recluster_every: int = knob(
        100, 1, 10_000_000, unit="steps", help="When to sort anew, as the next pass begins.", live=True
    )
    uniform_sampling: bool = knob(
        True, help="All clusters count alike, however large. Off: one large cluster may swallow the rest."
    )
    reassign_empty: bool = knob(True, help="A cluster that lost all images takes over part of a large one.")


@register
class DeepCluster(TwoView):
    """Caron, Bojanowski, Joulin, Douze, ECCV 2018, arXiv 1807.05520; v2 in Caron et al. 2020, 2006.09882.

    Images of a cluster are weighted by one over its size, which is sampling clusters uniformly. Both versions look anew
    at the unaugmented images to sort them, v1 behind a ReLU; the paper's v2 keeps the embeddings of the last pass.
    """

    card = Card(
        id="deepcluster",
        title="DeepCluster",
        family="clustering",
        year=2018,
        paper="Caron, Bojanowski, Joulin, Douze · ECCV 2018",
        arxiv="1807.05520",
        idea="Even random features sort images a little better than chance. Take the clusters for labels, learn to "
        "predict them from augmented views, and sort again with the better features: each helps the other on.",
        formula=r"-\frac1{NH}\sum_{n,h}\log\mathrm{softmax}\big(\bar z(t(x_n))^\top C_h/\tau\big)_{y_n^{(h)}},\quad "
        r"(C_h,y^{(h)})=\text{k-means}\big(\bar z(x_1),\dots,\bar z(x_N)\big)\ \text{(v2)}",
        sees="Augmented views of every image: one in v1, two in v2.",
        target="The cluster into which the image itself was last sorted.",
        chance=lambda s: log(s["clusters"]),
        collapse=lambda s: log(s["clusters"]) if s["version"] == "v2" else 0.0,  # v1: one cluster has all
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"uniform_sampling": False, "reassign_empty": False},
                "Large clusters grow and others die out: fewer and fewer are in use.",
            ),
            Switch(
                {"recluster_every": 10_000_000},
                "The clusters of random features stay the labels for ever: they are learned, and no more.",
            ),
        ),
        notes=(
            "The numbers of the clusters are arbitrary, so the loss jumps whenever the images are sorted anew.",
            "With uniform_sampling a term weighs the less, the larger its cluster: all clusters count alike.",
        ),
    )
    Settings = DeepClusterSettings
    defaults = {"hue": 0.5, "grayscale": 0.5}  # for the paper's Sobel filter: colours are the easiest groups

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        knobs, features, v1 = self.knobs, self.encoder.feature_dim, self.knobs.version == "v1"
        width = min(COMPONENTS, features) if v1 else knobs.projector_output
        self.sortings = Sortings(info.count, knobs.clusterings, knobs.clusters, width)
        self.register_buffer("sorted_at", torch.full((), -1))
        if v1:
            self.classifier = nn.Linear(features, knobs.clusterings * knobs.clusters)

    def build_projector(self, inputs: int) -> nn.Module:
        return nn.Identity() if self.knobs.version == "v1" else super().build_projector(inputs)

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        v1 = self.knobs.version == "v1"
        seen = {"view1": self.draw(batch.images, generator)} if v1 else super().views(batch, generator)
        labels = {"target": self.sortings.target[batch.index], "weight": self.sortings.weight[batch.index]}
        return {**seen, **labels}

    def answer(self, images: Tensor) -> Tensor:
        """Logits (N, H, K) over the clusters of all H sortings."""
        z = self.project(images)
        if self.knobs.version == "v1":
            logits = self.classifier(z).float()
        else:
            logits = cosines(z, self.sortings.centroids.flatten(0, 1)) / self.knobs.temperature
        return logits.view(len(images), self.knobs.clusterings, -1)

    def loss(self, views: Views) -> Losses:
        seen = [views[name] for name in ("view1", "view2") if name in views]
        target, weight = (views[name].repeat(len(seen), 1).flatten() for name in ("target", "weight"))
        logits = self.answer(torch.cat(seen)).flatten(0, 1)
        each = weight * F.cross_entropy(logits, target, reduction="none")
        hits = (logits.argmax(1) == target).float().mean()
        metrics = {"pretext_accuracy": hits, **self.sortings.figures()}
        return Losses({"cross_entropy": each.mean()}, metrics)

    def on_epoch(self, epoch: Epoch) -> None:
        if self.sorted_at >= 0 and epoch.step - self.sorted_at < self.knobs.recluster_every:
            return
        v1, generator = self.knobs.version == "v1", epoch.generator
        self.sortings.sort(
            self.features(epoch.images), uniform=self.knobs.uniform_sampling, generator=generator,
            iterations=ITERATIONS, spherical=not v1, reassign_empty=self.knobs.reassign_empty,
        )  # fmt: skip
        self.sorted_at.fill_(epoch.step)
        if v1:  # the new clusters' numbers mean nothing to the old classifier
            weight, bias = self.classifier.parameters()
            weight.copy_(0.01 * torch.randn(weight.shape, generator=generator))
            bias.zero_()

    def features(self, images: Tensor) -> Tensor:
        """What all images (uint8) are sorted by: unit rows (n, d)."""
        was = self.training
        self.eval()
        rows = torch.cat([self.project(as_floats(part)).float() for part in images.split(1000)])
        self.train(was)
        return F.normalize(whiten(rows, COMPONENTS) if self.knobs.version == "v1" else rows, dim=1)

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        text = "The cluster that the network puts each view in, and how surely."
        names = group_names(self.answer(views["view1"])[:, 0].softmax(1))
        return [Panel("Sorted", views["view1"], names, text), *self.sortings.panels()]
