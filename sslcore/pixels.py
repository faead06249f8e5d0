"""Pixels: stored as bytes, computed with as numbers."""

import torch
from torch import Tensor


def as_floats(images: Tensor) -> Tensor:
    """Images of any shape as float32: bytes become [0, 1], numbers stay what they are."""
    return images.float().div_(255) if images.dtype == torch.uint8 else images.float()
