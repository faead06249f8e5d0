"""The dice of the augmentation pipeline: all parameters of a batch of views, drawn before a pixel moves."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from sslcore.views.settings import ViewSettings

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)
_CROP_ATTEMPTS = 10
_ROWS = (
    4 * _CROP_ATTEMPTS + 19
)  # uniforms per sample; always the same number, so turning one knob moves no other draw


@dataclass(frozen=True)
class Draws:
    """Parameters of N views, one entry per sample, on the CPU. A neutral value leaves an operation out.

    Boxes are whole pixels of the source image; the neutral box is the whole image.
    """

    top: Tensor  # (N,) int64
    left: Tensor
    height: Tensor
    width: Tensor
    flipped: Tensor  # (N,) bool
    angle: Tensor  # (N,) degrees, counter-clockwise; neutral 0
    brightness: Tensor  # (N,) factors; neutral 1
    contrast: Tensor
    saturation: Tensor
    hue: Tensor  # (N,) turns of the colour wheel; neutral 0
    order: Tensor  # (N, 4) int64: the colour operation done first, second, ...
    gray: Tensor  # (N,) bool
    blur_sigma: Tensor  # (N,) pixels of the view; neutral 0
    solarize: Tensor  # (N,) threshold; neutral infinity
    noise: Tensor  # (N,) standard deviation; neutral 0
    noise_seed: Tensor  # (N,) int64; the first one seeds the noise of the batch
    cutout_top: Tensor  # (N,) int64, pixels of the view
    cutout_left: Tensor
    cutout_side: Tensor  # neutral 0
    source: tuple[int, int]  # height and width of the images these draws are for
    size: tuple[int, int]  # height and width of the views

    def __len__(self) -> int:
        return len(self.top)

    def __getitem__(self, which: Tensor | slice) -> "Draws":
        """The draws of some samples, by index or slice."""
        return Draws(**{name: v[which] if isinstance(v, Tensor) else v for name, v in vars(self).items()})

    @property
    def cropped(self) -> Tensor:
        """(N,) bool: whose box is not the whole image."""
        return (self.height != self.source[0]) | (self.width != self.source[1])

    @property
    def moved(self) -> bool:
        """Whether any sample is cropped or mirrored."""
        return bool(self.cropped.any() or self.flipped.any())

    @property
    def jittered(self) -> Tensor:
        """(N,) bool: whose colours change."""
        return (self.brightness != 1) | (self.contrast != 1) | (self.saturation != 1) | (self.hue != 0)

    def describe(self, i: int) -> str:
        """Sample i in words, in order of application: "crop 62 % of the area, flipped, hue -0.04"."""
        said = []
        if self.angle[i] != 0:
            said.append(f"rotated {self.angle[i]:+.0f}°")
        if self.cropped[i]:
            share = self.height[i] * self.width[i] / (self.source[0] * self.source[1])
            said.append(f"crop {100 * share:.0f} % of the area")
        if self.flipped[i]:
            said.append("flipped")
        if self.jittered[i]:
            colour = {
                BRIGHTNESS: f"brightness x{self.brightness[i]:.2f}",
                CONTRAST: f"contrast x{self.contrast[i]:.2f}",
                SATURATION: f"saturation x{self.saturation[i]:.2f}",
                HUE: f"hue {self.hue[i]:+.2f}",
            }
            in_order = [colour[k] for k in self.order[i].tolist()]
            said += [words for words in in_order if not words.endswith((" x1.00", "+0.00", "-0.00"))]
        if self.gray[i]:
            said.append("grayscale")
        if self.blur_sigma[i] > 0:
            said.append(f"blur {self.blur_sigma[i]:.1f} px")
        if self.solarize[i] < math.inf:
            said.append(f"solarized above {self.solarize[i]:.2g}")
        if self.noise[i] > 0:
            said.append(f"noise {self.noise[i]:.2g}")
        if self.cutout_side[i] > 0:
            said.append(f"cutout of {self.cutout_side[i]} px")
        return ", ".join(said) or "unchanged"


def draw(
    count: int,
    size: int | tuple[int, int],
    settings: ViewSettings,
    *,
    generator: torch.Generator,
    out_size: int | tuple[int, int] | None = None,
) -> Draws:
    """Draw the parameters of `count` views, independently for every sample.

    Args:
        count: number of views N.
        size: height and width of the source images, or the side of square ones.
        settings: probabilities and strengths.
        generator: a CPU generator, the only source of randomness.
        out_size: size of the views; that of the source unless told.

    The distributions are torchvision v2's (RandomResizedCrop, ColorJitter, ...), except that every sample has
    its own parameters and its own order of the four colour operations.
    """
    source = (size, size) if isinstance(size, int) else tuple(size)
    out_size = source if out_size is None else out_size
    view = (out_size, out_size) if isinstance(out_size, int) else tuple(out_size)
    s = settings
    u = iter(torch.rand(_ROWS, count, generator=generator))

    def between(low: float, high: float) -> Tensor:
        return next(u).mul(high - low).add(low)

    def with_chance(p: float) -> Tensor:
        return next(u) < p

    crops = [torch.stack([next(u) for _ in range(_CROP_ATTEMPTS)]) for _ in range(4)]
    top, left, height, width = _boxes(*crops, source, s) if s.crops else _whole(count, source)

    jittered = with_chance(s.jitter)
    factors = [
        torch.where(jittered, between(max(0.0, 1 - strength), 1 + strength), 1.0)
        for strength in (s.brightness, s.contrast, s.saturation)
    ]
    hue = torch.where(jittered, between(-s.hue, s.hue), 0.0)
    order = torch.stack([next(u) for _ in range(4)], dim=1).argsort(dim=1)

    side = max(1, round(s.cutout_size * min(view)))
    cut = with_chance(s.cutout)
    return Draws(
        top, left, height, width,
        flipped=with_chance(s.flip),
        angle=between(-s.rotation, s.rotation),
        brightness=factors[0], contrast=factors[1], saturation=factors[2], hue=hue, order=order,
        gray=with_chance(s.grayscale),
        blur_sigma=torch.where(with_chance(s.blur), between(s.blur_sigma_min, s.blur_sigma_max), 0.0),
        solarize=torch.where(with_chance(s.solarize), s.solarize_threshold, math.inf),
        noise=torch.full((count,), s.noise),
        noise_seed=(next(u) * 2**24).long(),
        cutout_top=_place(next(u), view[0] - side),
        cutout_left=_place(next(u), view[1] - side),
        cutout_side=torch.where(cut, side, 0),
        source=source, size=view,
    )  # fmt: skip


def _place(uniform: Tensor, room: Tensor | int) -> Tensor:
    """Whole numbers from 0 to `room`, equally likely."""
    return (uniform * (room + 1)).floor().clamp(max=room).long()


def _whole(count: int, source: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    zero = torch.zeros(count, dtype=torch.long)
    return zero, zero.clone(), torch.full_like(zero, source[0]), torch.full_like(zero, source[1])


def _boxes(
    area: Tensor, aspect: Tensor, y: Tensor, x: Tensor, source: tuple[int, int], s: ViewSettings
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Random boxes as in torchvision's RandomResizedCrop: the first of ten tries that fits, or the middle."""
    area = (s.crop_min + (s.crop_max - s.crop_min) * area) * (source[0] * source[1])
    aspect = torch.exp((2 * aspect - 1) * math.log(s.crop_aspect))
    width, height = (area * aspect).sqrt().round(), (area / aspect).sqrt().round()
    fits = (width >= 1) & (width <= source[1]) & (height >= 1) & (height <= source[0])
    first = fits.int().argmax(0, keepdim=True)
    fits, height, width, y, x = (table.gather(0, first)[0] for table in (fits, height, width, y, x))

    # Nothing fitted: the largest centred box of a legal shape.
    middle_height = min(source[0], round(source[1] * s.crop_aspect))
    middle_width = min(source[1], round(source[0] * s.crop_aspect))
    height = torch.where(fits, height, float(middle_height)).long()
    width = torch.where(fits, width, float(middle_width)).long()
    top = torch.where(fits, _place(y, source[0] - height), (source[0] - middle_height) // 2)
    left = torch.where(fits, _place(x, source[1] - width), (source[1] - middle_width) // 2)
    return top, left, height, width
