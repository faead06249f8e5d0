"""The datasets a form offers, uploads among them, and the pictures that charts and tables need of them."""

from functools import cache

import streamlit as st

from sslcore.data import DatasetCard, ImageData, dataset_cards, load
from sslcore.data.folder import folder_state
from sslcore.errors import UserError
from sslcore.runs import RunFolder
from sslcore.settings import RunSettings
from ui.texts import portable
from ui.uploads import find_upload


@cache
def _cards() -> dict[str, DatasetCard]:
    return {card.id: card for card in dataset_cards()}


def is_known(name: str) -> bool:
    """Whether a form may offer this: a named dataset, or something uploaded to this server."""
    return name in _cards() or find_upload(name) is not None


def data_names(chosen: str = "toybox") -> list[str]:
    """What to choose from; an upload only for those who have its name, the last one of this session among them."""
    own = st.session_state.get("_own_images", chosen)
    return list(dict.fromkeys([*_cards(), *([own] if is_known(own) else []), chosen]))


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


def images_of(settings: RunSettings, run: RunFolder | None = None) -> ImageData:
    """The images a run learns from, read from the cache on disk that the run itself has filled.

    Args:
        run: if it is given, the images must be the same ones that it has learned from.

    Raises:
        UserError: if they are not here (any more).
    """
    chosen = settings.data
    if run is not None:
        return _images(*which(settings, run), run)
    return load_images(chosen.data, chosen.image_size or None, chosen.style)


def which(settings: RunSettings, run: RunFolder) -> tuple[str, int, str, str]:
    """What tells the images of this run from all others, also from those that a folder held at another time."""
    chosen = settings.data
    return chosen.data, chosen.image_size, chosen.style, run.fingerprint


def why_no_images(run: RunFolder) -> str:
    """Why the images of a run cannot be shown, in a sentence; empty if they can."""
    try:
        data = images_of(run.settings())
    except UserError:
        return "The images of this run are not here any more: the map comes without them."
    try:
        run.check_images(data)
    except UserError as error:
        return portable(str(error))
    return ""


@st.cache_resource(max_entries=3, show_spinner=False)
def _images(name: str, size: int, style: str, fingerprint: str, _run: RunFolder) -> ImageData:
    """Those of a run; remembered by its fingerprint, which is quicker than a look at every file of a folder."""
    data = load_images(name, size or None, style)
    _run.check_images(data)
    return data


def load_images(name: str, size: int | None = None, style: str = "flat") -> ImageData:
    """A dataset that is here, remembered for a while; a folder that has changed is read anew.

    Raises:
        UserError: if it cannot be read.
    """
    folder = name.startswith("folder:")
    return _loaded(name, size, style, folder_state(name.removeprefix("folder:")) if folder else "")


@st.cache_resource(max_entries=3, show_spinner=False)
def _loaded(name: str, size: int | None, style: str, state: str) -> ImageData:
    return load(name, size=size, style=style)
