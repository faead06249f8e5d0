"""Many images as one sprite sheet, for tooltips."""

import base64
import io
import zlib

import streamlit as st
from PIL import Image
from torch import Tensor

from sslcore.errors import UserError
from sslcore.runs import RunFolder
from sslcore.settings import RunSettings
from sslcore.training.referee import SHOWN
from ui.datasets import images_of, which

COLUMNS = 32
THUMB = 32  # pixels; larger images are reduced


def thumbnails(settings: RunSettings, run: RunFolder) -> tuple[str, str]:
    """The first held-out images of a run as one sprite sheet: its name and a data URI; empty if not here."""
    try:
        return _sheet(*which(settings, run), settings, run)
    except UserError:
        return "", ""


@st.cache_data(max_entries=20, show_spinner=False)
def _sheet(
    name: str, size: int, style: str, fingerprint: str, _settings: RunSettings, _run: RunFolder
) -> tuple[str, str]:
    # a number: browsers need not know where uploads lie
    sheet = zlib.crc32(f"{name}-{size}-{style}-{fingerprint}".encode())
    return f"{sheet:08x}", sprite_sheet(images_of(_settings, _run).test.images[:SHOWN])


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
