"""Barlow Twins: the cross-correlation matrix of two views should be the identity."""

import torch
from torch import nn

from sslcore.distributed import gather
from sslcore.encoders import mlp
from sslcore.knobs import knob
from sslcore.losses import barlow_twins, cross_correlation
from sslcore.methods.base import Losses, TwoView, TwoViewSettings, Views
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings


class BarlowTwinsSettings(TwoViewSettings):
    # The penalty sums over d - 1 others per dimension: the paper's 0.0051 is for 8,192 dimensions, here are fewer.
    redundancy_weight: float = knob(
        0.02,
        0.0,
        10.0,
        help="Push that makes dimensions different, against the pull that makes views agree.",
        live=True,
    )


def unrelated(settings: RunSettings) -> float:
    """Loss of views that have nothing in common: every correlation is noise of variance 1/N."""
    d, n = settings["projector_output"], settings["batch_size"]
    return d * (1 + 1 / n) + settings["redundancy_weight"] * d * (d - 1) / n


@register
class BarlowTwins(TwoView):
    """Zbontar, Jing, Misra, LeCun, Deny, ICML 2021, arXiv 2103.03230."""

    card = Card(
        id="barlow_twins",
        title="Barlow Twins",
        family="redundancy",
        year=2021,
        paper="Zbontar, Jing, Misra, LeCun, Deny · ICML 2021",
        arxiv="2103.03230",
        idea="Over a batch, each dimension of one view should correlate perfectly with the same dimension of the "
        "other view, and not at all with any other dimension. A constant correlates with nothing, so collapse "
        "does not pay.",
        formula=r"\sum_i(1-\mathcal C_{ii})^2+\lambda\sum_i\sum_{j\ne i}\mathcal C_{ij}^2,\quad "
        r"\mathcal C_{ij}=\frac{\sum_b z_{b,i}\,z'_{b,j}}{\sqrt{\sum_b z_{b,i}^2}\sqrt{\sum_b {z'}_{b,j}^2}}",
        sees="Two augmented views of every image.",
        target="A cross-correlation matrix equal to the identity.",
        chance=unrelated,
        collapse=lambda s: float(s["projector_output"]),
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"redundancy_weight": 0.0},
                "Dimensions may copy each other: the views agree perfectly while the rank falls.",
            ),
        ),
        notes=(
            "The authors sum over dimensions, as here; libraries that scale the sum differ by that factor only.",
            "The columns of z are centred over the batch first.",
            "With as many dimensions as images or more the matrix cannot be the identity: its rank is N − 1 at most.",
        ),
    )
    Settings = BarlowTwinsSettings
    defaults = {"projector_output": 128}

    def build_projector(self, inputs: int) -> nn.Module:
        """Three layers as in the paper; the loss itself standardises the last one's output."""
        hidden = self.knobs.projector_hidden
        return mlp(inputs, hidden, hidden, self.knobs.projector_output, final_bias=False)

    def loss(self, views: Views) -> Losses:
        z1, z2 = map(gather, self.project_both(views))
        loss = barlow_twins(z1, z2, redundancy_weight=self.knobs.redundancy_weight)
        return Losses({"barlow_twins": loss}, self.correlations(z1.detach(), z2.detach()))

    @staticmethod
    def correlations(z1: torch.Tensor, z2: torch.Tensor) -> dict[str, torch.Tensor]:
        """Mean size of the matrix on its diagonal (should be 1) and beside it (should be 0)."""
        size = cross_correlation(z1, z2).abs()
        on, d = size.diagonal().sum(), len(size)
        return {"same_dimension": on / d, "other_dimensions": (size.sum() - on) / (d * (d - 1))}
