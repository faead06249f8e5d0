"""How fast are batched views? The SimCLR pipeline here, in torchvision v2 per image, and in kornia per batch.

    python -m benchmarks.augment [--images 512] [--size 32] [--rounds 20] [--device cpu]

kornia takes part if it can be imported; it is not among the requirements.
"""

import argparse
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.common import command, timed, write_table
from sslcore.views import ViewSettings, draw, random_views, torchvision_code


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()

    settings = ViewSettings()
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (options.images, 3, options.size, options.size), dtype=torch.uint8)
    pixels = pixels.to(options.device)
    images = pixels.float() / 255

    # torchvision goes image by image: a part of the batch is enough to know its pace.
    part = max(1, options.images // 8)
    contenders: dict[str, tuple[int, Callable[[], object]]] = {
        "sslcore, batch": (options.images, lambda: random_views(images, settings, generator=generator)),
        "sslcore, batch of bytes": (
            options.images,
            lambda: random_views(pixels, settings, generator=generator),
        ),
        "of which drawing": (
            options.images,
            lambda: draw(options.images, options.size, settings, generator=generator),
        ),
        "torchvision v2, each image": (
            part,
            each(torchvision_pipeline(settings, options.size), images[:part]),
        ),
    }
    notes = "Best of the rounds; all contenders take turns within each round."
    kornia = kornia_pipeline(settings, options.size)
    if kornia is None:
        notes += " kornia was not installed: `pip install kornia` and run again to compare."
    else:
        contenders["kornia, batch"] = (options.images, lambda: kornia(images))

    with torch.no_grad():
        seconds = timed(
            {name: run for name, (_, run) in contenders.items()}, rounds=options.rounds, device=options.device
        )
    pace = {name: {k: v / contenders[name][0] for k, v in s.items()} for name, s in seconds.items()}
    ours = pace["sslcore, batch"]["best"]
    rows = [
        {
            "pipeline": name,
            "µs per image": figures["best"] * 1e6,
            "median µs": figures["median"] * 1e6,
            "images per second": 1 / figures["best"],
            "time relative to ours": figures["best"] / ours,
        }
        for name, figures in pace.items()
    ]
    title = f"SimCLR views of {options.images} images, 3 x {options.size} x {options.size}, {options.device}"
    write_table("augment.md", title, command(), rows, notes)


def torchvision_pipeline(settings: ViewSettings, size: int) -> Callable[[Tensor], Tensor]:
    """What a reader gets from the code shown on the augmentation page, less the conversion of the input."""
    names: dict = {}
    exec(torchvision_code(settings, size), names)
    compose = names["views"]
    return type(compose)(compose.transforms[2:])


def each(transform: Callable[[Tensor], Tensor], images: Tensor) -> Callable[[], Tensor]:
    return lambda: torch.stack([transform(image) for image in images])


def kornia_pipeline(settings: ViewSettings, size: int) -> Callable[[Tensor], Tensor] | None:
    """The same pipeline in kornia, with its own parameters for every sample; None without kornia."""
    try:
        from kornia import augmentation
    except ImportError:
        return None
    s = settings
    return augmentation.AugmentationSequential(
        augmentation.RandomResizedCrop(
            (size, size), (s.crop_min, s.crop_max), (1 / s.crop_aspect, s.crop_aspect)
        ),
        augmentation.RandomHorizontalFlip(p=s.flip),
        augmentation.ColorJitter(s.brightness, s.contrast, s.saturation, s.hue, p=s.jitter),
        augmentation.RandomGrayscale(p=s.grayscale),
        data_keys=["input"],
    )


if __name__ == "__main__":
    main()
