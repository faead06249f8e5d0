"""Alignment and uniformity: the two things a contrastive loss does, asked for directly."""

import torch
from torch.nn import functional as F

from sslcore.distributed import gather
from sslcore.knobs import knob
from sslcore.losses import alignment, uniformity
from sslcore.methods.base import Losses, Panel, TwoView, TwoViewSettings, Views
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings


class AlignUniformSettings(TwoViewSettings):
    align_weight: float = knob(1.0, 0.0, 100.0, help="Pull between the two views of an image.", live=True)
    uniform_weight: float = knob(
        1.0, 0.0, 100.0, help="Push that spreads all images over the sphere.", live=True
    )
    uniform_t: float = knob(
        2.0, 0.1, 20.0, help="How short the push reaches: a large t only parts close neighbours.", live=True
    )


def optimum(s: RunSettings) -> float:
    """Views agree and images form a simplex: by Jensen's inequality nothing is lower, in any dimension."""
    n = s["batch_size"]
    return -2 * s["uniform_t"] * n / (n - 1) * s["uniform_weight"]


@register
class AlignUniform(TwoView):
    """Wang, Isola, ICML 2020, arXiv 2005.10242."""

    card = Card(
        id="align_uniform",
        title="Alignment and uniformity",
        family="contrastive",
        year=2020,
        paper="Wang, Isola · ICML 2020",
        arxiv="2005.10242",
        idea="With many negatives a contrastive loss asks for two things: views of an image close together, and "
        "images spread evenly over the sphere. Here both are minimised as they are, and each can be switched off.",
        formula=r"\lambda_a\,\mathbb E\lVert\bar z-\bar z'\rVert^2+\tfrac{\lambda_u}{2}\big[u(\bar z)+u(\bar z')\big],"
        r"\quad u(z)=\log\mathbb E_{i\ne j}\,e^{-t\lVert z_i-z_j\rVert^2}",
        sees="Two augmented views of every image.",
        target="Equal embeddings of both views, and embeddings all over the sphere.",
        collapse=lambda s: 0.0,
        best=optimum,
        switches=(
            Switch(
                {"uniform_weight": 0.0},
                "Nothing pushes apart: alignment is perfect at one point for all images.",
                collapses=True,
            ),
            Switch(
                {"align_weight": 0.0}, "Views need not agree: a perfectly even spread that means nothing."
            ),
        ),
        notes=(
            "Guessing has no value of its own: how far random views are apart depends on the network.",
            "Set projector_output to 2 and the embedding lives on a circle: the preview shows it fill.",
            "In d dimensions the even spread reaches log 0F1(; d/2; t²) − 2t: −3.88 for d = 64 and t = 2, and "
            "−1.58 on the circle.",
        ),
    )
    Settings = AlignUniformSettings
    term_weights = ("align_weight", "uniform_weight")

    def loss(self, views: Views) -> Losses:
        z1, z2 = map(gather, self.project_both(views))
        knobs = self.knobs
        spread = (uniformity(z1, t=knobs.uniform_t) + uniformity(z2, t=knobs.uniform_t)) / 2
        return Losses(
            {
                "alignment": knobs.align_weight * alignment(z1, z2),
                "uniformity": knobs.uniform_weight * spread,
            }
        )

    @torch.no_grad()
    def preview(self, views: Views) -> list[Panel]:
        z = F.normalize(torch.cat(self.project_both(views)), dim=1)
        side = 64
        column, row = ((z[:, :2].T + 1) / 2 * (side - 1)).round().long()
        disc = torch.zeros(1, 1, side, side, device=z.device)
        disc[0, 0, row, column] = 1.0
        text = "The first two coordinates of every view; in two dimensions all lie on the circle."
        return [*super().preview(views), Panel("On the sphere", disc, text=text, large=True)]
