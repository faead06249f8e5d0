"""Alignment and uniformity: what a contrastive loss does, as two numbers.

Wang, Isola 2020, arXiv 2005.10242. Both work on rows projected on the unit sphere.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from sslcore.errors import UserError
from sslcore.losses.common import full_precision, require_pairs, require_positive


@full_precision
def alignment(z1: Tensor, z2: Tensor) -> Tensor:
    """Mean squared distance of the two views of an image: E ||z1 - z2||^2, in [0, 4].

    Args:
        z1, z2: (N, d), row i of both shows the same image.

    Values: 0 when views coincide, which includes collapse; 2 for orthogonal views, 4 for opposite ones.

    Raises:
        UserError: if the shapes differ.
    """
    require_pairs(z1, z2)
    return (F.normalize(z1, dim=1) - F.normalize(z2, dim=1)).pow(2).sum(1).mean()


@full_precision
def uniformity(z: Tensor, *, t: float = 2.0) -> Tensor:
    """How evenly the rows cover the sphere: log E_{i != j} exp(-t ||z_i - z_j||^2), in [-4t, 0].

    Args:
        z: (N, d), N at least 2.
        t: sharpness of the Gaussian potential, above 0.

    Values: 0 (the maximum) at collapse. The uniform distribution on the sphere reaches
    log 0F1(; d/2; t^2) - 2t, which tends to -2t in high dimension (t=2: -3.75 for d=32, -3.94 for d=128).

    Raises:
        UserError: if there are fewer than 2 rows or t is not above 0.
    """
    if z.ndim != 2 or len(z) < 2:
        raise UserError(
            f"Uniformity compares pairs and needs at least 2 rows (N, d), got shape {tuple(z.shape)}."
        )
    require_positive("t", t)
    z = F.normalize(z, dim=1)
    length = z.pow(2).sum(1)  # 1, but 0 for a row of zeros
    potential = t * (2 * z @ z.T - length[:, None] - length)  # -t ||z_i - z_j||^2
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    return potential.masked_fill(itself, float("-inf")).logsumexp((0, 1)) - math.log(len(z) * (len(z) - 1))
