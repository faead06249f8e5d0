"""The datasets a form offers, uploads among them, and the pictures that charts and tables need of them."""

import hashlib
import os
import re
from functools import cache
from pathlib import Path

import numpy as np
import streamlit as st

from sslcore.data import DatasetCard, ImageData, dataset_cards, from_uploads, load
from sslcore.errors import UserError
from sslcore.runs import runs_root
from sslcore.settings import RunSettings


@cache
def _cards() -> dict[str, DatasetCard]:
    return {card.id: card for card in dataset_cards()}


def uploads_root() -> Path:
    """Where uploads are kept: beside the runs that learn from them."""
    return runs_root() / "uploads"


def is_known(name: str) -> bool:
    """Whether a form may offer this: a named dataset, or something uploaded to this server."""
    return name in _cards() or _upload(name) is not None


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


def to_link(name: str) -> str:
    """How a URL calls it: an upload without the place where it lies."""
    return name.replace(f"folder:{uploads_root()}{os.sep}", "upload:")


def from_link(name: str) -> str:
    """The inverse of :func:`to_link`."""
    return f"folder:{uploads_root() / name[7:]}" if name.startswith("upload:") else name


def data_card(name: str) -> DatasetCard | None:
    """The card of a named dataset."""
    return _cards().get(name)


def keep_upload(files: list[tuple[str, bytes]]) -> tuple[str, ImageData]:
    """Store uploaded images on the server; returns the name under which a run finds them, and the images.

    Raises:
        UserError: if there are too few usable images among them, the zip is unsafe, or the disk is full.
    """
    images = from_uploads(files)
    digest = hashlib.sha256(b"".join(content for _, content in files)).hexdigest()[:16]
    zipped = files[0][0].lower().endswith(".zip")
    place = uploads_root() / (f"{digest}.zip" if zipped else digest)
    try:
        _store(files, place)
    except OSError as error:
        raise UserError(f"The images cannot be kept on this server: {error.strerror}.") from None
    return f"folder:{place}", images


def _store(files: list[tuple[str, bytes]], place: Path) -> None:
    """The only zip under this name, or images in a folder of this name, numbered."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.suffix:
        place.write_bytes(files[0][1])
        return
    place.mkdir(exist_ok=True)
    for number, (name, content) in enumerate(files):
        (place / f"{number:05d}{Path(name).suffix.lower()}").write_bytes(content)


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


def _upload(name: str) -> Path | None:
    """The upload of this name; None for any other place, which a URL must not reach."""
    place = uploads_root() / Path(name).name
    known = name == f"folder:{place}" and re.fullmatch(r"[0-9a-f]{16}(\.zip)?", place.name)
    return place if known and place.exists() else None
