"""BYOL: predict what a slowly moving average of oneself says about another view."""

import torch

from sslcore.losses import normalized_mse
from sslcore.methods.base import Losses, Views
from sslcore.methods.ema import RisingMomentumSettings
from sslcore.methods.momentum import PredictorSettings, PredictsTarget, RisingMomentumTwoView
from sslcore.registry import Card, Switch, register


class BYOLSettings(RisingMomentumSettings, PredictorSettings):
    """A predictor, and a target that comes to rest."""


@register
class BYOL(PredictsTarget, RisingMomentumTwoView):
    """Bootstrap your own latent. Grill et al., NeurIPS 2020, arXiv 2006.07733."""

    card = Card(
        id="byol",
        title="BYOL",
        family="distillation",
        year=2020,
        paper="Grill, Strub, Altché et al. · NeurIPS 2020",
        arxiv="2006.07733",
        idea="A student predicts a teacher's projection of another view, and the teacher is a moving average of the "
        "student. No negatives: the predictor and the slow teacher keep the embedding from collapsing.",
        formula=r"\big(2-2\,\bar q(z_\theta(v))^\top\mathrm{sg}[\bar z_\xi(v')]\big)+(v\leftrightarrow v'),\quad "
        r"\xi\leftarrow m\,\xi+(1-m)\,\theta",
        sees="Two augmented views of every image.",
        target="From the student's prediction of one view: the teacher's projection of the other.",
        chance=lambda s: 4.0,
        collapse=lambda s: 0.0,
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"predictor": False},
                "Without the predictor student and teacher agree on one point or one line for all images.",
                collapses=True,
            ),
            Switch({"momentum": 1.0}, "The teacher stays random: something is learned, but little."),
        ),
        notes=(
            "A loss of 0 is both perfect and collapsed: only the spread and the rank of the embedding tell.",
            "Both views are drawn alike; the paper blurs one always and the other seldom, and sometimes solarises it.",
        ),
    )
    Settings = BYOLSettings

    def loss(self, views: Views) -> Losses:
        z1, z2 = self.project_both(views)
        p1, p2 = self.predictor(torch.cat([z1, z2])).float().chunk(2)
        with torch.no_grad():
            t1, t2 = self.target(torch.cat([views["view1"], views["view2"]])).float().chunk(2)
        return Losses({"regression": normalized_mse(p1, t2) + normalized_mse(p2, t1)})
