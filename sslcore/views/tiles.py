"""Puzzles: images cut into tiles, and the permutations to shuffle them with (Jigsaw, arXiv 1603.09246)."""

import itertools
import math
from functools import lru_cache

import torch
from torch import Tensor

from sslcore.errors import UserError

_MOST_LENGTH = 9  # 9! = 362,880 candidates are searched in full; 10! would take minutes


def tiles(images: Tensor, *, grid: int, gap: int, jitter: bool, generator: torch.Generator) -> Tensor:
    """Cut square images into grid x grid cells and a tile out of each cell.

    Args:
        images: (N, C, S, S). Cells are S // grid wide; what is left over at the right and bottom is dropped.
        grid: tiles per side.
        gap: how many pixels narrower than its cell a tile is, so that edges do not run on from tile to tile.
        jitter: place each tile at random within its cell; in the middle otherwise.
        generator: a CPU generator.

    Returns:
        (N, grid * grid, C, t, t), row by row, with t = S // grid - gap.

    Raises:
        UserError: if the images are not square or the tiles would have no pixels.
    """
    n, channels, height, width = images.shape
    cell = height // grid
    side = cell - gap
    if height != width:
        raise UserError(
            f"Tiles are cut from square images, got {height} x {width}: crop or resize them first."
        )
    if gap < 0 or side < 1:
        raise UserError(
            f"A {grid} x {grid} grid on {height} px leaves cells of {cell} px, too small for a gap of {gap}: "
            "use larger images, fewer tiles or a smaller gap."
        )
    count = n * grid * grid
    cells = images[:, :, : cell * grid, : cell * grid].reshape(n, channels, grid, cell, grid, cell)
    cells = cells.permute(0, 2, 4, 1, 3, 5).reshape(count, channels, cell, cell)
    if gap and jitter:
        corner = torch.randint(gap + 1, (2, count, 1), generator=generator).to(images.device)
        rows, columns = corner + torch.arange(side, device=images.device)
        every = torch.arange(count, device=images.device).view(-1, 1, 1)
        # Advanced indices around a slice put the slice's axis last.
        cut = cells[every, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    else:
        start = gap // 2
        cut = cells[:, :, start : start + side, start : start + side]
    return cut.reshape(n, grid * grid, channels, side, side)


def untile(tiles: Tensor, *, gap: int = 0, fill: float = 1.0) -> Tensor:
    """Lay tiles (N, grid * grid, C, t, t) side by side, `gap` pixels of `fill` between them: (N, C, S, S).

    With gap 0 it inverts :func:`tiles` of gap 0.
    """
    n, count, channels, side, _ = tiles.shape
    grid = math.isqrt(count)
    framed = torch.nn.functional.pad(tiles, (0, gap, 0, gap), value=fill)
    framed = framed.view(n, grid, grid, channels, side + gap, side + gap).permute(0, 3, 1, 4, 2, 5)
    whole = grid * (side + gap)
    return framed.reshape(n, channels, whole, whole)[..., : whole - gap, : whole - gap]


def normalise_tiles(tiles: Tensor) -> Tensor:
    """Give every tile (last three axes) mean 0 and standard deviation 1: brightness then tells nothing.

    Tiles of a single colour become 0.
    """
    mean = tiles.mean(dim=(-3, -2, -1), keepdim=True)
    std = tiles.std(dim=(-3, -2, -1), correction=0, keepdim=True)
    return (tiles - mean) / std.clamp(min=1e-3)


def permutation_set(count: int, length: int, *, seed: int = 0) -> Tensor:
    """`count` permutations of `length` places that differ from each other in as many places as possible.

    Greedy: from a random first one, always the candidate whose smallest Hamming distance to the chosen ones
    is largest; ties go to the largest total distance, then to chance.

    Returns:
        (count, length) int64; row p puts tile p[i] at place i.

    Raises:
        UserError: if there are fewer than `count` permutations, or too many to search.
    """
    if not 1 <= length <= _MOST_LENGTH:
        raise UserError(f"Permutations of {length} tiles are not supported: use 1 to {_MOST_LENGTH} tiles.")
    if not 1 <= count <= math.factorial(length):
        raise UserError(
            f"{length} tiles have {math.factorial(length)} permutations, so a set of {count} is impossible: "
            f"choose between 1 and {math.factorial(length)}."
        )
    return _permutation_set(count, length, seed).clone()


@lru_cache(maxsize=32)
def _permutation_set(count: int, length: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    numbers = bytearray(itertools.chain.from_iterable(itertools.permutations(range(length))))
    candidates = torch.frombuffer(numbers, dtype=torch.uint8).view(-1, length)
    # Shuffled once, so that whichever of several equals is taken is a random one.
    places = candidates[torch.randperm(len(candidates), generator=generator)].T.contiguous()
    nearest = torch.full(places.shape[1:], length + 1)
    total = torch.zeros_like(nearest)
    chosen = [0]
    for _ in range(count - 1):
        distance = (places != places[:, chosen[-1:]]).sum(0)
        nearest = torch.minimum(nearest, distance)
        total += distance
        # The chosen ones have nearest 0, so they are never taken again while others are left.
        chosen.append(int((nearest * (length * count + 1) + total).argmax()))
    return places[:, chosen].T.long().contiguous()


def apply_permutation(tiles: Tensor, permutations: Tensor) -> Tensor:
    """Shuffle tiles (N, L, ...) by each sample's own permutation (N, L); place i shows tile p[i]."""
    rows = torch.arange(len(tiles), device=tiles.device)[:, None]
    return tiles[rows, permutations.to(tiles.device)]


def inverse_permutation(permutations: Tensor) -> Tensor:
    """The permutations (..., L) that undo these."""
    return permutations.argsort(dim=-1)
