import torch

from sslcore.views import ViewSettings

OFF = ViewSettings(crop_min=1, crop_max=1, flip=0, jitter=0, grayscale=0)
EVERYTHING = ViewSettings(
    rotation=25,
    blur=0.5,
    solarize=0.3,
    cutout=0.5,
    brightness=0.6,
    contrast=0.6,
    saturation=0.6,
    hue=0.4,
    noise=0.0,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int, height: int = 32, width: int | None = None, channels: int = 3) -> torch.Tensor:
    """Noise with some flat gray, black and white regions, where hue and ties are delicate."""
    images = torch.rand(count, channels, height, width or height, generator=seeded(99))
    images[:, :, :3] = 0
    images[:, :, 3:6] = 1
    images[:, :, 6:9] = images[:, :1, 6:9]
    images[:, :, 9:12] = (images[:, :, 9:12] * 4).round() / 4
    return images
