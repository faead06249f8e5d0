"""The pipeline as torchvision code, to copy into another project."""

import math

from sslcore.views.filters import blur_kernel_size
from sslcore.views.settings import ViewSettings


def torchvision_code(settings: ViewSettings, size: int = 32) -> str:
    """A torchvision v2 pipeline with the same distribution of views, for images of `size` px.

    It takes PIL images or tensors, one at a time; operations that can never happen are left out.
    """
    s = settings

    def number(value: float) -> str:
        return f"{value:.4g}"

    def perhaps(operation: str, p: float) -> str:
        return operation if p >= 1 else f"v2.RandomApply([{operation}], p={number(p)})"

    lines = ["v2.ToImage()", "v2.ToDtype(torch.float32, scale=True)"]
    if s.rotation:
        lines.append(f"v2.RandomRotation({number(s.rotation)}, interpolation=v2.InterpolationMode.BILINEAR)")
    if s.crops:
        scale = f"scale=({number(s.crop_min)}, {number(s.crop_max)})"
        ratio = f"ratio=({number(1 / s.crop_aspect)}, {number(s.crop_aspect)})"
        lines.append(f"v2.RandomResizedCrop({size}, {scale}, {ratio})")
    if s.flip:
        lines.append(f"v2.RandomHorizontalFlip(p={number(s.flip)})")
    if s.jitter and (s.brightness or s.contrast or s.saturation or s.hue):
        strengths = ", ".join(number(v) for v in (s.brightness, s.contrast, s.saturation, s.hue))
        lines.append(perhaps(f"v2.ColorJitter({strengths})", s.jitter))
    if s.grayscale:
        lines.append(f"v2.RandomGrayscale(p={number(s.grayscale)})")
    if s.blur:
        sigma = f"sigma=({number(s.blur_sigma_min)}, {number(s.blur_sigma_max)})"
        lines.append(perhaps(f"v2.GaussianBlur({blur_kernel_size(size)}, {sigma})", s.blur))
    if s.solarize:
        lines.append(f"v2.RandomSolarize({number(s.solarize_threshold)}, p={number(s.solarize)})")
    if s.noise:
        lines.append(f"v2.GaussianNoise(sigma={number(s.noise)})")
    if s.cutout:
        area = number(math.pow(s.cutout_size, 2))
        lines.append(f"v2.RandomErasing(p={number(s.cutout)}, scale=({area}, {area}), ratio=(1, 1))")
    body = "".join(f"    {line},\n" for line in lines)
    return f"import torch\nfrom torchvision.transforms import v2\n\nviews = v2.Compose([\n{body}])\n"
