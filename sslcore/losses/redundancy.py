"""Losses that keep the dimensions of the embedding alive and different, so that no negatives are needed.

Rows are samples; statistics are taken over the batch. Gradients flow into both views.
"""

import torch
from torch import Tensor

from sslcore.errors import UserError
from sslcore.losses._common import full_precision, require_pairs


@full_precision
def vicreg(
    z1: Tensor,
    z2: Tensor,
    *,
    invariance_weight: float = 25.0,
    variance_weight: float = 25.0,
    covariance_weight: float = 1.0,
) -> dict[str, Tensor]:
    """VICReg's three terms by name, already weighted: their sum is the loss.

        invariance   w_i * mean over N and d of (z1 - z2)^2
        variance     w_v * mean over both views and d of max(0, 1 - sqrt(Var + 1e-4))
        covariance   w_c * sum over both views of 1/d sum_{i != j} Cov_ij^2

    Variances and covariances are unbiased. This is the convention of the authors' code. The paper's
    formulas differ in two ways: they sum the variance term over the views (twice this one) and the
    invariance term over the dimensions (d times this one).
    Bardes, Ponce, LeCun 2022, arXiv 2105.04906, eq. 1 to 6.

    Args:
        z1, z2: (N, d), N at least 2, not normalised; row i of both shows the same image.

    Returns:
        ``{"invariance": ..., "variance": ..., "covariance": ...}``, scalars.

    Values: identical, standardised, uncorrelated views give 0. A constant embedding gives
    0.99 * variance_weight (24.75) and zeros. Copies of one dimension with unit std give a covariance
    term of 2(d-1) * covariance_weight.

    Raises:
        UserError: if the shapes differ or there are fewer than 2 rows.
    """
    require_pairs(z1, z2)
    if len(z1) < 2:
        raise UserError("VICReg needs at least 2 images in a batch to measure a variance.")
    return {
        "invariance": invariance_weight * (z1 - z2).pow(2).mean(),
        "variance": variance_weight * (_variance_hinge(z1) + _variance_hinge(z2)) / 2,
        "covariance": covariance_weight * (_covariance_penalty(z1) + _covariance_penalty(z2)),
    }


def _variance_hinge(z: Tensor) -> Tensor:
    return (1 - (z.var(dim=0) + 1e-4).sqrt()).relu().mean()


def _covariance_penalty(z: Tensor) -> Tensor:
    z = z - z.mean(dim=0)
    return off_diagonal(z.T @ z / (len(z) - 1)).pow(2).sum() / z.shape[1]


def off_diagonal(matrix: Tensor) -> Tensor:
    """A square matrix with its diagonal set to zero."""
    return matrix - torch.diag(matrix.diagonal())
