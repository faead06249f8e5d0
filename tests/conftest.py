"""Tiny data that every test may share."""

import pytest
import torch

from sslcore.data import ImageData, Split
from sslcore.settings import RunSettings

torch.set_num_threads(1)  # networks this small only wait for each other's threads


def make_data(count: int = 64, size: int = 32, classes: int = 4, labelled: bool = True) -> ImageData:
    """Images whose class is their colour and whose corners differ, so that every task can be learned.

    The first half and the second half of the images make bags of two.
    """
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % classes
    colours = torch.rand(classes, 3, 1, 1, generator=generator)
    slope = torch.linspace(0, 1, size).square()
    corners = 0.7 * slope[:, None] + 0.3 * slope
    images = (
        0.5 * colours[labels] + 0.3 * corners + 0.2 * torch.rand(count, 3, size, size, generator=generator)
    )
    bags = torch.arange(count) % (count // 2)
    split = Split((255 * images).to(torch.uint8), labels if labelled else None, bags=bags)
    names = tuple(f"class {i}" for i in range(classes)) if labelled else ()
    return ImageData("tiny", "Tiny", names, split, split, split)


@pytest.fixture(scope="session")
def tiny() -> ImageData:
    return make_data()


@pytest.fixture(scope="session")
def unlabelled() -> ImageData:
    return make_data(labelled=False)


def tiny_settings(method: str = "simclr", **values) -> RunSettings:
    """Settings small enough for a test: narrow encoder, few images, full precision."""
    small = {
        "batch_size": 16, "width": 4, "token_width": 16, "depth": 1, "heads": 2, "steps": 6,
        "evaluations": 2, "precision": "fp32", "device": "cpu",
    }  # fmt: skip
    return RunSettings.build(method, **{**small, **values})
