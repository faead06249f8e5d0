"""Damage for denoising autoencoders to undo (Vincent et al., ICML 2008; JMLR 11, 2010)."""

from typing import Literal

import torch
from torch import Tensor

from sslcore.errors import UserError
from sslcore.views.filters import add_noise

Corruption = Literal["masking", "gaussian", "salt_and_pepper"]


def corrupt(images: Tensor, kind: Corruption, strength: float, *, generator: torch.Generator) -> Tensor:
    """Damage every image in the way named by `kind`: see the functions of the same names.

    Raises:
        UserError: for an unknown kind.
    """
    kinds = {"gaussian": gaussian, "masking": masking, "salt_and_pepper": salt_and_pepper}
    if kind not in kinds:
        raise UserError(f"There is no corruption called '{kind}': choose one of {', '.join(kinds)}.")
    return kinds[kind](images, strength, generator=generator)


def gaussian(images: Tensor, std: float, *, generator: torch.Generator) -> Tensor:
    """Add Gaussian noise of standard deviation `std` to images (N, C, H, W) and clamp to [0, 1]."""
    seed = int(torch.randint(2**31, (), generator=generator))
    return add_noise(images, torch.full((len(images),), std, device=images.device), seed=seed)


def masking(images: Tensor, fraction: float, *, generator: torch.Generator) -> Tensor:
    """Blacken each pixel, in all its channels, with probability `fraction`."""
    return images.masked_fill(_uniform(images, generator) < fraction, 0.0)


def salt_and_pepper(images: Tensor, fraction: float, *, generator: torch.Generator) -> Tensor:
    """Turn each pixel, in all its channels, black or white with probability `fraction` / 2 each."""
    uniform = _uniform(images, generator)
    return images.masked_fill(uniform < fraction / 2, 0.0).masked_fill_(uniform >= 1 - fraction / 2, 1.0)


def _uniform(images: Tensor, generator: torch.Generator) -> Tensor:
    """(N, 1, H, W) uniform numbers, one a pixel."""
    n, _, height, width = images.shape
    return torch.rand(n, 1, height, width, generator=generator).to(images.device)
