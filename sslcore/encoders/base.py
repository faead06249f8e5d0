"""What every encoder is: images in [0, 1] in, one representation per image out."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class InputInfo:
    """What a network must know about the images before it is built."""

    channels: int = 3
    size: int = 32  # side in pixels
    classes: int = 0  # 0 when there are no labels
    count: int = 0  # training images
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)  # per channel, images in [0, 1]
    std: tuple[float, ...] = (0.25, 0.25, 0.25)


class Encoder(nn.Module):
    """Base class. Images are standardised here, so that nothing else has to think about it."""

    feature_dim: int
    map_dims: tuple[int, ...] = ()  # channels of the maps of all stages, where there are stages

    def __init__(self, info: InputInfo) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(info.mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(info.std).view(1, -1, 1, 1))

    def check_side(self, what: str, side: int) -> None:
        """Complain of images of a side that it cannot look at; most encoders take any.

        Args:
            what: the images, as the complaint calls them.
            side: in pixels.

        Raises:
            UserError: if it cannot.
        """

    def standardise(self, images: Tensor) -> Tensor:
        """Zero mean and unit variance per channel over the training set. (N, C, H, W), same shape."""
        return (images - self.mean) / self.std

    def as_pictures(self, standard: Tensor) -> Tensor:
        """The inverse of :meth:`standardise`, kept within [0, 1] for the eye."""
        return (standard * self.std + self.mean).clamp(0, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) in [0, 1] to representations (N, feature_dim)."""
        return self.embed(self.standardise(images))

    def embed(self, images: Tensor) -> Tensor:
        """Standardised images to representations; what a subclass provides."""
        return self.feature_map(images).mean((2, 3))

    def feature_map(self, images: Tensor) -> Tensor:
        """Standardised images to a spatial map (N, feature_dim, h, w); not every encoder has one."""
        return self.feature_maps(images)[-1]

    def feature_maps(self, images: Tensor) -> list[Tensor]:
        """Standardised images to the maps (N, map_dims[i], h, w) of all stages, from fine to coarse."""
        raise TypeError(f"{type(self).__name__} has no spatial feature maps.")
