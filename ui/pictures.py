"""Many images as one: a sprite sheet for tooltips, and the sheet that shows what Toybox is."""

import base64
import io
import zlib

import numpy as np
import streamlit as st
from PIL import Image
from torch import Tensor

from sslcore.data.toybox.sheet import contact_sheet
from sslcore.errors import UserError
from sslcore.runs import RunFolder
from sslcore.settings import RunSettings
from sslcore.training.referee import SHOWN
from ui.datasets import images_of, which

COLUMNS = 32
THUMB = 32  # pixels; larger images are reduced


def thumbnails(settings: RunSettings, run: RunFolder, count: int = SHOWN) -> tuple[str, str]:
    """The first held-out images of a run as one sprite sheet: its name and a data URI; empty if not here."""
    try:
        return _sheet(*which(settings, run), count, settings, run)
    except UserError:
        return "", ""


@st.cache_data(max_entries=20, show_spinner=False)
def _sheet(
    name: str, size: int, style: str, fingerprint: str, count: int, _settings: RunSettings, _run: RunFolder
) -> tuple[str, str]:
    # a number: browsers need not know where uploads lie
    sheet = zlib.crc32(f"{name}-{size}-{style}-{fingerprint}".encode())
    return f"{sheet:08x}", sprite_sheet(images_of(_settings, _run).test.images[:count])


def sprite_sheet(images: Tensor, columns: int = COLUMNS) -> str:
    """uint8 images (N, 3, S, S) side by side as a data URI, ``columns`` in a row, at most 32 px each."""
    pictures = images.permute(0, 2, 3, 1).numpy()
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * THUMB, rows * THUMB))
    for index, picture in enumerate(pictures):
        thumb = Image.fromarray(picture)
        if thumb.size != (THUMB, THUMB):
            thumb = thumb.resize((THUMB, THUMB), Image.Resampling.BOX)
        sheet.paste(thumb, (index % columns * THUMB, index // columns * THUMB))
    return data_uri(sheet, "webp")


def data_uri(image: Image.Image, kind: str = "png") -> str:
    """A picture as text that a page can hold."""
    file = io.BytesIO()
    image.save(file, kind.upper(), quality=85)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"


def toybox_sheet(size: int = 64) -> Image.Image:
    """A scene of every class (columns) in every place (rows), drawn in a fraction of a second."""
    drawn = np.asarray(contact_sheet(size, styles=("flat",)))
    classes, places = drawn.shape[0] // size, drawn.shape[1] // size
    tiles = drawn.reshape(classes, size, places, size, 3).transpose(2, 1, 0, 3, 4)
    return Image.fromarray(tiles.reshape(places * size, classes * size, 3))
