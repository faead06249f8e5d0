"""Losses of pretext tasks that are more than a classification."""

from torch import Tensor

from sslcore.errors import UserError
from sslcore.losses.common import full_precision


@full_precision
def counting(whole: Tensor, tiles: Tensor, other: Tensor, *, margin: float) -> Tensor:
    """What is counted in an image equals what is counted in its tiles, and differs from another image's count.

        L = mean_i ( |phi(D x_i) - sum_j phi(T_j x_i)|^2 + max(0, M - |phi(D y_i) - sum_j phi(T_j x_i)|^2) )

    Noroozi, Pirsiavash, Favaro 2017, arXiv 1708.06734, eq. 5 and 6 (M = 10). The hinge is on the squared distance.

    Args:
        whole: (N, K), counts in the halved images, phi(D x).
        tiles: (N, T, K), counts in the tiles of the same images.
        other: (N, K), counts in other halved images, phi(D y).
        margin: M, at least 0.

    Values: M when nothing is ever counted; 0 at the optimum.

    Raises:
        UserError: if the shapes do not fit.
    """
    if whole.shape != other.shape or tiles.ndim != 3 or tiles[:, 0].shape != whole.shape:
        raise UserError(
            f"Counting needs counts (N, K) of images and others and (N, T, K) of tiles, "
            f"got {tuple(whole.shape)}, {tuple(other.shape)} and {tuple(tiles.shape)}."
        )
    total = tiles.sum(1)
    same = (whole - total).square().sum(1)
    different = (other - total).square().sum(1)
    return (same + (margin - different).clamp(min=0)).mean()
