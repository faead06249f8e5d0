"""Lenses bend colours differently: a shortcut for whoever asks where in an image a patch was.

Towards the corners green drifts apart from red and blue, so the fringes of a patch tell its place without anything
being understood (Doersch, Gupta, Efros, arXiv 1505.05192, section 3.1). Here is the fault, and two defences.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

_GREEN_MAGENTA = (-1.0, 2.0, -1.0)  # the axis along which fringes show
_NOISE = 0.5 / 255  # half a gray level


def chromatic_aberration(images: Tensor, strength: float) -> Tensor:
    """Shrink green by 1 - strength about the centre of colour images (N, 3, H, W)."""
    if images.shape[1] == 1 or strength == 0:
        return images
    red, green, blue = images.split(1, dim=1)
    return torch.cat([red, _magnify(green, 1 - strength), blue], 1)


def drop_colours(tiles: Tensor, *, generator: torch.Generator) -> Tensor:
    """Keep one random channel of every tile (N, T, 3, t, t); the others become its mean with a trace of noise."""
    count, length, channels = tiles.shape[:3]
    if channels == 1:
        return tiles
    chosen = torch.randint(channels, (count, length, 1, 1, 1), generator=generator)
    kept = torch.arange(channels).view(1, 1, -1, 1, 1) == chosen
    noise = _NOISE * (2 * torch.rand(tiles.shape, generator=generator) - 1)
    kept, noise = kept.to(tiles.device), noise.to(tiles.device)
    mean = (tiles * kept).sum(2, keepdim=True).mean((3, 4), keepdim=True)
    return torch.where(kept, tiles, (mean + noise).clamp_(0, 1))


def project_colours(images: Tensor) -> Tensor:
    """Remove the green-magenta component of every pixel (N, 3, H, W); values may leave [0, 1] by a sixth."""
    if images.shape[1] == 1:
        return images
    axis = torch.tensor(_GREEN_MAGENTA, device=images.device).view(1, 3, 1, 1)
    return images - axis * (axis * images).sum(1, keepdim=True) / axis.square().sum()


def _magnify(channel: Tensor, factor: float) -> Tensor:
    shrink = torch.eye(2, 3, device=channel.device).expand(len(channel), 2, 3) / factor
    grid = F.affine_grid(shrink, list(channel.shape), align_corners=False)
    return F.grid_sample(channel, grid, mode="bilinear", padding_mode="border", align_corners=False)
