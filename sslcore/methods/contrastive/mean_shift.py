"""Mean shift: move every image towards the mean of its nearest neighbours; no negatives."""

import torch
from torch.nn import functional as F

from sslcore.distributed import gather
from sslcore.encoders import InputInfo
from sslcore.errors import UserError
from sslcore.knobs import knob
from sslcore.losses import mean_shift
from sslcore.methods.base import Batch, Losses, Views
from sslcore.methods.memory import KeepsQueue, Queue, QueueSettings
from sslcore.methods.momentum import MomentumSettings, PredictorSettings, PredictsTarget
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings
from sslcore.views import random_views

NOT_CALM = ("rotation", "jitter", "grayscale", "blur", "solarize", "cutout", "noise")  # all but crop and flip


class MeanShiftSettings(QueueSettings, PredictorSettings, MomentumSettings):
    neighbours: int = knob(
        5, 1, 100, help="How many neighbours are averaged. 1: the image itself, which is BYOL."
    )
    weak_target: bool = knob(
        True,
        help="The target sees a calmer view, cropped and flipped only: neighbours are found more surely.",
    )


@register
class MeanShift(KeepsQueue, PredictsTarget):
    """MSF. Koohpayegani, Tejankar, Pirsiavash, ICCV 2021, arXiv 2105.07269."""

    card = Card(
        id="mean_shift",
        title="Mean shift",
        family="contrastive",
        year=2021,
        paper="Koohpayegani, Tejankar, Pirsiavash · ICCV 2021",
        arxiv="2105.07269",
        idea="Find the nearest neighbours of an image's target embedding among past ones and move the image towards "
        "their mean: groups tighten as in mean-shift clustering. Nothing pushes apart; with one neighbour it is BYOL.",
        formula=r"\frac1N\sum_i\frac1k\sum_{j\in\mathrm{NN}_k(\bar u_i)}\big(2-2\,\bar v_i^\top M_j\big)",
        sees="A strong view for the student and a weak one, cropped and flipped only, for the target.",
        target="The k stored embeddings nearest to the target's, the target itself being the first.",
        chance=lambda s: 2.0,
        collapse=lambda s: 0.0,
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"predictor": False, "momentum": 0.0},
                "Without predictor and slow target all images move to one point or onto one line.",
                collapses=True,
            ),
            Switch(
                {"neighbours": 100}, "So many neighbours mix the classes: what is unlike is drawn together."
            ),
        ),
        notes=(
            "It stands here for its queue; as nothing pushes apart, it is close to self-distillation.",
            "A loss of 0 is both perfect and collapsed: only the spread and the rank of the embedding tell.",
        ),
    )
    Settings = MeanShiftSettings

    def __init__(self, settings: RunSettings, info: InputInfo) -> None:
        super().__init__(settings, info)
        self.queue = Queue(self.knobs.queue_size, self.knobs.projector_output)

    @classmethod
    def check(cls, settings: RunSettings) -> None:
        super().check(settings)
        stored = settings["queue_size"] + settings["batch_size"]
        if settings["neighbours"] > stored:
            raise UserError(
                f"There are only {stored} embeddings to find {settings['neighbours']} neighbours in: "
                "set neighbours lower or queue_size higher."
            )

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        strong, side = self.settings.views, self.side_of(batch.images, self.knobs.view_scale)
        calm = {name: 0.0 for name in NOT_CALM}
        weak = strong.change(**calm) if self.knobs.weak_target else strong
        return {
            "view1": random_views(batch.images, strong, generator=generator, size=side),
            "view2": random_views(batch.images, weak, generator=generator, size=side),
        }

    def loss(self, views: Views) -> Losses:
        v = self.predictor(self.project(views["view1"])).float()
        with torch.no_grad():
            u = self.target(views["view2"]).float()
        self.queue.waiting = u
        bank = torch.cat([F.normalize(gather(u), dim=1), self.queue.rows])
        return Losses({"mean_shift": mean_shift(v, u, bank, neighbours=self.knobs.neighbours)})
