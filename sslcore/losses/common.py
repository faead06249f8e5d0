"""What every loss shares: arithmetic in at least float32, and errors that name the mistake."""

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from sslcore.errors import UserError


def full_precision(loss: Callable) -> Callable:
    """Run a loss in float32 at least, whatever the inputs and whatever autocast says.

    Half-precision logits of size 1/temperature have lost the digits that tell neighbours apart before
    the softmax sees them, so bfloat16 and float16 inputs are widened and autocast is off inside.
    float64 stays float64.
    """

    @functools.wraps(loss)
    def wide(*inputs, **keywords):
        tensors = [value for value in (*inputs, *keywords.values()) if isinstance(value, Tensor)]
        with torch.autocast(tensors[0].device.type if tensors else "cpu", enabled=False):
            return loss(*map(_widen, inputs), **{name: _widen(value) for name, value in keywords.items()})

    return wide


def _widen(value):
    narrow = isinstance(value, Tensor) and value.dtype in (torch.bfloat16, torch.float16)
    return value.float() if narrow else value


def require_pairs(first: Tensor, second: Tensor) -> None:
    """Row i of both tensors must belong together: same shape (N, d), N at least 1.

    Raises:
        UserError: naming both shapes.
    """
    if first.shape != second.shape or first.ndim != 2 or len(first) == 0:
        raise UserError(
            f"Paired embeddings need the same shape (N, d) with N at least 1, "
            f"got {tuple(first.shape)} and {tuple(second.shape)}."
        )


def require_positive(name: str, value: float | Tensor) -> None:
    """A hyperparameter that divides must be above zero (tensors are taken on trust: no device sync).

    Raises:
        UserError: naming the hyperparameter.
    """
    if not isinstance(value, Tensor) and not value > 0:
        raise UserError(f"{name} must be above 0, got {value}.")
