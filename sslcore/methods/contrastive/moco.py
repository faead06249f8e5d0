"""MoCo: find one's own key among a queue of past keys, made by a slowly moving copy of the network."""

from math import exp, log
from typing import Literal

import torch
from torch import nn

from sslcore.distributed import gather
from sslcore.encoders import InputInfo, VisionTransformer, mlp, predictor
from sslcore.knobs import knob
from sslcore.losses import info_nce, moco_info_nce
from sslcore.methods.base import Batch, Losses, Panel, Progress, Views
from sslcore.methods.contrastive.simclr import SimCLRSettings
from sslcore.methods.ema import momentum_at
from sslcore.methods.memory import KeepsQueue, Queue, QueueSettings
from sslcore.methods.momentum import MomentumSettings, MomentumTwoView, in_groups
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings


class MoCoSettings(QueueSettings, MomentumSettings, SimCLRSettings):
    version: Literal["v1", "v2", "v3"] = knob(
        "v2",
        help="v1: a linear head. v2: an MLP. v3: no queue, but a predictor, both directions and a momentum that rises "
        "to 1.",
    )
    bn_groups: int = knob(
        1,
        1,
        64,
        help="A batch is cut into so many parts of two images or more; batch norm sees one at a time, as on so many "
        "GPUs; each process deals out its own images. v1 and v2 only; transformers have no batch norm.",
        advanced=True,
    )
    shuffle_bn: bool = knob(
        True,
        help="Keys are grouped differently from queries, so that shared statistics tell nothing. One group cannot be.",
        advanced=True,
    )
    predictor_hidden: int = knob(256, 2, 4096, help="Width of v3's predictor's hidden layer.", advanced=True)


def loss_at(s: RunSettings, spread: float) -> float:
    """The loss when all images lie at one point (spread 0) or at the corners of a simplex (spread 1)."""
    v3, t = s["version"] == "v3", s["temperature"]
    scale, negatives = (4 * t, s["batch_size"] - 1) if v3 else (1.0, s["queue_size"])
    return scale * log(1 + negatives * exp(-spread * (1 + 1 / negatives) / t))


@register
class MoCo(KeepsQueue, MomentumTwoView):
    """Momentum contrast. He et al., arXiv 1911.05722 (v1); Chen et al., 2003.04297 (v2), 2104.02057 (v3)."""

    card = Card(
        id="moco",
        title="MoCo",
        family="contrastive",
        year=2020,
        paper="He, Fan, Wu, Xie, Girshick · CVPR 2020",
        arxiv="1911.05722",
        idea="Look up an image's key in a dictionary of many keys. The dictionary is a queue of past batches, so it "
        "can be far larger than a batch, and a slowly moving copy of the network makes keys that stay comparable.",
        formula=r"-\log\frac{\exp(\bar q^\top\bar k_+/\tau)}{\exp(\bar q^\top\bar k_+/\tau)"
        r"+\sum_{j=1}^{K}\exp(\bar q^\top Q_j/\tau)},\quad\xi\leftarrow m\,\xi+(1-m)\,\theta",
        sees="Two augmented views of every image: one becomes the query, the other the key.",
        target="For each query, its own key among the K of the queue; in v3, among the keys of the batch.",
        chance=lambda s: loss_at(s, 0),
        collapse=lambda s: loss_at(s, 0),
        best=lambda s: loss_at(s, 1),
        switches=(
            Switch({"momentum": 1.0}, "Keys come from a network that never learns: little can be agreed on."),
            Switch({"momentum": 0.0}, "The queue's keys come from many networks: nothing stays comparable."),
            Switch(
                {"bn_groups": 16, "shuffle_bn": False},
                "Query and key share one small group's statistics, which give the positive away: features get worse.",
            ),
        ),
        notes=(
            "A long queue holds other views of the same images if there are few: they wrongly count as negatives.",
            "v3 multiplies each of its two cross-entropies by 2τ, so that its loss at collapse is 4τ ln N.",
        ),
    )
    Settings = MoCoSettings

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        width, v3 = self.knobs.projector_output, self.knobs.version == "v3"
        self.queue = None if v3 else Queue(self.knobs.queue_size, width)
        if v3:
            self.predictor = predictor(width, self.knobs.predictor_hidden)
            if isinstance(self.encoder, VisionTransformer):  # random patches train more stably (section 4.2)
                self.encoder.patch_embedding.requires_grad_(False)

    @classmethod
    def check(cls, settings: RunSettings) -> None:
        if settings["version"] != "v3":
            super().check(settings)

    def build_projector(self, inputs: int) -> nn.Module:
        hidden, outputs = self.knobs.projector_hidden, self.knobs.projector_output
        if self.knobs.version == "v1":
            return nn.Linear(inputs, outputs)
        v3 = self.knobs.version == "v3"
        return mlp(inputs, hidden, outputs, norm=v3, final_norm=v3)

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        lots = torch.rand(len(batch.images), 2, generator=generator).to(batch.images.device)
        return {**super().views(batch, generator), "lots": lots}

    def loss(self, views: Views) -> Losses:
        return self.both_ways(views) if self.knobs.version == "v3" else self.look_up(views)

    def look_up(self, views: Views) -> Losses:
        """v1 and v2: one direction, against the queue."""
        knobs, lots = self.knobs, views["lots"]
        query = in_groups(self.project, views["view1"], lots[:, 0], knobs.bn_groups).float()
        with torch.no_grad():
            lot = lots[:, 1 if knobs.shuffle_bn else 0]
            key = in_groups(self.target, views["view2"], lot, knobs.bn_groups).float()
        self.queue.waiting = key
        loss = moco_info_nce(query, key, self.queue.rows, temperature=knobs.temperature)
        found = (self.queue.rank(query, key) == 0).float().mean()
        return Losses({"info_nce": loss}, {"pretext_accuracy": found})

    def both_ways(self, views: Views) -> Losses:
        """v3: the keys of the batch, each view once as query and once as key."""
        q1, q2 = map(gather, self.predictor(torch.cat(self.project_both(views))).float().chunk(2))
        with torch.no_grad():
            keys = self.target(torch.cat([views["view1"], views["view2"]])).float()
            k1, k2 = map(gather, keys.chunk(2))
        t = self.knobs.temperature
        loss = 2 * t * (info_nce(q1, k2, temperature=t) + info_nce(q2, k1, temperature=t))
        return Losses({"info_nce": loss})

    def momentum(self, progress: Progress) -> float:
        start = self.knobs.momentum
        return momentum_at(start, progress.fraction) if self.knobs.version == "v3" else start

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        panels = super().preview(views)
        if self.knobs.version == "v3":
            return panels
        rank = self.queue.rank(self.project(views["view1"]).float(), self.target(views["view2"]).float())
        captions = tuple("first ✓" if r == 0 else f"place {r + 1}" for r in rank.tolist())
        text = "Where its own key comes among those of the queue, by similarity."
        return [Panel("The query's own key", views["view1"], captions, text), *panels[1:]]
