"""Quarter turns, exact: transposed and flipped, never interpolated (RotNet, arXiv 1803.07728)."""

import torch
from torch import Tensor

from sslcore.errors import UserError


def all_rotations(images: Tensor) -> tuple[Tensor, Tensor]:
    """All four rotations of every image: (4N, C, S, S), and how many quarter turns each was turned, (4N,).

    The first N are upright, the next N turned once counter-clockwise, and so on.

    Raises:
        UserError: if the images are not square.
    """
    if images.shape[-1] != images.shape[-2]:
        raise UserError(
            f"Quarter turns need square images, got {images.shape[-2]} x {images.shape[-1]}: "
            "crop or resize them first."
        )
    turned = torch.cat([images, images.mT.flip(2), images.flip(2, 3), images.mT.flip(3)])
    return turned, torch.arange(4, device=images.device).repeat_interleave(len(images))
