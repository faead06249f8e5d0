"""Blur, solarize, noise and cutout, every sample with its own parameter."""

import torch
from torch import Tensor

from sslcore.views.geometry import separable


def blur_kernel_size(side: int) -> int:
    """Width of the blur kernel: a tenth of the image as in SimCLR, but odd and at least 3."""
    return max(3, side // 10 // 2 * 2 + 1)


def gaussian_blur(images: Tensor, sigma: Tensor, *, kernel_size: int) -> Tensor:
    """Blur every image with its own Gaussian, mirrored at the borders.

    Args:
        images: (N, C, H, W).
        sigma: (N,) standard deviations in pixels, above 0.
        kernel_size: odd number of pixels, at most 2 * side - 1. Equals torchvision's `gaussian_blur`.
    """
    height, width = images.shape[-2:]
    return separable(
        images, _blur_matrix(sigma, height, kernel_size), _blur_matrix(sigma, width, kernel_size)
    )


def _blur_matrix(sigma: Tensor, side: int, kernel_size: int) -> Tensor:
    """(N, side, side): the convolution along one axis, reflection at the ends included."""
    reach = kernel_size // 2
    offset = torch.arange(-reach, reach + 1, device=sigma.device)
    kernel = torch.softmax(-0.5 * (offset / sigma[:, None]) ** 2, dim=1)
    source = (torch.arange(side, device=sigma.device)[:, None] + offset).abs()
    source = torch.where(source >= side, 2 * (side - 1) - source, source)
    matrix = torch.zeros(len(sigma), side, side, device=sigma.device)
    every = (len(sigma), side, kernel_size)
    return matrix.scatter_add_(2, source.expand(every), kernel[:, None].expand(every))


def solarize(images: Tensor, threshold: Tensor) -> Tensor:
    """Invert pixels at or above the image's own threshold (N,)."""
    return torch.where(images >= threshold.view(-1, 1, 1, 1), 1 - images, images)


def add_noise(images: Tensor, std: Tensor, *, seed: int) -> Tensor:
    """Add Gaussian noise of the image's own standard deviation (N,) and clamp to [0, 1].

    The noise is drawn on the images' device from `seed`, so that a batch on a GPU waits for no copy.
    """
    generator = torch.Generator(images.device).manual_seed(seed)
    noise = torch.empty_like(images).normal_(generator=generator)
    return torch.addcmul(images, noise, std.view(-1, 1, 1, 1)).clamp_(0, 1)


def erase(images: Tensor, top: Tensor, left: Tensor, side: Tensor) -> Tensor:
    """Paint a black square over every image: (N,) whole pixels; side 0 paints nothing."""
    down = torch.arange(images.shape[2], device=images.device)
    across = torch.arange(images.shape[3], device=images.device)
    rows = (down >= top[:, None]) & (down < (top + side)[:, None])
    columns = (across >= left[:, None]) & (across < (left + side)[:, None])
    return images.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)
