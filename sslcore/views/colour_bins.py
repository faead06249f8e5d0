"""Colours as classes: the a-b plane of CIELAB cut into bins (Zhang et al., arXiv 1603.08511, section 2.1)."""

from functools import lru_cache

import torch
from torch import Tensor

from sslcore.views.lab import rgb_to_lab

_LEVELS = 64  # of red, green and blue when the gamut is scanned


def gamut_bins(size: float) -> Tensor:
    """Centres (Q, 2) of those cells of a grid of this size over a and b that some sRGB colour falls into.

    Q is 261, 76 and 50 for sizes 10, 20 and 25. (The paper's list of 313 for size 10 is wider.)
    """
    return _gamut_bins(size).clone()


@lru_cache(maxsize=16)
def _gamut_bins(size: float) -> Tensor:
    level = torch.linspace(0, 1, _LEVELS, dtype=torch.float64)
    colours = torch.cartesian_prod(level, level, level).T.reshape(1, 3, -1, 1)
    cells = (rgb_to_lab(colours)[0, 1:, :, 0].T / size).round().long()
    occupied = (1000 * cells[:, 0] + cells[:, 1]).unique()
    first = (occupied / 1000).round().long()
    return (size * torch.stack([first, occupied - 1000 * first], 1)).float()


def nearest_bin(ab: Tensor, bins: Tensor) -> Tensor:
    """The bin of every pixel: (N, 2, h, w) and (Q, 2) to (N, h, w) int64."""
    return _distances(ab, bins).argmin(-1)


def soft_bins(ab: Tensor, bins: Tensor, *, sigma: float, neighbours: int = 5) -> Tensor:
    """Every colour shared out over its nearest bins, with Gaussian weights of their distance that sum to 1.

    Args:
        ab: (N, 2, h, w).
        bins: (Q, 2).
        sigma: of the Gaussian, in units of a and b; 5 in the paper, half a bin.
        neighbours: how many bins share; 5 in the paper.

    Returns:
        (N, Q, h, w), rows over Q sum to 1.
    """
    distance, index = _distances(ab, bins).topk(min(neighbours, len(bins)), largest=False)
    weight = (-0.5 * (distance / sigma) ** 2).softmax(-1)
    shares = weight.new_zeros(*index.shape[:-1], len(bins)).scatter_(-1, index, weight)
    return shares.movedim(-1, 1)


def annealed_mean(logits: Tensor, bins: Tensor, *, temperature: float) -> Tensor:
    """One colour from a distribution over bins: the mean after sharpening (equation 5 of the paper).

    Temperature 1 gives the expectation, which is dull; towards 0 the mode, which is patchy; 0.38 in the paper.

    Args:
        logits: (N, Q, h, w).
        bins: (Q, D), what each bin stands for: a and b, or a lightness.

    Returns:
        (N, D, h, w).
    """
    share = (logits.float() / temperature).softmax(1)
    return (share.movedim(1, -1) @ bins.to(share)).movedim(-1, 1)


def rebalancing_weights(prior: Tensor, *, uniform_share: float) -> Tensor:
    """Weights (Q,) that make rare colours count: 1 / ((1 - u) prior + u / Q), scaled to mean 1 under the prior.

    Equation 4 of the paper, u = 0.5 there. u = 1 weighs all alike.
    """
    mixed = (1 - uniform_share) * prior + uniform_share / len(prior)
    weight = 1 / mixed.clamp(min=1e-6)  # a colour never seen would weigh infinitely at u = 0
    return weight / (prior * weight).sum()


def _distances(ab: Tensor, bins: Tensor) -> Tensor:
    return torch.cdist(ab.movedim(1, -1), bins.to(ab), compute_mode="donot_use_mm_for_euclid_dist")
