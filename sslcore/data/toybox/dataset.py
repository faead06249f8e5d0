"""Toybox as a dataset: thousands of scenes, all of whose factors are known.

A plain loop draws them: at well under a millisecond a scene it needs no worker processes, and so works in
any thread of any program.
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random

import numpy as np
import torch

from sslcore.data.images import ImageData, Split, assemble
from sslcore.data.toybox.canvas import STYLES
from sslcore.data.toybox.individual import HUE_NAMES
from sslcore.data.toybox.places import PLACE_NAMES
from sslcore.data.toybox.scene import SceneParameters, draw, sample
from sslcore.data.toybox.toys import CLASSES

VERSION = 2  # part of the cache's key: raise it whenever a drawing changes
SIZES = (32, 48, 64, 96)
TRAIN_SIZE, TEST_SIZE = 8_000, 2_000
SCENES_EACH = 4  # scenes in which every individual is seen

FACTOR_NAMES: dict[str, tuple[str, ...] | None] = {
    "class": CLASSES,
    "individual": None,
    "variant": ("first", "second", "third", "fourth"),
    "hue": HUE_NAMES,
    "place": PLACE_NAMES,
    "x": None,
    "y": None,
    "scale": None,
    "tilt": None,
    "flip": ("right", "left"),
    "light": None,
    "style": STYLES,
}
_WHOLE = {"class", "individual", "variant", "hue", "place", "flip", "style"}


def plan(split: str, count: int, *, seed: int = 0, style: str = "flat") -> list[SceneParameters]:
    """What to draw for "train" or "test": classes in turn, every individual ``SCENES_EACH`` times.

    Individuals are even numbers in the training set and odd ones in the test set, so nobody is in both.
    """
    random, group = Random(f"{seed} {split} {style}"), SCENES_EACH * len(CLASSES)
    scenes, parity = [], int(split == "test")
    for index in range(count):
        if index % group == 0:
            people = [2 * int(random.random() * 2**30) + parity for _ in CLASSES]
        toy = index % len(CLASSES)
        scenes.append(sample(random, toy=toy, individual=people[toy], style=style))
    return scenes


def factors(scenes: list[SceneParameters]) -> dict[str, torch.Tensor]:
    """The factors of the scenes by name: int64 (N,) if discrete (``individual`` too), else float32 (N,)."""
    columns = {
        "class": [scene.toy for scene in scenes],
        "style": [STYLES.index(scene.style) for scene in scenes],
    }
    for name in FACTOR_NAMES.keys() - columns.keys():
        columns[name] = [getattr(scene, name) for scene in scenes]
    kinds = {name: torch.int64 if name in _WHOLE else torch.float32 for name in FACTOR_NAMES}
    return {name: torch.tensor(columns[name], dtype=kinds[name]) for name in FACTOR_NAMES}


def generate(
    *,
    size: int = 32,
    style: str = "flat",
    seed: int = 0,
    train_size: int = TRAIN_SIZE,
    test_size: int = TEST_SIZE,
    progress: Callable[[float, str], None] | None = None,
) -> tuple[Split, Split]:
    """Draw the training and the test scenes; the same arguments give the same pixels on every machine."""
    splits, done = [], 0
    for split, count in (("train", train_size), ("test", test_size)):
        scenes = plan(split, count, seed=seed, style=style)
        images = torch.empty(count, 3, size, size, dtype=torch.uint8)
        for index, scene in enumerate(scenes):
            images[index] = torch.from_numpy(np.array(draw(scene, size))).permute(2, 0, 1)
            done += 1
            if progress and done % 200 == 0:
                progress(done / (train_size + test_size), f"Drawing Toybox: {done:,} scenes")
        known = factors(scenes)
        splits.append(Split(images, known["class"], known))
    return splits[0], splits[1]


def toybox(train: Split, test: Split) -> ImageData:
    """The dataset made of two generated splits; a bag holds the scenes of one individual."""
    train, test = (replace(split, bags=bags(split.factors)) for split in (train, test))
    return assemble("toybox", "Toybox", CLASSES, train, test, factor_names=dict(FACTOR_NAMES))


def bags(factors: dict[str, torch.Tensor]) -> torch.Tensor:
    """The bag of every scene, int64 (N,): individuals have their numbers within their class."""
    who = torch.stack([factors["class"], factors["individual"]], dim=1)
    return who.unique(dim=0, return_inverse=True)[1]
