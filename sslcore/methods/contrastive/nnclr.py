"""NNCLR: the positive is not the other view itself but the nearest neighbour of that view."""

from math import exp, log

import torch
from torch.nn import functional as F

from sslcore.distributed import gather
from sslcore.encoders import InputInfo, predictor
from sslcore.knobs import knob
from sslcore.losses import nnclr
from sslcore.methods.base import Losses, TwoView, Views
from sslcore.methods.contrastive.simclr import SimCLRSettings
from sslcore.methods.memory import KeepsQueue, Queue, QueueSettings
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings


class NNCLRSettings(QueueSettings, SimCLRSettings):
    predictor_hidden: int = knob(256, 2, 4096, help="Width of the predictor's hidden layer.", advanced=True)


@register
class NNCLR(KeepsQueue, TwoView):
    """Dwibedi, Aytar, Tompson, Sermanet, Zisserman, ICCV 2021, arXiv 2104.14548."""

    card = Card(
        id="nnclr",
        title="NNCLR",
        family="contrastive",
        year=2021,
        paper="Dwibedi, Aytar, Tompson, Sermanet, Zisserman · ICCV 2021",
        arxiv="2104.14548",
        idea="Augmentations only ever show the same picture. Here the first view is replaced by its nearest "
        "neighbour among past embeddings, so that different pictures of similar things are drawn together.",
        formula=r"-\frac1N\sum_i\log\frac{\exp(\mathrm{NN}(\bar z_i,Q)^\top\bar p_i^{+}/\tau)}"
        r"{\sum_{k=1}^{N}\exp(\mathrm{NN}(\bar z_i,Q)^\top\bar p_k^{+}/\tau)}",
        sees="Two augmented views of every image, and a queue of past embeddings.",
        target="For the neighbour of each view: which other view of the batch belongs to it, in both directions.",
        chance=lambda s: log(s["batch_size"]),
        collapse=lambda s: log(s["batch_size"]),
        best=lambda s: log(
            1 + (s["batch_size"] - 1) * exp(-(1 + 1 / (s["batch_size"] - 1)) / s["temperature"])
        ),
        switches=(
            Switch(
                {"queue_size": 1},
                "All views have the same neighbour, so none can be told apart: the loss cannot fall below ln N.",
            ),
            Switch(
                {"jitter": 0.0, "grayscale": 0.0},
                "Neighbours agree in colour, not in content, and the network is confirmed in it.",
            ),
        ),
        notes=(
            "Neighbours are only as good as the embedding that finds them: the start is slower than SimCLR's.",
        ),
    )
    Settings = NNCLRSettings
    final_norm = True

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        self.predictor = predictor(self.knobs.projector_output, self.knobs.predictor_hidden)
        self.queue = Queue(self.knobs.queue_size, self.knobs.projector_output)

    def loss(self, views: Views) -> Losses:
        z1, z2 = self.project_both(views)
        p1, p2 = map(gather, self.predictor(torch.cat([z1, z2])).float().chunk(2))
        n1, n2 = (gather(self.queue.nearest(z)) for z in (z1, z2))
        self.queue.waiting = z1.detach()
        t = self.knobs.temperature
        loss = (nnclr(n1, p2, temperature=t) + nnclr(n2, p1, temperature=t)) / 2
        return Losses(
            {"nnclr": loss}, {"neighbour_cosine": F.cosine_similarity(gather(z1.detach()), n1).mean()}
        )
