"""Patches as tokens, and which of them to hide."""

import math

import torch
from torch import Tensor

from sslcore.errors import UserError


def patchify(images: Tensor, patch: int) -> Tensor:
    """Cut images (N, C, H, W) into non-overlapping square patches, row by row: (N, L, C * patch * patch).

    L = (H / patch) * (W / patch); within a patch the order is channel, row, column.

    Raises:
        UserError: if the patch does not divide the image.
    """
    n, channels, height, width = images.shape
    if patch < 1 or height % patch or width % patch:
        raise UserError(
            f"A patch of {patch} px does not divide a {height} x {width} image: choose another patch size."
        )
    grid = images.reshape(n, channels, height // patch, patch, width // patch, patch)
    return grid.permute(0, 2, 4, 1, 3, 5).reshape(n, -1, channels * patch * patch)


def unpatchify(patches: Tensor, patch: int, size: tuple[int, int] | None = None) -> Tensor:
    """The inverse of :func:`patchify`: (N, L, C * patch * patch) to (N, C, H, W).

    Args:
        size: height and width of the images; square ones need none.

    Raises:
        UserError: if the patches do not fill an image of that size.
    """
    n, tokens, numbers = patches.shape
    side = math.isqrt(tokens)
    rows, columns = (side, side) if size is None else (size[0] // patch, size[1] // patch)
    if rows * columns != tokens or numbers % (patch * patch):
        raise UserError(
            f"{tokens} patches of {numbers} numbers do not make an image of patches of {patch} px: "
            "give the patch size and image size they were cut with."
        )
    grid = patches.reshape(n, rows, columns, -1, patch, patch)
    return grid.permute(0, 3, 1, 4, 2, 5).reshape(n, -1, rows * patch, columns * patch)


def random_token_mask(
    count: int, tokens: int, ratio: float, *, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Hide a random share of the tokens, the same number in every sample (MAE, arXiv 2111.06377).

    Args:
        count: samples N.
        tokens: tokens per sample L.
        ratio: share to hide, in [0, 1).
        generator: a CPU generator.

    Returns:
        mask (N, L) bool, true where hidden, and keep (N, K) int64, the visible tokens in ascending order,
        K = floor(L * (1 - ratio)).

    Raises:
        UserError: if nothing would stay visible.
    """
    visible = math.floor(tokens * (1 - ratio) + 1e-6)  # 64 * (1 - 0.9) must not miss a token by rounding
    if not 0 <= ratio <= 1 or visible < 1:
        raise UserError(
            f"Hiding {ratio:g} of {tokens} tokens leaves none to see: choose a smaller mask ratio."
        )
    keep = torch.rand(count, tokens, generator=generator).argsort(dim=1)[:, :visible].sort(dim=1).values
    mask = torch.ones(count, tokens, dtype=torch.bool).scatter_(1, keep, False)
    return mask, keep


def block_mask(
    count: int,
    grid: int,
    ratio: float,
    *,
    generator: torch.Generator,
    smallest: int = 4,
    aspect: float = 3.33,
) -> Tensor:
    """Hide blocks of patches, exactly floor(L * ratio) of L = grid * grid (BEiT, arXiv 2106.08254, alg. 1).

    Rectangles of random area (at least `smallest` patches) and shape (width to height between 1 / aspect and
    aspect) are added until enough is hidden; of the last one only as many patches as are still due.

    Returns:
        (N, L) bool, true where hidden.

    Raises:
        UserError: if the ratio is not in [0, 1].
    """
    if not 0 <= ratio <= 1:
        raise UserError(f"The mask ratio must lie between 0 and 1, got {ratio:g}.")
    wanted = math.floor(grid * grid * ratio + 1e-6)
    masks = torch.zeros(count, grid, grid, dtype=torch.bool)
    for mask in masks:
        hidden = 0
        while hidden < wanted:
            u, v, y, x = torch.rand(4, generator=generator).tolist()
            area = min(smallest, wanted) + u * max(0, wanted - hidden - smallest)
            shape = aspect ** (2 * v - 1)
            height = min(grid, max(1, round(math.sqrt(area / shape))))
            width = min(grid, max(1, round(math.sqrt(area * shape))))
            top, left = int(y * (grid - height + 1)), int(x * (grid - width + 1))
            fresh = (~mask[top : top + height, left : left + width]).nonzero() + torch.tensor([top, left])
            chosen = fresh[torch.randperm(len(fresh), generator=generator)[: wanted - hidden]]
            mask[chosen[:, 0], chosen[:, 1]] = True
            hidden += len(chosen)
    return masks.flatten(1)


def random_squares(count: int, size: int, *, side: int, squares: int, generator: torch.Generator) -> Tensor:
    """Hide several squares of `side` pixels at random places, which may overlap: (N, 1, size, size) bool.

    The random holes of context encoders (arXiv 1604.07379, section 3.3).

    Raises:
        UserError: if a square is larger than the image.
    """
    if not 1 <= side <= size:
        raise UserError(f"A hole of {side} px does not fit an image of {size} px: choose another size.")
    corner = torch.randint(size - side + 1, (2, count, squares, 1), generator=generator)
    place = torch.arange(size)
    rows, columns = (place >= corner) & (place < corner + side)
    return (rows[..., :, None] & columns[..., None, :]).any(1)[:, None]
