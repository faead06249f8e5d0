"""The datasets a form offers, uploads among them, and the pictures that charts and tables need of them."""

from functools import cache

import numpy as np
import streamlit as st

from sslcore.data import DatasetCard, ImageData, dataset_cards, load
from sslcore.errors import UserError
from sslcore.settings import RunSettings
from ui.uploads import find_upload


@cache
def _cards() -> dict[str, DatasetCard]:
    return {card.id: card for card in dataset_cards()}


def is_known(name: str) -> bool:
    """Whether a form may offer this: a named dataset, or something uploaded to this server."""
    return name in _cards() or find_upload(name) is not None


def data_names(chosen: str = "toybox") -> list[str]:
    """What to choose from; an upload only for those who have its name."""
    return [*_cards(), *([chosen] if chosen not in _cards() else [])]


def data_title(name: str) -> str:
    """Its name for people, with what is to be known before choosing it."""
    if name not in _cards():
        return "Your images"
    card = _cards()[name]
    if card.needs_download and not card.is_available(None):
        return f"{card.title} (download, {card.download_mb} MB)"
    return card.title


def data_card(name: str) -> DatasetCard | None:
    """The card of a named dataset."""
    return _cards().get(name)


def images_of(settings: RunSettings) -> ImageData:
    """The images a run learns from, read from the cache on disk that the run itself has filled.

    Raises:
        UserError: if they are not here (any more).
    """
    chosen = settings.data
    return load_images(chosen.data, chosen.image_size or None, chosen.style)


def labels_of(settings: RunSettings) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Labels of the held-out images, None without, and the names of the classes. Remembered for many datasets,
    so that those who watch a run do not wait for its images."""
    chosen = settings.data
    try:
        return _labels(chosen.data, chosen.image_size or None, chosen.style)
    except UserError:
        return None, ()


@st.cache_resource(max_entries=200, show_spinner=False)
def _labels(name: str, size: int | None, style: str) -> tuple[np.ndarray | None, tuple[str, ...]]:
    data = load_images(name, size, style)
    return None if data.test.labels is None else data.test.labels.numpy(), data.classes


def load_images(name: str, size: int | None = None, style: str = "flat") -> ImageData:
    """A dataset that is here, remembered for a while.

    Raises:
        UserError: if it cannot be read.
    """
    return _loaded(name, size, style)


@st.cache_resource(max_entries=3, show_spinner=False)
def _loaded(name: str, size: int | None, style: str) -> ImageData:
    return load(name, size=size, style=style)
