"""CIELAB: colour taken apart as eyes do it, into lightness and two colour axes (sRGB, white point D65).

L runs from 0 (black) to 100 (white); a from green to red, b from blue to yellow, both 0 for gray. Within sRGB
a lies in [-86.2, 98.2] and b in [-107.9, 94.5].
"""

import torch
from torch import Tensor

_XYZ = torch.tensor(  # linear sRGB to XYZ (IEC 61966-2-1), each row divided by its white
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
    dtype=torch.float64,
) / torch.tensor([[0.95047], [1.0], [1.08883]], dtype=torch.float64)
_RGB = torch.linalg.inv(_XYZ)
_KNEE = 6 / 29  # below it the cube root gives way to a straight line


def rgb_to_lab(images: Tensor) -> Tensor:
    """Images (N, 3, H, W) or (N, 1, H, W) in [0, 1] to L, a, b: (N, 3, H, W)."""
    x, y, z = _root(_mix(_linear(images.expand(-1, 3, -1, -1)), _XYZ)).unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """The inverse of :func:`rgb_to_lab`: (N, 3, H, W) in [0, 1]; colours that no screen can show are clamped."""
    lightness, a, b = lab.unbind(1)
    y = (lightness + 16) / 116
    root = torch.stack([y + a / 500, y, y - b / 200], 1)
    xyz = torch.where(root > _KNEE, root**3, 3 * _KNEE**2 * (root - 4 / 29))
    linear = _mix(xyz, _RGB).clamp(0, 1)
    curved = 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, 12.92 * linear, curved).clamp(0, 1)


def lightness(images: Tensor) -> Tensor:
    """L / 100 in every channel: gray images of the same shape, in [0, 1]."""
    luminance = _mix(_linear(images.expand(-1, 3, -1, -1)), _XYZ[1:2])
    return (1.16 * _root(luminance) - 0.16).clamp(0, 1).expand_as(images)


def _linear(images: Tensor) -> Tensor:
    """Screen values to amounts of light."""
    return torch.where(images <= 0.04045, images / 12.92, ((images + 0.055) / 1.055) ** 2.4)


def _mix(channels: Tensor, matrix: Tensor) -> Tensor:
    """A 3 x 3 matrix on the channels, without a matrix product: none of its digits may get lost."""
    first, second, third = channels.unbind(1)
    return torch.stack([r * first + s * second + t * third for r, s, t in matrix.tolist()], 1)


def _root(amounts: Tensor) -> Tensor:
    bent = amounts.clamp(min=_KNEE**3) ** (1 / 3)
    return torch.where(amounts > _KNEE**3, bent, amounts / (3 * _KNEE**2) + 4 / 29)
