"""k-means and what precedes it: how images, or patches, are sorted into clusters without learning."""

import torch
from torch import Tensor
from torch.nn import functional as F

from sslcore.losses.common import full_precision

CHUNK = 4096  # rows compared with all centroids at a time


@torch.no_grad()
@full_precision
def kmeans(
    rows: Tensor,
    clusters: int,
    *,
    iterations: int,
    generator: torch.Generator,
    spherical: bool = False,
    reassign_empty: bool = True,
) -> tuple[Tensor, Tensor]:
    """Lloyd's algorithm from random rows.

    Args:
        rows: (n, d) on any device.
        clusters: K; more than n is allowed and leaves some empty.
        iterations: rounds of assigning and averaging.
        generator: a CPU generator.
        spherical: centroids are projected on the unit sphere, as is right for unit rows.
        reassign_empty: a cluster that lost all its rows moves beside a large one, of which it takes a part.

    Returns:
        Centroids (K, d) and the nearest one of every row, (n,) int64.
    """
    order = torch.randperm(len(rows), generator=generator).repeat(-(-clusters // len(rows)))[:clusters]
    centroids = rows[order.to(rows.device)].clone()
    for _ in range(iterations):
        size, total = torch.zeros_like(centroids[:, 0]), torch.zeros_like(centroids)
        for part in rows.split(
            CHUNK
        ):  # a product, because scattered sums come out otherwise each time on a GPU
            member = F.one_hot(nearest(part, centroids), clusters).to(rows.dtype)
            size, total = size + member.sum(0), total + member.T @ part
        mean = total / size.clamp_min(1)[:, None]
        centroids = torch.where(size[:, None] > 0, mean, centroids)
        if reassign_empty:
            _reseed(centroids, size)
        if spherical:
            centroids = F.normalize(centroids, dim=1)
    return centroids, nearest(rows, centroids)


@torch.no_grad()
@full_precision
def nearest(rows: Tensor, centroids: Tensor) -> Tensor:
    """The nearest centroid (K, d) of each of the rows (..., d)."""
    length, flat = centroids.square().sum(1), rows.flatten(0, -2)
    # a table of all distances would be too large for many rows and centroids
    found = [(length - 2 * part @ centroids.T).argmin(1) for part in flat.split(CHUNK)]
    return torch.cat(found).view(rows.shape[:-1])


def _reseed(centroids: Tensor, size: Tensor) -> None:
    """Split the largest clusters, one for each empty one, by stretching two copies in opposite ways. In place."""
    empty = (size == 0).nonzero()[:, 0]
    largest = size.topk(len(empty)).indices
    sign = torch.ones(centroids.shape[1], dtype=centroids.dtype, device=centroids.device)
    sign[1::2] = -1
    centroids[empty] = centroids[largest] * (1 + 1e-3 * sign)
    centroids[largest] *= 1 - 1e-3 * sign


@torch.no_grad()
@full_precision
def whiten(rows: Tensor, dimensions: int) -> Tensor:
    """The leading principal components of (n, d) rows, each with variance 1: (n, at most ``dimensions``).

    Directions without variance come out as 0.
    """
    centred = rows - rows.mean(0)
    covariance = centred.T @ centred / max(1, len(rows) - 1)
    variance, axes = (part.to(rows.device) for part in torch.linalg.eigh(covariance.cpu()))  # MPS has none
    variance, axes = variance.flip(0)[:dimensions], axes.flip(1)[:, :dimensions]
    alive = variance > 1e-6 * variance[0].clamp_min(1e-12)
    return centred @ axes * torch.where(alive, variance.clamp_min(1e-12).rsqrt(), 0.0)


@torch.no_grad()
@full_precision
def whitening(rows: Tensor, softness: float) -> Tensor:
    """Axes (d, d) by which (n, d) rows vary about alike in all directions: ``rows @ axes``.

    Every principal component is divided by sqrt(its variance + ``softness`` * the mean variance), so that directions
    without variance are not blown up.
    """
    variance, axes = torch.linalg.eigh(torch.cov(rows.T).cpu())  # MPS has none
    return (axes * (variance.clamp_min(0) + softness * variance.mean() + 1e-12).rsqrt()).to(rows.device)
