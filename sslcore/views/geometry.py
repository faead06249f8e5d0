"""Moving pixels: crop and resize, mirror, rotate; every sample with its own parameters.

Resizing, mirroring and blurring treat rows and columns separately, and whatever is linear along one axis is
a matrix. So a crop with its mirror and its antialiased resize is two batched products, R_y @ image @ R_x^T.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional


def separable(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Apply one matrix to the vertical and one to the horizontal axis of every image.

    Args:
        images: (N, C, H, W).
        rows: (N, H', H), columns: (N, W', W).

    Returns:
        (N, C, H', W').
    """
    n, channels, height, width = images.shape
    with torch.autocast(images.device.type, enabled=False):
        across = torch.bmm(images.reshape(n, channels * height, width), columns.mT)
        # The row matrices are copied per channel: one large bmm beats a broadcast matmul several times over.
        per_channel = rows[:, None].expand(-1, channels, -1, -1).reshape(n * channels, *rows.shape[1:])
        views = torch.bmm(per_channel, across.view(n * channels, height, -1))
    return views.view(n, channels, rows.shape[1], columns.shape[1])


def crop_matrices(
    top: Tensor,
    left: Tensor,
    height: Tensor,
    width: Tensor,
    *,
    source: tuple[int, int],
    size: tuple[int, int],
    flipped: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """What :func:`separable` needs to cut a box out of every image, resize it (bilinear, antialiased) and mirror some.

    Args:
        top, left, height, width: (N,) boxes in whole pixels inside the image.
        source: height and width of the images.
        size: height and width of the result.
        flipped: (N,) bool, which ones to mirror left-right.

    Returns:
        For rows (N, size[0], source[0]) and for columns (N, size[1], source[1]). The result equals torchvision's
        `resized_crop(..., antialias=True)` followed by `horizontal_flip`, image by image.
    """
    rows = resize_matrix(top, height, source[0], size[0])
    return rows, resize_matrix(left, width, source[1], size[1], flipped)


def resize_matrix(
    start: Tensor, length: Tensor, source: int, size: int, flipped: Tensor | None = None
) -> Tensor:
    """(N, size, source): weights that resample [start, start + length) to `size` pixels by a triangle filter.

    When shrinking the triangle widens with the scale (antialias); when enlarging it is plain bilinear
    interpolation. Weights outside the box are zero and every row sums to one.
    """
    device = start.device
    start, length = start.float().view(-1, 1, 1), length.float().view(-1, 1, 1)
    scale = length / size
    target = torch.arange(size, device=device, dtype=torch.float32).add_(0.5).view(1, -1, 1)
    if flipped is not None:
        target = torch.where(flipped.view(-1, 1, 1), size - target, target)
    centre = start + target * scale
    pixel = torch.arange(source, device=device, dtype=torch.float32).add_(0.5).view(1, 1, -1)
    inside = ((pixel > start) & (pixel < start + length)).float()
    reach = scale.clamp(min=1)
    # The negative of a tent of height one; the sign cancels when the rows are made to sum to one.
    weight = (pixel / reach - centre / reach).abs_().sub_(1).clamp_(max=0).mul_(inside)
    return weight.div_(weight.sum(-1, keepdim=True))


def rotate(images: Tensor, angle: Tensor) -> Tensor:
    """Turn every image about its centre by its own angle, bilinear, black outside.

    Args:
        images: (N, C, H, W).
        angle: (N,) degrees, counter-clockwise, as in torchvision's `rotate`.
    """
    height, width = images.shape[-2:]
    turn = angle * (math.pi / 180)
    cos, sin, zero = turn.cos(), turn.sin(), torch.zeros_like(turn)
    # From view to source in grid_sample's coordinates, where both axes run from -1 to 1 whatever the shape.
    across = torch.stack([cos, -sin * (height / width), zero], dim=1)
    down = torch.stack([sin * (width / height), cos, zero], dim=1)
    grid = functional.affine_grid(torch.stack([across, down], dim=1), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
