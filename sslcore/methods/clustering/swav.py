"""SwAV: from one view of an image, tell the group that another view was sorted into."""

from math import log

import torch
from torch import Tensor
from torch.nn import functional as F

from sslcore.distributed import gather
from sslcore.encoders import InputInfo, Prototypes
from sslcore.knobs import knob
from sslcore.losses import sinkhorn, swapped_prediction
from sslcore.methods.base import Losses, Panel, Views, resemblance
from sslcore.methods.groups import groups_in_use, show_groups
from sslcore.methods.memory import KeepsQueue, Queue
from sslcore.methods.multi_crop import MultiCrop, MultiCropSettings
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings


class SwAVSettings(MultiCropSettings):
    prototypes: int = knob(
        100, 2, 65_536, help="How many groups there are: several times the classes you expect."
    )
    temperature: float = knob(
        0.1,
        0.01,
        5.0,
        help="Low: a view must be sure of its group. High: a rough idea will do.",
        live=True,
        log=True,
    )
    sinkhorn: bool = knob(
        True,
        help="Images are spread evenly over the groups. Off: one or two groups take nearly all.",
        live=True,
    )
    sinkhorn_epsilon: float = knob(
        0.05,
        0.005,
        10.0,
        help="How soft the sorting is. High: every image in all groups.",
        live=True,
        log=True,
    )
    sinkhorn_iterations: int = knob(3, 1, 100, help="Rounds of evening out the groups.", advanced=True)
    queue_size: int = knob(
        0,
        0,
        65_536,
        help="Past embeddings that are sorted together with the batch; of use where groups outnumber its images. "
        "A multiple of both views of a batch, or less.",
        advanced=True,
    )


@register
class SwAV(KeepsQueue, MultiCrop):
    """Swapping assignments between views. Caron et al., NeurIPS 2020, arXiv 2006.09882."""

    card = Card(
        id="swav",
        title="SwAV",
        family="clustering",
        year=2020,
        paper="Caron, Misra, Mairal, Goyal, Bojanowski, Joulin · NeurIPS 2020",
        arxiv="2006.09882",
        idea="Sort the images of a batch evenly into groups by one view, then ask the other views which group their "
        "image is in. The groups are learned along the way, and sorting evenly keeps one of them from taking all.",
        formula=r"\frac1{2(V-1)}\sum_{s\in\{1,2\}}\sum_{v\ne s}-\frac1N\sum_n\sum_k q^{(s)}_{nk}\log\mathrm{softmax}"
        r"\big(\bar z^{(v)}_n C^\top/\tau\big)_k,\quad q=\mathrm{Sinkhorn}\big(\bar z C^\top/\varepsilon\big)",
        sees="Two large augmented views of every image, and small ones if asked for.",
        target="From each view: the group into which a large view of the same image was sorted.",
        chance=lambda s: log(s["prototypes"]),
        collapse=lambda s: log(s["prototypes"]) if s["sinkhorn"] else 0.0,
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"sinkhorn": False},
                "Nothing spreads the images any more: one or two groups take nearly all and the loss falls to nothing.",
                collapses=True,
            ),
            Switch(
                {"sinkhorn_epsilon": 10.0},
                "Every image lies equally in all groups: there is nothing to predict and the loss stays at ln K.",
            ),
            Switch(
                {"local_crops": 4},
                "Small views take time and show scraps, above all of small toys: in a minute less is learned.",
            ),
        ),
        notes=(
            "With fewer images than groups in a batch the sorting is arbitrary: set queue_size above 0.",
            "The queue counts from the first step on, when it holds random vectors; the paper waits until it is full.",
            "The paper holds its prototypes still for the first epoch; a run of a minute cannot spare one.",
        ),
    )
    Settings = SwAVSettings
    # a norm on the output spreads the first embeddings, so that there is something to sort from the start
    final_norm = True
    queued_views = 2

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        width = self.knobs.projector_output
        self.prototypes = Prototypes(width, self.knobs.prototypes)
        self.queue = Queue(self.knobs.queue_size, width)

    @torch.no_grad()
    def sort(self, scores: Tensor) -> Tensor:
        """The codes (N, K) of a batch from its cosines to the prototypes, spread evenly together with the queue."""
        if not self.knobs.sinkhorn:
            return (scores / self.knobs.sinkhorn_epsilon).softmax(1)
        together = torch.cat([scores, self.prototypes(self.queue.rows)])
        epsilon, iterations = self.knobs.sinkhorn_epsilon, self.knobs.sinkhorn_iterations
        return sinkhorn(together, epsilon=epsilon, iterations=iterations)[: len(scores)]

    def loss(self, views: Views) -> Losses:
        crops = self.project_crops(views)
        if self.knobs.queue_size:
            self.queue.waiting = torch.cat(crops[:2]).detach()
        scores = [self.prototypes(gather(z)) for z in crops]  # cosines (N, K)
        codes = [self.sort(large) for large in scores[:2]]
        swapped = [
            swapped_prediction(scores[v], code, temperature=self.knobs.temperature)
            for s, code in enumerate(codes)
            for v in range(len(scores))
            if v != s
        ]
        return Losses({"swapped_prediction": torch.stack(swapped).mean()}, {"groups": self.used(scores[0])})

    def used(self, scores: Tensor) -> Tensor:
        """How many groups the predictions of a batch use."""
        return groups_in_use((scores.detach() / self.knobs.temperature).softmax(1))

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        z1, z2 = (F.normalize(z, dim=1) for z in self.project_both(views))
        groups = ((self.prototypes(z) / self.knobs.temperature).softmax(1) for z in (z1, z2))
        return [*show_groups(views, *groups), resemblance(z1 @ z2.T), *self.small_views(views)]
