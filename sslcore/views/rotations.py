"""Quarter turns, exact: transposed and flipped, never interpolated (RotNet, arXiv 1803.07728)."""

import torch
from torch import Tensor

from sslcore.errors import UserError


def rotate90(images: Tensor, quarter_turns: Tensor) -> Tensor:
    """Turn every image counter-clockwise by its own number of quarter turns.

    Args:
        images: (N, C, S, S), square.
        quarter_turns: (N,) whole numbers; only their remainder modulo 4 matters.

    Raises:
        UserError: if the images are not square.
    """
    _check(images)
    turns = (quarter_turns.to(images.device) % 4).view(-1, 1, 1, 1)
    half = torch.where(turns >= 2, images.flip(2, 3), images)
    return torch.where(turns % 2 == 1, half.mT.flip(2), half)


def all_rotations(images: Tensor) -> tuple[Tensor, Tensor]:
    """All four rotations of every image: (4N, C, S, S), and how many quarter turns each was turned, (4N,).

    The first N are upright, the next N turned once counter-clockwise, and so on.

    Raises:
        UserError: if the images are not square.
    """
    _check(images)
    turned = torch.cat([images, images.mT.flip(2), images.flip(2, 3), images.mT.flip(3)])
    return turned, torch.arange(4, device=images.device).repeat_interleave(len(images))


def _check(images: Tensor) -> None:
    if images.shape[-1] != images.shape[-2]:
        raise UserError(
            f"Quarter turns need square images, got {images.shape[-2]} x {images.shape[-1]}: "
            "crop or resize them first."
        )
