"""Changing colours: brightness, contrast, saturation, hue and grayscale, every sample with its own factor.

Each operation equals torchvision's, image by image, and returns values in [0, 1].
Images are (N, C, H, W) with C = 3, or 1, for which saturation, hue and grayscale change nothing.
"""

import torch
from torch import Tensor

LUMA = (0.2989, 0.587, 0.114)  # ITU-R 601, as torchvision rounds it


def luma(images: Tensor) -> Tensor:
    """(N, 1, H, W): how bright each pixel looks."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images.split(1, dim=1)
    return (red * LUMA[0]).add_(green, alpha=LUMA[1]).add_(blue, alpha=LUMA[2])


def grayscale(images: Tensor) -> Tensor:
    """All channels replaced by the luma."""
    return luma(images).expand_as(images)


def adjust_hue(images: Tensor, turn: Tensor) -> Tensor:
    """Turn the colour wheel: (N,) turns in [-0.5, 0.5]; HSV value and saturation stay.

    On the HSV hexagon, measured in sixths of a turn, the distance of a hue from red is
    1 + (g + b - r - min) / chroma, and it lies on green's side where g > b. A channel is full up to one
    sixth from its own colour, falls linearly, and is empty from two sixths on.
    """
    if images.shape[1] == 1:
        return images
    red, green, blue = images.split(1, dim=1)
    value = torch.maximum(red, green)
    torch.maximum(value, blue, out=value)
    least = torch.minimum(red, green)
    torch.minimum(least, blue, out=least)
    chroma = value - least
    # A gray pixel has no hue; any will do, as its chroma of zero hides it.
    distance = (green + blue).sub_(red).sub_(least).div_(chroma.clamp(min=1e-12)).add_(1)
    hue = distance.copysign_(green - blue)  # in (-3, 3], red at 0, green at 2, blue at -2

    home = torch.tensor([0.0, 2.0, -2.0], device=images.device).view(1, 3, 1, 1)
    shift = (
        (6 * _each(turn) - home + 3).remainder(6).sub(3)
    )  # within half a turn, so that one fold below suffices
    # How full a channel is at this hue, from 1 for empty to 2 for full.
    fullness = (hue + shift).abs_().sub_(3).abs_().clamp_(1, 2)
    base = torch.sub(value, chroma, alpha=2)
    return torch.addcmul(base, chroma, fullness).clamp_(0, 1)


def blend(images: Tensor, factor: Tensor, contrast: Tensor, saturation: Tensor) -> Tensor:
    """Brightness, contrast or saturation, whichever each sample is due, in one go and in place.

    All three are factor * image + (1 - factor) * target and differ in the target: black, mean luma, luma. They are
    torchvision's adjust_brightness, adjust_contrast and adjust_saturation; a factor of 1 changes nothing.

    Args:
        images: (N, C, H, W), overwritten.
        factor: (N,) blending factors, at least 0.
        contrast, saturation: (N,) 1.0 for samples whose contrast, whose saturation is due, else 0.0; both 0.0
            means brightness.
    """
    gray, rest = luma(images), 1 - factor
    if images.shape[1] == 1:  # a gray image keeps its saturation
        factor, saturation = torch.where(saturation > 0, 1.0, factor), torch.zeros_like(saturation)
    target = (gray * _each(rest * saturation)).add_(_each(rest * contrast * _mean(gray)))
    return torch.addcmul(target, images, _each(factor), out=images).clamp_(0, 1)


def _mean(gray: Tensor) -> Tensor:
    """(N,) means of (N, 1, H, W)."""
    return gray.flatten(1).mean(dim=1)


def _each(values: Tensor) -> Tensor:
    """(N,) as (N, 1, 1, 1)."""
    return values.view(-1, 1, 1, 1)
