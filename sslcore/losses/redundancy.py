"""Losses that keep the dimensions of the embedding alive and different, so that no negatives are needed.

Rows are samples; statistics are taken over the batch. Gradients flow into both views.
"""

import torch
from torch import Tensor

from sslcore.errors import UserError
from sslcore.losses.common import full_precision, require_pairs
from sslcore.losses.distillation import normalized_mse


@full_precision
def barlow_twins(z1: Tensor, z2: Tensor, *, redundancy_weight: float) -> Tensor:
    """Barlow Twins: make the cross-correlation matrix of two views the identity.

        L = sum_i (1 - C_ii)^2 + w sum_{i != j} C_ij^2,   C = 1/N norm(z1)^T norm(z2)

    norm standardises each dimension over the batch as batch norm does (biased variance + 1e-5). This is the
    authors' sum over dimensions; libraries that scale it by a constant (0.025, 0.1 or 1/d) differ by just
    that factor. Zbontar, Jing, Misra, LeCun, Deny 2021, arXiv 2103.03230, eq. 1.

    Args:
        z1, z2: (N, d), N at least 2, row i of both shows the same image.
        redundancy_weight: 0.0051 in the paper with d = 8192; small d wants more (0.02 to 0.05 for d = 128).

    Values: 0 if C is the identity; d at collapse; w d (d-1) if all dimensions are copies of one.

    Raises:
        UserError: if the shapes differ or there are fewer than 2 rows.
    """
    correlation = cross_correlation(z1, z2)
    on_diagonal = (1 - correlation.diagonal()).pow(2).sum()
    return on_diagonal + redundancy_weight * off_diagonal(correlation).pow(2).sum()


@full_precision
def cross_correlation(z1: Tensor, z2: Tensor) -> Tensor:
    """Barlow Twins' matrix C (d, d): how each dimension of one view correlates with each of the other.

    Args:
        z1, z2: (N, d), N at least 2, row i of both shows the same image.

    Values: in [-1, 1]; 0 where a dimension is constant.

    Raises:
        UserError: if the shapes differ or there are fewer than 2 rows.
    """
    require_pairs(z1, z2)
    if len(z1) < 2:
        raise UserError("Barlow Twins needs at least 2 images in a batch to measure a correlation.")
    return _standardised(z1).T @ _standardised(z2) / len(z1)


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


@full_precision
def w_mse(z1: Tensor, z2: Tensor, *, sub_batch: int | None = None, epsilon: float = 0.0) -> Tensor:
    """W-MSE: whiten the embeddings of a batch, then pull the two views of an image together.

        L = 1/N sum_i 2 - 2 cos(w1_i, w2_i),    w = F^-1 (z - mean),    F F^T = (1 - epsilon) Cov + epsilon I

    Each view of each sub-batch on its own; Cov is unbiased, F its Cholesky factor. Whitened embeddings are spread by
    construction, so they cannot collapse.
    Ermolov, Siarohin, Sangineto, Sebe 2021, arXiv 2007.06346, eq. 4 to 6.

    Args:
        z1, z2: (N, d), row i of both shows the same image. The rows are taken in order; the method shuffles
            both views alike beforehand if it wants another partition.
        sub_batch: rows whitened together, at least 2d advised; without shrinkage it must be above d. A
            remainder is shared out. All N if not given.
        epsilon: shrinkage in [0, 1]; 1 is no whitening.

    Values: in [0, 4]; 0 for identical views, about 2 for unrelated ones; without meaning at collapse.

    Raises:
        UserError: if the shapes differ or the covariance cannot be inverted (collapse, or too few rows).
    """
    require_pairs(z1, z2)
    size = sub_batch or len(z1)
    least = 1 if epsilon else z1.shape[1]
    if not least < size <= len(z1):
        raise UserError(
            f"Whitening {z1.shape[1]} dimensions needs sub-batches of more than {least} rows and no more than "
            f"the batch has ({len(z1)}), got {size}: use a larger batch, a smaller embedding or shrinkage."
        )
    parts = [[_whiten(part, epsilon) for part in z.tensor_split(len(z) // size)] for z in (z1, z2)]
    return normalized_mse(torch.cat(parts[0]), torch.cat(parts[1]))


def _whiten(z: Tensor, epsilon: float) -> Tensor:
    """(n, d) to (n, d) with mean 0 and, without shrinkage, covariance I."""
    largest = z.pow(2).mean(dim=0).max()
    z = z - z.mean(dim=0)
    identity = torch.eye(z.shape[1], dtype=z.dtype, device=z.device)
    covariance = (1 - epsilon) * z.T @ z / (len(z) - 1) + epsilon * identity
    factor, failed = torch.linalg.cholesky_ex(covariance)
    # Equal rows may factorise by luck of rounding: a dimension must vary by more than that.
    if failed or factor.diagonal().pow(2).min() <= torch.finfo(z.dtype).eps * largest:
        raise UserError(
            "The embeddings cannot be whitened because some dimensions do not vary independently: "
            "use a larger batch, a smaller embedding or more shrinkage."
        )
    return torch.linalg.solve_triangular(factor, z.T, upper=False).T


def _standardised(z: Tensor) -> Tensor:
    return (z - z.mean(dim=0)) / (z.var(dim=0, correction=0) + 1e-5).sqrt()


def off_diagonal(matrix: Tensor) -> Tensor:
    """A square matrix with its diagonal set to zero."""
    return matrix - torch.diag(matrix.diagonal())
