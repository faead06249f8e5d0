"""EMP-SSL: many patches of an image agree with their mean, while each batch of patches spans all it can."""

from math import log

import torch
from torch.nn import functional as F

from sslcore.knobs import knob
from sslcore.losses import coding_rate
from sslcore.methods.base import Losses, Views
from sslcore.methods.many_views import ManyViews, ManyViewsSettings
from sslcore.registry import Card, Switch, register
from sslcore.settings import RunSettings
from sslcore.views import ViewSettings


class EMPSSLSettings(ManyViewsSettings):
    patch_area: float = knob(
        0.25,
        0.02,
        1.0,
        help="Area of every patch, as a fraction of the image's, in place of random crops.",
        live=True,
    )
    # The paper's 200 balances 1,024 dimensions; the coding rate of 64 is some four times smaller.
    invariance_weight: float = knob(
        50.0, 0.0, 1000.0, help="Pull between each patch and the mean of its image's patches.", live=True
    )
    rate_weight: float = knob(
        1.0, 0.0, 100.0, help="Push that makes the embeddings of a batch span more volume.", live=True
    )
    coding_epsilon: float = knob(
        0.2,
        0.001,
        10.0,
        help="The coding rate's epsilon: squared differences below it do not count as volume.",
        advanced=True,
        log=True,
    )


def widest(settings: RunSettings) -> float:
    """The largest coding rate of N unit rows in d dimensions."""
    d, epsilon = settings["projector_output"], settings["coding_epsilon"]
    rank = min(d, settings["batch_size"])
    return rank / 2 * log(1 + d / (rank * epsilon))


@register
class EMPSSL(ManyViews):
    """Extreme multi-patch SSL. Tong, Chen, Ma, LeCun, 2023, arXiv 2304.03977."""

    card = Card(
        id="emp_ssl",
        title="EMP-SSL",
        family="redundancy",
        year=2023,
        paper="Tong, Chen, Ma, LeCun · 2023",
        arxiv="2304.03977",
        idea="Cut many small patches from every image and pull each one to the mean of its image, while the patches "
        "of different images together must span as much volume as possible. So many comparisons per image make "
        "it learn in very few passes over the data.",
        formula=r"-\frac1V\sum_v R(Z_v)-\frac{\lambda}{VN}\sum_{v,i}\cos(z_{v,i},m_i),\quad "
        r"R(Z)=\tfrac12\log\det\!\Big(I+\tfrac{d}{N\epsilon}\,\bar Z^\top\bar Z\Big)",
        sees="Several augmented patches of every image, all of the same size.",
        target="For each patch, the mean embedding m of its image's patches.",
        collapse=lambda s: (
            -s["rate_weight"] / 2 * log(1 + s["projector_output"] / s["coding_epsilon"])
            - s["invariance_weight"]
        ),
        best=lambda s: -s["rate_weight"] * widest(s) - s["invariance_weight"],
        switches=(
            Switch(
                {"rate_weight": 0.0},
                "Agreement alone: all patches of all images get the same embedding.",
                collapses=True,
            ),
            Switch(
                {"invariance_weight": 0.0},
                "Patches need not agree: the embedding spans everything and means little.",
            ),
        ),
        notes=(
            "Guessing has no value of its own: how alike random patches are depends on the network.",
            "Probes see whole images, as those of every method here; the paper averages over patches.",
        ),
    )
    Settings = EMPSSLSettings
    term_weights = ("invariance_weight", "rate_weight")
    defaults = {"views_per_image": 8, "batch_size": 128, "view_scale": 0.5}

    @property
    def augmentations(self) -> ViewSettings:
        """The run's augmentations on crops of one fixed area."""
        area = self.knobs.patch_area
        return self.settings.views.change(crop_min=area, crop_max=area)

    def loss(self, views: Views) -> Losses:
        z, knobs = F.normalize(self.project_all(views), dim=2), self.knobs
        rate = torch.stack([coding_rate(patch, epsilon=knobs.coding_epsilon) for patch in z]).mean()
        cosine = F.cosine_similarity(z, z.mean(0, keepdim=True), dim=2).mean()
        return Losses(
            {"coding_rate": -knobs.rate_weight * rate, "invariance": -knobs.invariance_weight * cosine},
            {"cosine_to_mean": cosine.detach()},
        )
