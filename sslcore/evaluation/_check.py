"""Turning what the caller has into tensors, with errors that name the mistake."""

from typing import Any

import torch
from torch import Tensor

from sslcore.errors import UserError


def as_features(name: str, features: Any, device: torch.device | None = None) -> Tensor:
    """Features as a detached float32 (or float64) tensor (n, d).

    Raises:
        UserError: if they are empty or not a matrix.
    """
    features = torch.as_tensor(features).detach()
    if features.ndim != 2 or 0 in features.shape:
        raise UserError(
            f"The {name} features must be a matrix (n, d) with n and d at least 1, got {_shape(features)}."
        )
    if features.dtype != torch.float64:
        features = features.float()
    return features if device is None else features.to(device)


def as_labels(name: str, labels: Any, features: Tensor) -> Tensor:
    """Labels as an int64 tensor (n,) on the features' device, one for each row.

    Raises:
        UserError: if the number differs or a label is negative (unlabelled).
    """
    labels = torch.as_tensor(labels).to(features.device, torch.int64)
    if labels.shape != features.shape[:1]:
        raise UserError(
            f"There are {len(features)} {name} features but {_shape(labels)} labels; each needs one."
        )
    if labels.min() < 0:
        raise UserError(f"Some {name} labels are negative; remove unlabelled samples before evaluating.")
    return labels


def require_same_width(train: Tensor, test: Tensor) -> None:
    """Both sides must come from the same encoder.

    Raises:
        UserError: naming both widths.
    """
    if train.shape[1] != test.shape[1]:
        raise UserError(
            f"Training features have {train.shape[1]} dimensions but test features {test.shape[1]}; "
            "encode both with the same encoder."
        )


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a single number"
