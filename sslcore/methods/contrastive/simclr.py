"""SimCLR: find the other view of the same image among all views in the batch."""

from math import exp, log

from sslcore.distributed import gather
from sslcore.knobs import knob
from sslcore.losses import nt_xent
from sslcore.methods.base import Losses, TwoView, TwoViewSettings, Views
from sslcore.registry import Card, Switch, register


class SimCLRSettings(TwoViewSettings):
    temperature: float = knob(
        0.1,
        0.01,
        5.0,
        help="Low: only the hardest negatives count. High: all count alike.",
        live=True,
        log=True,
    )


@register
class SimCLR(TwoView):
    """Chen, Kornblith, Norouzi, Hinton, ICML 2020, arXiv 2002.05709."""

    card = Card(
        id="simclr",
        title="SimCLR",
        family="contrastive",
        year=2020,
        paper="Chen, Kornblith, Norouzi, Hinton · ICML 2020",
        arxiv="2002.05709",
        idea="Two random views of one image should land close together and far from the views of all other "
        "images in the batch. To manage that, the network must keep what views share: the object.",
        formula=r"-\frac{1}{2N}\sum_{i=1}^{2N}\log\frac{\exp(\bar z_i^\top\bar z_{j(i)}/\tau)}"
        r"{\sum_{k\ne i}\exp(\bar z_i^\top\bar z_k/\tau)}",
        sees="Two augmented views of every image: 2N pictures.",
        target="For each view, which of the other 2N − 1 comes from the same image.",
        chance=lambda s: log(2 * s["batch_size"] - 1),
        collapse=lambda s: log(2 * s["batch_size"] - 1),
        # every pair alone at a corner of a simplex: the lowest value any encoder can reach
        best=lambda s: log(
            1 + (2 * s["batch_size"] - 2) * exp(-(1 + 1 / (s["batch_size"] - 1)) / s["temperature"])
        ),
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
    )
    Settings = SimCLRSettings

    def loss(self, views: Views) -> Losses:
        z1, z2 = map(gather, self.project_both(views))
        return Losses({"nt_xent": nt_xent(z1, z2, temperature=self.knobs.temperature)})
