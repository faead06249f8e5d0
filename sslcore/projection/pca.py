"""Two-dimensional maps that hold still: PCA, and the alignment that keeps points in place over time."""

from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from sslcore.errors import UserError


def pca(features: Any, previous: np.ndarray | None = None) -> np.ndarray:
    """The first two principal components, float32 (N, 2), centred, with root-mean-square radius 1.

    Args:
        features: (N, d), array or CPU tensor. Values that are not finite count as 0.
        previous: (N, 2), the map of the same samples a moment ago; the new one is turned or mirrored to lie
            as near to it as it can (see :func:`align`). Without it, or for other samples, the sign is chosen
            so that the longest reach along each axis is positive.

    Returns:
        The map; zeros if nothing varies.

    Raises:
        UserError: if the features are not a matrix.
    """
    x = as_matrix(features).astype(np.float64)
    x -= x.mean(0) if len(x) else 0
    # The smaller Gram matrix has all that two components need; squaring costs no visible digits here.
    tall = len(x) >= x.shape[1]
    # One thread: beside training, a second one would wait for its core a hundred times longer than it works.
    with _threads().limit(limits=1, user_api="blas"):
        _, vectors = np.linalg.eigh(x.T @ x if tall else x @ x.T)
    top = vectors[:, ::-1][:, :2]
    scores = x @ top if tall else top * np.linalg.norm(x.T @ top, axis=0)
    xy = np.zeros((len(x), 2))
    xy[:, : scores.shape[1]] = scores
    if len(xy):
        reach = np.take_along_axis(xy, np.abs(xy).argmax(0)[None], 0)
        xy *= np.where(reach < 0, -1, 1)
    return align(xy, previous)


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def align(xy: np.ndarray, previous: np.ndarray | None = None) -> np.ndarray:
    """A map centred, scaled to root-mean-square radius 1 and turned or mirrored towards ``previous``.

    Orthogonal Procrustes (Schoenemann 1966): the rotation or reflection that minimises the squared distance
    to the previous map. Both arrays are (N, 2) with the same samples in the same order; a previous map of
    another length is ignored.
    """
    xy = unit_radius(xy)
    if previous is not None and np.shape(previous) == xy.shape and len(xy):
        u, _, vt = np.linalg.svd(xy.T @ unit_radius(previous))
        xy = xy @ (u @ vt)
    return xy.astype(np.float32)


def unit_radius(xy: Any) -> np.ndarray:
    """A map (N, 2) centred and scaled to root-mean-square radius 1; zeros if all points coincide."""
    xy = np.nan_to_num(np.asarray(xy, dtype=np.float64), posinf=0, neginf=0)
    if not len(xy):
        return xy
    largest = np.abs(xy).max()
    xy = xy - xy.mean(0)
    radius = np.sqrt((xy**2).sum(1).mean())
    return xy / radius if radius > 1e-9 * largest else np.zeros_like(xy)


def as_matrix(features: Any) -> np.ndarray:
    """Features as a float32 (N, d) array without nan or infinity.

    Raises:
        UserError: if they are not a matrix.
    """
    if hasattr(features, "detach"):  # a torch tensor, perhaps bfloat16, which NumPy cannot read
        features = features.detach().float().cpu().numpy()
    x = np.nan_to_num(np.asarray(features, dtype=np.float32), posinf=0, neginf=0)
    if x.ndim != 2 or not x.shape[1]:
        raise UserError(f"A map is made from features of shape (N, d), got {x.shape}.")
    return x
