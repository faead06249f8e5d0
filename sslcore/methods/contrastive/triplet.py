"""Triplet loss: nearer to the other view of the same image than to another image, by a margin."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from sslcore.distributed import gather
from sslcore.knobs import knob
from sslcore.losses import triplet
from sslcore.losses.common import full_precision
from sslcore.methods.base import Batch, Losses, TwoView, TwoViewSettings, Views
from sslcore.registry import Card, Switch, register


class TripletSettings(TwoViewSettings):
    margin: float = knob(
        0.5, 0.0, 4.0, help="By how much the squared distance to the negative must be larger.", live=True
    )
    mining: Literal["random", "semihard", "hardest"] = knob(
        "semihard",
        help="Which other image is the negative: any, the nearest beyond the positive, or the nearest of all.",
        live=True,
    )


@register
class Triplet(TwoView):
    """FaceNet's loss with two views as anchor and positive. Schroff, Kalenichenko, Philbin, arXiv 1503.03832."""

    card = Card(
        id="triplet",
        title="Triplet loss",
        family="contrastive",
        year=2015,
        paper="Schroff, Kalenichenko, Philbin · CVPR 2015 (FaceNet)",
        arxiv="1503.03832",
        idea="Take three pictures: an anchor, another view of the same image, and a different image. The anchor "
        "must lie nearer to the first than to the second by a margin; triplets that manage are left in peace.",
        formula=r"\frac1N\sum_i\big[\lVert\bar a_i-\bar p_i\rVert^2-\lVert\bar a_i-\bar n_i\rVert^2+\alpha\big]_+",
        sees="Two augmented views of every image; each is an anchor, with one other image as its negative.",
        target="Distances in the right order.",
        chance=lambda s: s["margin"],
        collapse=lambda s: s["margin"],
        best=lambda s: 0.0,
        switches=(
            Switch(
                {"mining": "random"},
                "Most negatives are far away soon: few triplets stay active and learning slows down.",
            ),
            Switch(
                {"mining": "hardest"},
                "The hardest negatives from the first step on: the loss sticks at the margin, and all fall together.",
                collapses=True,
            ),
            Switch({"margin": 0.0}, "The right order is enough, however close: there is little to do."),
        ),
        notes=(
            "InfoNCE with one negative is this loss at margin 0 with a soft corner: at temperature τ it is "
            "softplus((d⁺ − d⁻) / 2τ), d⁺ and d⁻ being the squared distances to positive and negative; 2τ times that "
            "tends to max(0, d⁺ − d⁻) as τ falls.",
            "A falling loss may only mean that fewer triplets are active: the metric active tells.",
        ),
    )
    Settings = TripletSettings

    def views(self, batch: Batch, generator: torch.Generator) -> Views:
        lot = torch.rand(len(batch.images), generator=generator).to(batch.images.device)
        return {**super().views(batch, generator), "lot": lot}

    @torch.no_grad()
    @full_precision
    def negatives(self, z: Tensor, lot: Tensor) -> Tensor:
        """Which row is the negative of each.

        Args:
            z: (2N, d) unit rows; row i + N shows the same image as row i.
            lot: (N,) random numbers that order the images in a ring, for random negatives.
        """
        count = len(lot)
        if self.knobs.mining == "random":
            ring = lot.argsort()
            following = torch.empty_like(ring).scatter(0, ring, ring.roll(-1))
            return torch.cat([following + count, following])
        squared = 2 - 2 * z @ z.T
        own = squared.roll(count, 1).diagonal()[:, None]
        same_image = torch.eye(count, dtype=torch.bool, device=z.device).repeat(2, 2)
        others = squared.masked_fill(same_image, float("inf"))
        if self.knobs.mining == "hardest":
            return others.argmin(1)
        beyond = others.masked_fill(others <= own, float("inf"))
        farthest = squared.masked_fill(same_image, -1.0).argmax(1)  # where none lies beyond the positive
        return torch.where(beyond.isfinite().any(1), beyond.argmin(1), farthest)

    def loss(self, views: Views) -> Losses:
        z1, z2 = (F.normalize(gather(z), dim=1) for z in self.project_both(views))
        anchor, positive = torch.cat([z1, z2]), torch.cat([z2, z1])
        negative = anchor[self.negatives(anchor, gather(views["lot"]))]
        near, far = ((anchor - z).detach().square().sum(1) for z in (positive, negative))
        margin = self.knobs.margin
        metrics = {
            "active": (near - far + margin > 0).float().mean(),
            "positive_distance": near.mean(),
            "negative_distance": far.mean(),
        }
        return Losses({"triplet": triplet(anchor, positive, negative, margin=margin)}, metrics)
