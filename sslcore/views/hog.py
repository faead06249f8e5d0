"""Histograms of oriented gradients: which way edges run, cell by cell (Dalal, Triggs, CVPR 2005)."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def hog(images: Tensor, cell: int, *, bins: int = 9, normalise: bool = True) -> Tensor:
    """Orientation histograms of every cell and channel; MaskFeat's target (arXiv 2112.09133, section 3.2).

    Centred differences; each pixel votes with its gradient's length for the two bins next to its direction,
    modulo 180 degrees, bin k standing for k * 180 / bins degrees.

    Args:
        images: (N, C, H, W), H and W multiples of ``cell``.
        cell: side of a cell in pixels.
        bins: orientations.
        normalise: every histogram gets length 1 (0 where there is no gradient at all), so that faint edges
            count as strong ones do. Otherwise all are divided by the root mean square length of the batch,
            so that only their common scale is lost.

    Returns:
        (N, C * bins, H / cell, W / cell), not negative.
    """
    across = F.pad(images, (1, 1, 0, 0), mode="replicate")
    down = F.pad(images, (0, 0, 1, 1), mode="replicate")
    dx, dy = across[..., 2:] - across[..., :-2], down[..., 2:, :] - down[..., :-2, :]
    length = (dx.square() + dy.square()).sqrt()[:, :, None]
    position = torch.atan2(dy, dx).remainder(math.pi)[:, :, None] * (bins / math.pi)
    low = position.floor()
    share, low = position - low, low.long() % bins
    votes = torch.zeros(*images.shape[:2], bins, *images.shape[2:], device=images.device)
    votes.scatter_(2, low, length * (1 - share)).scatter_add_(2, (low + 1) % bins, length * share)
    histogram = F.avg_pool2d(votes.flatten(1, 2), cell).unflatten(1, (-1, bins))
    size = histogram.norm(dim=2, keepdim=True)
    size = size.clamp_min(1e-6) if normalise else size.square().mean().sqrt().clamp_min(1e-6)
    return (histogram / size).flatten(1, 2)


def hog_picture(histogram: Tensor, *, bins: int = 9, side: int = 7) -> Tensor:
    """Histograms (N, C * bins, h, w) as pictures (N, 1, h * side, w * side) in [0, 1].

    In every cell a star of strokes along its edges, as bright as they are strong, averaged over channels.
    """
    weight = histogram.unflatten(1, (-1, bins)).mean(1).clamp_min(0)
    angle = torch.arange(bins, device=histogram.device) * (math.pi / bins)
    axis = torch.arange(side, device=histogram.device) - (side - 1) / 2
    # an edge runs at right angles to its gradient, so its points have no part along the gradient
    off = axis[None, None, :] * angle.cos()[:, None, None] + axis[None, :, None] * angle.sin()[:, None, None]
    strokes = (1 - off.abs()).clamp_min(0)
    picture = torch.einsum("nkhw,kyx->nhywx", weight, strokes).flatten(3, 4).flatten(1, 2)[:, None]
    return picture / picture.amax((2, 3), keepdim=True).clamp_min(1e-6)
