"""The datasets a form offers, uploads among them, and the pictures that charts and tables need of them."""

import hashlib
import os
import re
from functools import cache
from pathlib import Path

import streamlit as st

from sslcore.data import DatasetCard, ImageData, dataset_cards, from_uploads, load
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
        UserError: if there are too few usable images among them, or the zip is unsafe.
    """
    images = from_uploads(files)
    digest = hashlib.sha256(b"".join(content for _, content in files)).hexdigest()[:16]
    root = uploads_root()
    root.mkdir(parents=True, exist_ok=True)
    if files[0][0].lower().endswith(".zip"):
        place = root / f"{digest}.zip"
        place.write_bytes(files[0][1])
    else:
        place = root / digest
        place.mkdir(exist_ok=True)
        for number, (name, content) in enumerate(files):
            (place / f"{number:05d}{Path(name).suffix.lower()}").write_bytes(content)
    return f"folder:{place}", images


def images_of(settings: RunSettings) -> ImageData:
    """The images a run learns from, read from the cache on disk that the run itself has filled.

    Raises:
        UserError: if they are not here (any more).
    """
    chosen = settings.data
    return _load(chosen.data, chosen.image_size or None, chosen.style)


@st.cache_resource(max_entries=3, show_spinner=False)
def _load(name: str, size: int | None, style: str) -> ImageData:
    return load(name, size=size, style=style)


def _upload(name: str) -> Path | None:
    """The upload of this name; None for any other place, which a URL must not reach."""
    place = uploads_root() / Path(name).name
    known = name == f"folder:{place}" and re.fullmatch(r"[0-9a-f]{16}(\.zip)?", place.name)
    return place if known and place.exists() else None
