"""What methods make of an image: every kind of view as panels of pictures. Pure functions, all seeded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sslcore.knobs import Knob, KnobModel, knob, knobs_of
from sslcore.methods.base import Panel
from sslcore.registry import get_method
from sslcore.settings import EncoderSettings
from sslcore.views import (
    ViewSettings,
    all_rotations,
    apply,
    block_mask,
    corrupt,
    cover,
    draw,
    multi_crop,
    random_token_mask,
    tiles,
    untile,
)

TURNS = ("upright", "a quarter turn", "upside down", "three quarters")


class KindSettings(KnobModel):
    """Knobs that no method has, or with defaults that show more at a glance."""

    draws: int = knob(12, 2, 24, help="How many views to draw.")
    local_crops: int = knob(6, 1, 8, help="Small views beside the two large ones.")
    local_min: float = knob(0.1, 0.02, 1.0, help="Smallest small view, as a fraction of the image's area.")
    local_max: float = knob(0.4, 0.02, 1.0, help="Largest small view, as a fraction of the image's area.")
    mask_blocks: bool = knob(False, help="Hide whole blocks, as BEiT does, instead of scattered patches.")


@dataclass(frozen=True)
class Kind:
    """One way of making views.

    Attributes:
        knobs: what can be turned besides the view settings, by name.
        make: from an image (3, S, S) in [0, 1], the view settings, the knobs' values and a generator.
    """

    about: str
    knobs: dict[str, Knob]
    make: Callable[[Tensor, ViewSettings, dict[str, Any], torch.Generator], list[Panel]]


def single_views(
    image: Tensor, settings: ViewSettings, values: dict[str, Any], generator: torch.Generator
) -> list[Panel]:
    """Independent views of one image, with what was drawn in words."""
    return [_drawn("", image, values["draws"], settings, generator)]


def two_views(
    image: Tensor, settings: ViewSettings, values: dict[str, Any], generator: torch.Generator
) -> list[Panel]:
    """The pair that contrastive, distilling and decorrelating methods compare."""
    return [_drawn(title, image, 4, settings, generator) for title in ("First view", "Second view")]


def crops(
    image: Tensor, settings: ViewSettings, values: dict[str, Any], generator: torch.Generator
) -> list[Panel]:
    """Two large views and several small ones (SwAV, DINO)."""
    views = multi_crop(
        image[None],
        settings,
        generator=generator,
        local_crops=values["local_crops"],
        local_min=values["local_min"],
        local_max=values["local_max"],
    )
    small = torch.cat(views[2:])
    large = Panel(
        "Large views", torch.cat(views[:2]), text="DINO's teacher sees only these; SwAV sorts only these."
    )
    text = f"{small.shape[-1]} px wide; each must say what the large ones say."
    return [large, Panel("Small views", small, text=text)]


def puzzle(
    image: Tensor, settings: ViewSettings, values: dict[str, Any], generator: torch.Generator
) -> list[Panel]:
    """Tiles of one view, in place and shuffled."""
    view = apply(image[None], draw(1, image.shape[-1], settings, generator=generator))
    grid, gap = values["grid"], values["gap"]
    cut = tiles(view, grid=grid, gap=gap, jitter=values["tile_jitter"], generator=generator)
    order = torch.randperm(grid**2, generator=generator)
    names = tuple(f"tile {i + 1}" for i in order.tolist())
    pictures = torch.cat([view, *(_fit(untile(part, gap=2), view) for part in (cut, cut[:, order]))])
    return [
        Panel("The puzzle", pictures, ("one view", "its tiles", "shuffled")),
        Panel("What the network gets, one by one", cut[0, order], names),
    ]


def masks(
    image: Tensor, settings: ViewSettings, values: dict[str, Any], generator: torch.Generator
) -> list[Panel]:
    """Views with hidden patches, and how many stay visible."""
    size, patch, ratio, count = image.shape[-1], values["patch_size"], values["mask_ratio"], 6
    side = size // patch
    view = apply(image[None], draw(1, size, settings, generator=generator))[
        ..., : side * patch, : side * patch
    ]
    if values["mask_blocks"]:
        hidden = block_mask(count, side, ratio, generator=generator)
    else:
        hidden, _ = random_token_mask(count, side * side, ratio, generator=generator)
    shown = cover(view.expand(count, -1, -1, -1), hidden, patch)
    left = int((~hidden[0]).sum())
    words = f"{side} × {side} patches of {patch} px, {left} of {side * side} visible. Grey ones are hidden."
    return [Panel("One view", view), Panel("What is left of it, six times", shown, text=words)]


def rotations(
    image: Tensor, settings: ViewSettings, values: dict[str, Any], generator: torch.Generator
) -> list[Panel]:
    """The four quarter turns of one view; the pseudo-label is which one it was."""
    view = apply(image[None], draw(1, image.shape[-1], settings, generator=generator))
    turned, labels = all_rotations(view)
    captions = tuple(f"{label}: {TURNS[label]}" for label in labels.tolist())
    return [Panel("Which way up?", turned, captions, "The number is the pseudo-label.")]


def damage(
    image: Tensor, settings: ViewSettings, values: dict[str, Any], generator: torch.Generator
) -> list[Panel]:
    """Damaged copies for a denoising autoencoder to repair."""
    batch = apply(image.expand(6, -1, -1, -1), draw(6, image.shape[-1], settings, generator=generator))
    damaged = corrupt(batch, values["noise_kind"], values["noise_level"], generator=generator)
    return [Panel("Damaged", damaged), Panel("What must come out", batch)]


def _drawn(
    title: str, image: Tensor, count: int, settings: ViewSettings, generator: torch.Generator
) -> Panel:
    draws = draw(count, image.shape[-1], settings, generator=generator)
    said = tuple(draws.describe(i) for i in range(count))
    return Panel(title, apply(image.expand(count, -1, -1, -1), draws), said)


def _fit(pictures: Tensor, like: Tensor) -> Tensor:
    return torch.nn.functional.interpolate(pictures, like.shape[-2:], mode="nearest")


def _of(model: type, *names: str) -> dict[str, Knob]:
    known = knobs_of(model)
    return {name: known[name] for name in names}


def kinds() -> dict[str, Kind]:
    """All kinds of views by their name in the address."""
    own, mask = KindSettings, _of(get_method("mae").Settings, "mask_ratio")
    puzzles = _of(get_method("jigsaw").Settings, "grid", "gap", "tile_jitter")
    noises = _of(get_method("denoising_autoencoder").Settings, "noise_kind", "noise_level")
    patches = _of(EncoderSettings, "patch_size") | _of(own, "mask_blocks")
    local = _of(own, "local_crops", "local_min", "local_max")
    return {
        "Views": Kind(
            "Random views of the image, and what was drawn for each.", _of(own, "draws"), single_views
        ),
        "Two views": Kind(
            "Pairs as SimCLR, BYOL, VICReg and their kin see them: above and below belong together.",
            {},
            two_views,
        ),
        "Multi-crop": Kind(
            "Two large and several small views, as in the papers of SwAV and DINO.", local, crops
        ),
        "Tiles": Kind("Jigsaw puzzles and relative positions.", puzzles, puzzle),
        "Masks": Kind("Hidden patches, as in masked autoencoders and BEiT.", mask | patches, masks),
        "Rotations": Kind("Rotation prediction: four turns, four classes.", {}, rotations),
        "Damage": Kind("What a denoising autoencoder has to repair.", noises, damage),
    }
