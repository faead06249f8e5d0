"""The geometry of a set of embeddings, one number at a time.

Every function takes embeddings (n, d) of n different images, rows are samples, any float type and device,
and returns a Python float. Nothing here carries a gradient. The arithmetic is float64 on the CPU: the
inputs are small and the interesting singular values are the smallest ones. Too few rows or numbers that are
not finite give nan.
"""

import functools
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from sslcore.errors import UserError
from sslcore.losses import uniformity as uniformity_loss


def figure(measure: Callable[..., float]) -> Callable[..., float]:
    """Prepare the embeddings for a figure, and answer nan where there is nothing to measure."""

    @functools.wraps(measure)
    def safe(z: Tensor, **options) -> float:
        z = prepare(z)
        return float(measure(z, **options)) if len(z) > 1 and z.isfinite().all() else math.nan

    return safe


def prepare(z: Tensor) -> Tensor:
    """Embeddings as a detached float64 matrix on the CPU.

    Raises:
        UserError: if they are not a matrix.
    """
    z = torch.as_tensor(z).detach().cpu().double()
    if z.ndim != 2 or z.shape[1] == 0:
        raise UserError(f"Embeddings must be a matrix (n, d), got shape {tuple(z.shape)}.")
    return z


@figure
def normalized_std(z: Tensor) -> float:
    """Spread of the directions: mean over d of the std of unit rows, times sqrt(d). In [0, 1] up to sampling.

    1 on the whole sphere, 0 at collapse. With mean cosine c it is about sqrt(1 - c); if only r of d centred
    dimensions vary, sqrt(r / d). Chen, He 2021, arXiv 2011.10566, section 4.1.
    """
    return F.normalize(z, dim=1).std(0).mean() * z.shape[1] ** 0.5


@figure
def raw_std(z: Tensor) -> float:
    """Mean over d of the standard deviation of a dimension, as it is: 0 when all rows are equal.

    What VICReg's variance term holds up (Bardes, Ponce, LeCun 2022, arXiv 2105.04906, eq. 1). It has the
    embedding's own scale, so only its change within a run says something.
    """
    return z.std(0).mean()


@figure
def mean_cosine(z: Tensor) -> float:
    """Mean cosine similarity of two different rows, in [-1/(n-1), 1]. 0 on the whole sphere, 1 at collapse.

    Computed as 1 minus the total variance of unit rows, which is the same number without an n x n matrix and
    stays accurate near 1.
    """
    return 1 - F.normalize(z, dim=1).var(0).sum()


@figure
def rank_me(z: Tensor) -> float:
    """RankMe, an effective rank in [1, min(n, d)]: exp of the entropy of the normalised singular values.

    Of the embeddings as they are, not centred. Equal rows give 1, r equal singular values give r. Compare it
    between runs of one method. Garrido, Balestriero, Najman, LeCun 2023, arXiv 2210.02885, eq. 1 (with the
    convention 0 log 0 = 0 in place of its epsilon).
    """
    return _effective_rank(torch.linalg.svdvals(z))


@figure
def participation_ratio(z: Tensor) -> float:
    """How many directions share the variance: (sum of eigenvalues)^2 / sum of squares, of the covariance.

    In [1, d]; 0 if nothing varies. About d / (1 + d/n) for n isotropic samples.
    """
    return _participation(_eigenvalues(z))


@figure
def alpha_req(z: Tensor) -> float:
    """Decay exponent a of the covariance spectrum, lambda_k ~ k^-a.

    Weighted least squares (weights 1/k) of log lambda_k on log k over the middle of the spectrum,
    k from d/16 + 1 to d/2, where d is the number of eigenvalues above rounding noise; all of them if d < 16.
    0 for white noise, about 1 for the best generalising encoders, above 2 for dimensional collapse.
    nan if fewer than 3 eigenvalues remain. Agrawal et al. 2022, arXiv 2202.05808.
    """
    values = _eigenvalues(z)
    values = values[values > values[0] * 1e-12]
    if len(values) < 3:
        return math.nan
    first = math.ceil(len(values) / 16) + 1 if len(values) >= 16 else 1
    last = len(values) // 2 if len(values) >= 16 else len(values)
    k = torch.arange(first, last + 1, dtype=torch.float64)
    x, y, weight = k.log(), values[first - 1 : last].log(), 1 / k
    x = x - (weight * x).sum() / weight.sum()
    return -(weight * x * y).sum() / (weight * x * x).sum()


def lidar(embeddings: Tensor, *, delta: float = 1e-4) -> float:
    """LiDAR: the number of directions in which images differ by more than their augmentations do.

    exp of the entropy of the eigenvalues of W^-1/2 B W^-1/2, B the covariance of image means and W that of
    augmentations around their image mean, regularised by delta * tr(W)/d * I.
    Thilak et al. 2024, arXiv 2312.04000, eq. 3 to 6; the paper adds a fixed delta, the relative one keeps
    the figure independent of the embedding's scale.

    Args:
        embeddings: (n, q, d), q augmented views of each of n images. Choose n * q well above d.
        delta: regularisation relative to the mean within-image variance.

    Returns:
        A float in [1, min(n-1, d)]; nan if images or views do not differ at all, n or q is below 2, or
        a number is not finite.

    Raises:
        UserError: if the shape is not (n, q, d).
    """
    if embeddings.ndim != 3:
        raise UserError(f"LiDAR needs embeddings of shape (n, q, d), got {tuple(embeddings.shape)}.")
    images, views, width = embeddings.shape
    flat = prepare(embeddings.reshape(-1, width))
    if images < 2 or views < 2 or not flat.isfinite().all():
        return math.nan
    groups = flat.view(images, views, width)
    means = groups.mean(1)
    between, within = means - means.mean(0), (groups - means[:, None]).flatten(0, 1)
    noise = within.pow(2).sum() / (images * views * width)
    if between.pow(2).sum() <= 1e-20 * flat.pow(2).sum() or noise <= 1e-20 * flat.pow(2).mean():
        return math.nan
    covariance = within.T @ within / (images * views) + delta * noise * torch.eye(width, dtype=torch.float64)
    # Singular values of the whitened means are the square roots of LiDAR's eigenvalues.
    whitened = torch.linalg.solve_triangular(torch.linalg.cholesky(covariance), between.T, upper=False)
    return float(_effective_rank(torch.linalg.svdvals(whitened) ** 2))


def spectrum(z: Tensor) -> tuple[float, ...]:
    """Eigenvalues of the covariance of the embeddings, largest first, d of them.

    A cliff of four decades or more before the middle marks collapsed dimensions.
    Jing, Vincent, LeCun, Tian 2022, arXiv 2110.09348. Empty if there is nothing to measure.
    """
    z = prepare(z)
    return tuple(_eigenvalues(z).tolist()) if len(z) > 1 and z.isfinite().all() else ()


@figure
def uniformity(z: Tensor, *, t: float = 2.0) -> float:
    """:func:`sslcore.losses.uniformity` as a figure: -4 at best, 0 at collapse (for t = 2)."""
    return uniformity_loss(z, t=t)


def _eigenvalues(z: Tensor) -> Tensor:
    """Eigenvalues of the unbiased covariance, descending, padded with zeros to d."""
    centred = z - z.mean(0)
    # What is left of equal rows after rounding is not variance.
    centred[:, centred.abs().amax(0) <= 1e-12 * z.abs().amax(0)] = 0
    values = torch.linalg.svdvals(centred) ** 2 / (len(z) - 1)
    return F.pad(values, (0, z.shape[1] - len(values)))


def _participation(eigenvalues: Tensor) -> Tensor:
    total = eigenvalues.sum()
    return total**2 / eigenvalues.pow(2).sum() if total > 0 else total


def _effective_rank(values: Tensor) -> Tensor:
    total = values.sum()
    return torch.special.entr(values / total).sum().exp() if total > 0 else torch.ones(())
