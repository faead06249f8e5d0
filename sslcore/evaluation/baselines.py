"""What a representation has to beat: blind guessing and raw pixels.

The third baseline, the untrained encoder, is the same protocol applied before step 0.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslcore.errors import UserError
from sslcore.evaluation.knn import knn_accuracy
from sslcore.evaluation.linear import linear_probe
from sslcore.pixels import as_floats

PART = 1024  # images at a time
PIXELS = 32  # larger images are averaged down to this side, so that a baseline costs what it is worth


def chance(labels: Any) -> float:
    """Accuracy of always naming the most frequent class; 1/C if the classes are balanced.

    Args:
        labels: (n,) integers from 0, n at least 1.

    Raises:
        UserError: if there are no labels.
    """
    labels = torch.as_tensor(labels).flatten()
    if not len(labels):
        raise UserError("There are no labels to compute chance from.")
    return labels.unique(return_counts=True)[1].max().item() / len(labels)


def pixel_features(images: Any) -> Tensor:
    """Images as plain vectors, float32 (N, C * h * w), averaged down to at most 32 x 32 pixels.

    Args:
        images: (N, C, H, W), uint8 or float; bytes become [0, 1].

    Raises:
        UserError: if the shape is not (N, C, H, W).
    """
    images = torch.as_tensor(images)
    if images.ndim != 4:
        raise UserError(f"Images must have the shape (N, C, H, W), got {tuple(images.shape)}.")
    sides = [min(side, PIXELS) for side in images.shape[2:]]
    # in parts: as numbers, large images would take four times their memory
    parts = (as_floats(part) for part in images.split(PART))
    if sides != list(images.shape[2:]):
        parts = (F.adaptive_avg_pool2d(part, sides) for part in parts)
    return torch.cat([part.flatten(1) for part in parts])


def pixel_knn(
    train_images: Any,
    train_labels: Any,
    test_images: Any,
    test_labels: Any,
    *,
    k: int = 20,
    temperature: float = 0.1,
) -> float:
    """:func:`knn_accuracy` on raw pixels, images (N, C, H, W); larger ones than 32 x 32 are averaged down."""
    train, test = pixel_features(train_images), pixel_features(test_images)
    return knn_accuracy(train, train_labels, test, test_labels, k=k, temperature=temperature)


def pixel_linear(train_images: Any, train_labels: Any, test_images: Any, test_labels: Any) -> float:
    """Accuracy of :func:`linear_probe` on raw pixels, images (N, C, H, W)."""
    train, test = pixel_features(train_images), pixel_features(test_images)
    return linear_probe(train, train_labels, test, test_labels).accuracy
