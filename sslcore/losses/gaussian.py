"""How far embeddings are from filling space: SIGReg's test against a Gaussian, and the coding rate.

Both act on each set of rows alone; the methods add what pulls the views of an image together.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from sslcore.errors import UserError
from sslcore.losses.common import full_precision, require_positive


@full_precision
def sigreg(z: Tensor, *, directions: Tensor, knots: int = 17, reach: float = 3.0) -> Tensor:
    """SIGReg: are the embeddings an isotropic Gaussian? Epps and Pulley's test along several directions.

        T = N int |phi(t) - exp(-t^2/2)|^2 exp(-t^2/2) dt,   phi(t) = 1/N sum_i exp(i t a^T z_i)

    averaged over the directions a. The integral over [-reach, reach] is a trapezoid rule on `knots` points
    of its positive half, which by symmetry counts twice. Balestriero, LeCun 2025, arXiv 2511.08544.

    Args:
        z: (N, d).
        directions: (M, d), unit rows; fresh ones at every step.
        knots: at least 2.
        reach: above 0.

    Values: 0.402 N if all rows are 0, the lowest value of a constant; for N samples of a standard normal
    1.05 on average, whatever N and d.

    Raises:
        UserError: if the shapes do not fit or a hyperparameter is out of range.
    """
    require_positive("reach", reach)
    fitting = z.ndim == directions.ndim == 2 and z.shape[1] == directions.shape[1]
    if not fitting or 0 in (len(z), len(directions)):
        raise UserError(
            f"SIGReg needs embeddings (N, d) and directions (M, d), got {tuple(z.shape)} and "
            f"{tuple(directions.shape)}."
        )
    if knots < 2:
        raise UserError(f"SIGReg's integral needs at least 2 knots, got {knots}.")
    t = torch.linspace(0, reach, knots, dtype=z.dtype, device=z.device)
    gauss = (-t.square() / 2).exp()
    dt = torch.full_like(t, 2 * reach / (knots - 1))
    dt[[0, -1]] /= 2
    angle = (z @ directions.T)[..., None] * t  # (N, M, knots)
    gap = (angle.cos().mean(0) - gauss).square() + angle.sin().mean(0).square()
    return len(z) * (gap * gauss * dt).sum(1).mean()


@full_precision
def coding_rate(z: Tensor, *, epsilon: float) -> Tensor:
    """Total coding rate: how many nats it takes to tell the rows apart up to a precision. More is wider spread.

        R = 1/2 log det(I + d / (N epsilon) Z^T Z),   rows of Z on the unit sphere

    Yu, Chan, You, Song, Ma 2020, arXiv 2006.08558, eq. 2; as in EMP-SSL (Tong et al. 2023, arXiv 2304.03977),
    whose code calls epsilon what the papers call epsilon squared.

    Args:
        z: (N, d); rows are projected on the sphere.
        epsilon: above 0.

    Values: 1/2 log(1 + d / epsilon) at collapse, the least; r/2 log(1 + d / (r epsilon)) with r = min(N, d)
    at most, when all directions are used alike.

    Raises:
        UserError: if z is not a matrix with rows, or epsilon is not above 0.
    """
    require_positive("epsilon", epsilon)
    if z.ndim != 2 or 0 in z.shape:
        raise UserError(f"The coding rate is that of a matrix of embeddings (N, d), got {tuple(z.shape)}.")
    count, width = z.shape
    z = F.normalize(z, dim=1)
    gram = z.T @ z if width <= count else z @ z.T  # both have the same determinant
    identity = torch.eye(len(gram), dtype=z.dtype, device=z.device)
    factor = torch.linalg.cholesky(identity + width / (count * epsilon) * gram)
    return factor.diagonal().log().sum()
