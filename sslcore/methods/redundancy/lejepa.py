"""LeJEPA: views of an image agree, and the embeddings of a batch look like a Gaussian; that is all."""

import torch
from torch.nn import functional as F

from sslcore.distributed import processes
from sslcore.knobs import knob
from sslcore.losses import sigreg
from sslcore.methods.base import Batch, Losses, Views
from sslcore.methods.many_views import ManyViews, ManyViewsSettings
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings


class LeJEPASettings(ManyViewsSettings):
    sigreg_weight: float = knob(
        0.05,
        0.0,
        1.0,
        help="Share of the loss that wants a Gaussian; the rest wants the views of an image to agree.",
        live=True,
    )
    directions: int = knob(
        64,
        8,
        4096,
        help="Random directions along which the embedding is tested, new ones at every step.",
        advanced=True,
    )


def noise(settings: RunSettings) -> float:
    """Loss of embeddings that are a perfect Gaussian and have nothing to do with the image."""
    weight, views = settings["sigreg_weight"], settings["views_per_image"]
    return (1 - weight) * (1 - 1 / views) + weight * 1.0525  # the test's mean over Gaussian samples


def point(settings: RunSettings) -> float:
    """Loss of embeddings that are all zero: the views agree, and the test is at its worst for a mean of 0."""
    zeros = torch.zeros(settings["batch_size"], 1)
    return settings["sigreg_weight"] * sigreg(zeros, directions=torch.ones(1, 1)).item()


@register
class LeJEPA(ManyViews):
    """Balestriero, LeCun, 2025, arXiv 2511.08544."""

    card = Card(
        id="lejepa",
        title="LeJEPA",
        family="redundancy",
        year=2025,
        paper="Balestriero, LeCun · 2025",
        arxiv="2511.08544",
        idea="All views of an image should land on one spot, and the spots of all images together should fill space "
        "like a Gaussian cloud. Whether they do is tested along random directions, one dimension at a time; there "
        "is no teacher, no stop-gradient, no predictor and no negative.",
        formula=r"(1-\lambda)\,\frac{1}{VNd}\sum_{v,i}\lVert z_{v,i}-m_i\rVert^2+\frac{\lambda}{V}\sum_v T(Z_v),"
        r"\quad T(Z)=\mathbb E_a\,N\!\int\!\Big|\tfrac1N\sum_i e^{\mathrm i t\,a^\top z_i}-e^{-t^2/2}\Big|^2"
        r"e^{-t^2/2}dt",
        sees="Several augmented views of every image.",
        target="For each view, the mean embedding m of its image's views; for the batch, a Gaussian.",
        chance=noise,
        collapse=point,
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"sigreg_weight": 0.0},
                "Agreement alone: the embedding shrinks to a point.",
                collapses=True,
            ),
            Switch(
                {"sigreg_weight": 1.0},
                "A perfect Gaussian that has nothing to do with the images: views need not agree.",
            ),
        ),
        notes=(
            "The test grows with the batch, so its weight means something else at another batch size.",
            "Even a true Gaussian scores about 1 in the test: that much is sampling noise.",
        ),
    )
    Settings = LeJEPASettings
    defaults = {"batch_size": 128, "projector_output": 32}

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        """Views, and ``directions`` (M, d), which processes share out like rows."""
        directions = torch.randn(self.knobs.directions, self.knobs.projector_output, generator=generator)
        return {
            **super().views(batch, generator),
            "directions": F.normalize(directions, dim=1).to(batch.images.device),
        }

    def loss(self, views: Views) -> Losses:
        z, weight = self.project_all(views), self.knobs.sigreg_weight
        invariance = (z - z.mean(0)).square().mean()
        gaussian = torch.stack([sigreg(view, directions=views["directions"]) for view in z]).mean()
        # so that the mean over processes is the mean over directions, where one has more of them than another
        gaussian = gaussian * len(views["directions"]) * processes() / self.knobs.directions
        return Losses(
            {"invariance": (1 - weight) * invariance, "sigreg": weight * gaussian},
            {"gaussian_test": gaussian.detach()},
        )
