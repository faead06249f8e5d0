"""Decoupled contrastive learning: SimCLR without the positive in the denominator."""

from math import log

from sslcore.distributed import gather
from sslcore.knobs import knob
from sslcore.losses import coupling, decoupled_contrastive
from sslcore.methods.base import Losses, TwoView, Views
from sslcore.methods.contrastive.simclr import SimCLRSettings
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings


class DecoupledSettings(SimCLRSettings):
    weight_sigma: float = knob(
        0.0,
        0.0,
        10.0,
        help="0: DCL, all positives weigh alike. 0.5: DCLW, positives that are still far apart weigh more.",
        live=True,
    )


def optimum(s: RunSettings) -> float:
    """Every pair alone at a corner of a simplex of N images."""
    negatives = 2 * s["batch_size"] - 2
    return log(negatives) - (1 + 1 / (s["batch_size"] - 1)) / s["temperature"]


@register
class Decoupled(TwoView):
    """DCL and DCLW. Yeh, Hong, Hsu, Liu, Chen, LeCun, ECCV 2022, arXiv 2110.06848."""

    card = Card(
        id="decoupled",
        title="Decoupled contrastive (DCL)",
        family="contrastive",
        year=2022,
        paper="Yeh, Hong, Hsu, Liu, Chen, LeCun · ECCV 2022",
        arxiv="2110.06848",
        idea="In SimCLR an easy positive makes the whole gradient fade, also that of its negatives, and in small "
        "batches most positives are easy. Leaving the positive out of the denominator cuts that link.",
        formula=r"\frac{1}{2N}\sum_{i=1}^{2N}\Big(-\frac{w_i\,\bar z_i^\top\bar z_{j(i)}}{\tau}"
        r"+\log\sum_{k\ne i,j(i)}\exp(\bar z_i^\top\bar z_k/\tau)\Big)",
        sees="Two augmented views of every image: 2N pictures.",
        target="Near to the other view, far from the 2N − 2 views of other images.",
        chance=lambda s: log(2 * s["batch_size"] - 2),
        collapse=lambda s: log(2 * s["batch_size"] - 2),
        best=optimum,
        switches=(
            Switch(
                {"jitter": 0.0, "grayscale": 0.0},
                "The colour histogram gives images away: the loss is lower than ever and the accuracy too.",
            ),
            Switch(
                {"temperature": 5.0},
                "All negatives count alike: the loss hardly moves and little is learned.",
            ),
            Switch({"crop_min": 1.0}, "Without crops the views are too alike to teach much."),
        ),
        notes=(
            "The metric coupling is the share of its gradient that SimCLR would keep: the further it falls, the "
            "more DCL differs. Compare both at a batch size of 16 or 32.",
            "The loss may be negative. For each view, SimCLR's is softplus of this one while weight_sigma is 0.",
        ),
    )
    Settings = DecoupledSettings

    def loss(self, views: Views) -> Losses:
        z1, z2 = map(gather, self.project_both(views))
        t, sigma = self.knobs.temperature, self.knobs.weight_sigma
        loss = decoupled_contrastive(z1, z2, temperature=t, weight_sigma=sigma or None)
        kept = coupling(z1.detach(), z2.detach(), temperature=t)
        return Losses({"decoupled": loss}, {"coupling": kept.mean()})
