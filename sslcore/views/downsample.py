"""Half-size copies of images, made in different ways so that the way is no clue."""

import torch
from torch import Tensor
from torch.nn import functional as F


def halve(images: Tensor, *, mixed: bool, generator: torch.Generator) -> Tensor:
    """Images (N, C, S, S) at half their side.

    Args:
        mixed: every image by its own method: averaging 2 x 2 pixels, keeping one in four, or bicubic with
            antialiasing. Otherwise all by averaging, whose smoothness gives a halved image away (Noroozi et al.,
            arXiv 1708.06734, section 3.1).
        generator: a CPU generator.
    """
    average = F.avg_pool2d(images, 2)
    if not mixed:
        return average
    side = average.shape[-1]
    every_other = images[..., : 2 * side : 2, : 2 * side : 2]
    bicubic = F.interpolate(images, size=(side, side), mode="bicubic", antialias=True).clamp(0, 1)
    which = torch.randint(3, (len(images), 1, 1, 1), generator=generator).to(images.device)
    return torch.where(which == 0, average, torch.where(which == 1, every_other, bicubic))
