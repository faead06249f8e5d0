"""IIC: sort two views of an image into groups so that one assignment tells as much as possible about the other."""

from math import log

import torch
from torch import Tensor, nn

from sslcore.distributed import gather
from sslcore.knobs import knob
from sslcore.losses import iic
from sslcore.methods.base import Losses, Panel, TwoView, Views, ViewSizeSettings
from sslcore.methods.groups import check_clusters, groups_in_use, show_groups
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings


class IICSettings(ViewSizeSettings):
    clusters: int = knob(10, 2, 1000, help="Groups of the main heads: as many as you expect classes.")
    extra_clusters: int = knob(
        40, 2, 1000, help="Groups of the auxiliary heads: more and finer ones make the features richer."
    )
    sub_heads: int = knob(
        4, 1, 20, help="Heads of each kind, from different starts: some find better groups.", advanced=True
    )
    entropy_weight: float = knob(
        1.0,
        0.0,
        5.0,
        help="1: mutual information. Below: groups may be lost. Above: groups are pushed to equal size.",
        live=True,
    )


def sizes(settings: RunSettings) -> float:
    """The most that main and auxiliary assignments can tell, in nats."""
    return log(settings["clusters"]) + log(settings["extra_clusters"])


@register
class IIC(TwoView):
    """Invariant information clustering. Ji, Henriques, Vedaldi, ICCV 2019, arXiv 1807.06653.

    Strong colour jitter and grayscale do the work of the paper's Sobel filter; main and auxiliary heads learn at
    once, where the paper lets them take turns by epochs.
    """

    card = Card(
        id="iic",
        title="IIC",
        family="clustering",
        year=2019,
        paper="Ji, Henriques, Vedaldi · ICCV 2019",
        arxiv="1807.06653",
        idea="Let the network name a group for each of two views, and maximise the mutual information of the two. "
        "To score, the names must agree, be certain, and use all groups alike: one group for all says nothing.",
        formula=r"-I(y;y')=-\sum_{c,c'}P_{cc'}\ln\frac{P_{cc'}}{P_c\,P_{c'}},\quad "
        r"P=\tfrac1N\sum_i\Phi(x_i)\,\Phi(x'_i)^\top\ \text{made symmetric}",
        sees="Two augmented views of every image.",
        target="Group assignments of both views that tell all about each other.",
        chance=lambda s: 2 * (1 - s["entropy_weight"]) * sizes(s),  # every image equally in all groups
        collapse=lambda s: 0.0,
        best=lambda s: min(0.0, 1 - 2 * s["entropy_weight"]) * sizes(s),  # sure, agreeing, of equal size
        switches=(
            Switch(
                {"entropy_weight": 0.0},
                "Certainty and agreement alone: one group takes all images, which is both.",
                collapses=True,
            ),
            Switch(
                {"batch_size": 16},
                "Too few images to estimate a table of groups: what looks like information is chance.",
            ),
        ),
        notes=(
            "The table of the auxiliary groups has C² cells, estimated from one batch: batches should be large.",
            "The groups may well be places or colours: nothing says that they must be the classes.",
        ),
    )
    Settings = IICSettings
    # colour is the easiest thing to agree on, and a table of groups needs a large batch
    defaults = {"hue": 0.5, "saturation": 0.8, "grayscale": 0.5, "batch_size": 512}

    def build_projector(self, inputs: int) -> nn.Module:
        """All heads side by side in one linear layer, the groups of each before its extra ones."""
        for name in ("clusters", "extra_clusters"):
            check_clusters(self.info.count, getattr(self.knobs, name), name)
        return nn.Linear(inputs, self.knobs.sub_heads * (self.knobs.clusters + self.knobs.extra_clusters))

    def groups(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Assignments of the main heads (H, N, C) and of the auxiliary ones (H, N, C')."""
        knobs = self.knobs
        logits = logits.view(len(logits), knobs.sub_heads, -1).transpose(0, 1)
        main, extra = logits.split([knobs.clusters, knobs.extra_clusters], dim=2)
        return main.softmax(2), extra.softmax(2)

    def loss(self, views: Views) -> Losses:
        first, second = (self.groups(gather(logits)) for logits in self.project_both(views))
        terms = {}
        for name, heads, others in zip(("groups", "extra_groups"), first, second, strict=True):
            each = [
                iic(p1, p2, entropy_weight=self.knobs.entropy_weight)
                for p1, p2 in zip(heads, others, strict=True)
            ]
            terms[name] = torch.stack(each).mean()
        return Losses(terms, {"groups_in_use": groups_in_use(first[0][0])})

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        p1, p2 = (self.groups(logits)[0][0] for logits in self.project_both(views))
        joint = p1.T @ p2
        return [
            *show_groups(views, p1, p2),
            Panel(
                "Which group with which",
                (joint / joint.max())[None, None],
                text="Row: group of the first view, column: of the second. A full, bright diagonal is the aim.",
                large=True,
            ),
        ]
