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
    mask = torch.zeros(count, grid * grid, dtype=torch.bool)
    due = torch.full((count,), wanted)
    while (due > 0).any():
        u, v = torch.rand(2, count, generator=generator)
        area = min(smallest, wanted) + u * (due - smallest).clamp(min=0)
        shape = aspect ** (2 * v - 1)
        height = (area / shape).sqrt().round().clamp(1, grid).long()
        width = (area * shape).sqrt().round().clamp(1, grid).long()
        fresh = rectangles(grid, height, width, generator=generator) & ~mask
        rank = torch.where(fresh, torch.rand(mask.shape, generator=generator), 2.0).argsort(1).argsort(1)
        mask |= fresh & (rank < due[:, None])
        due = wanted - mask.sum(1)
    return mask


def rectangles(grid: int, height: Tensor, width: Tensor, *, generator: torch.Generator) -> Tensor:
    """(N, grid * grid) bool: in every sample a rectangle of its own height and width (N,), anywhere."""
    line = torch.arange(grid)

    def span(length: Tensor) -> Tensor:
        start = (torch.rand(len(length), generator=generator) * (grid - length + 1)).long()
        return (line >= start[:, None]) & (line < (start + length)[:, None])

    return (span(height)[:, :, None] & span(width)[:, None, :]).flatten(1)


def context_and_targets(
    count: int,
    grid: int,
    *,
    generator: torch.Generator,
    targets: int = 4,
    target_area: tuple[float, float] = (0.15, 0.2),
    target_aspect: tuple[float, float] = (0.75, 1.5),
    context_area: tuple[float, float] = (0.85, 1.0),
    least: int = 4,
) -> tuple[Tensor, Tensor]:
    """I-JEPA's blocks: one large context, and several target blocks that are cut out of it.

    Block shapes are drawn once for all samples, places for each, so that everything can be stacked. All
    contexts are cut to the size of the smallest, at random. Assran et al. 2023, arXiv 2301.08243, appendix A.1.

    Args:
        count: samples N.
        grid: patches per side.
        generator: a CPU generator.
        targets: target blocks T of a sample; they may overlap each other.
        target_area, context_area: smallest and largest block, as a fraction of the image.
        target_aspect: smallest and largest height to width; contexts are square.
        least: patches in a context. One that the targets leave fewer takes some from around it, and from the
            targets themselves if nothing else is left, as can happen on tiny grids.

    Returns:
        Indices of patches in ascending order: context (N, K) and targets (N, T, B).
    """

    def between(limits: tuple[float, float]) -> float:
        return limits[0] + (limits[1] - limits[0]) * torch.rand((), generator=generator).item()

    def blocks(samples: int, height: int, width: int) -> Tensor:
        sides = (torch.full((samples,), side) for side in (height, width))
        return rectangles(grid, *sides, generator=generator)

    area = between(target_area) * grid**2
    height = min(grid, max(1, round(math.sqrt(area * between(target_aspect)))))
    width = min(grid, max(1, round(area / height)))
    side = min(grid, max(1, round(grid * math.sqrt(between(context_area)))))

    hidden = blocks(count * targets, height, width)
    index = hidden.nonzero()[:, 1].view(count, targets, height * width)
    hidden = hidden.view(count, targets, -1).any(1)
    context = blocks(count, side, side) & ~hidden
    size = max(min(least, grid**2), int(context.sum(1).min()))
    last = torch.where(hidden, 2.0, torch.where(context, 0.0, 1.0))
    order = (last + torch.rand(count, grid**2, generator=generator)).argsort(1)
    return order[:, :size].sort(1).values, index


def cover(images: Tensor, mask: Tensor, patch: int, *, fill: float = 0.5) -> Tensor:
    """Images (N, C, H, W) with the patches of the mask (N, L) painted over."""
    return unpatchify(
        patchify(images, patch).masked_fill(mask[..., None], fill), patch, tuple(images.shape[-2:])
    )


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
