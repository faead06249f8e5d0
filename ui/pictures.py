"""Images as the page needs them: a sprite sheet for tooltips, rows of pictures with captions."""

import base64
import io
from collections.abc import Sequence

import numpy as np
import streamlit as st
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from sslcore.data.toybox.sheet import contact_sheet
from sslcore.errors import UserError
from sslcore.methods.base import Panel
from sslcore.settings import RunSettings
from ui.datasets import images_of

COLUMNS = 32
THUMB = 32  # pixels; larger images are reduced
GREY = (128, 140, 150, 255)  # captions must be readable on light and dark


def thumbnails(settings: RunSettings, count: int = 1000) -> tuple[str, str]:
    """The first held-out images of a run as one sprite sheet: its name and a data URI; empty if not here."""
    chosen = settings.data
    try:
        return _sheet(chosen.data, chosen.image_size, chosen.style, count, settings)
    except UserError:
        return "", ""


@st.cache_data(max_entries=4, show_spinner=False)
def _sheet(name: str, size: int, style: str, count: int, _settings: RunSettings) -> tuple[str, str]:
    return f"{name}-{size}-{style}", sprite_sheet(images_of(_settings).test.images[:count])


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
    file = io.BytesIO()
    sheet.save(file, "WEBP", quality=85)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def toybox_sheet(size: int = 64) -> Image.Image:
    """A scene of every class (columns) in every place (rows), drawn in a fraction of a second."""
    drawn = np.asarray(contact_sheet(size, styles=("flat",)))
    classes, places = drawn.shape[0] // size, drawn.shape[1] // size
    tiles = drawn.reshape(classes, size, places, size, 3).transpose(2, 1, 0, 3, 4)
    return Image.fromarray(tiles.reshape(places * size, classes * size, 3))


def panel_picture(panel: Panel) -> Image.Image:
    """A panel's images in rows, enlarged without blur, captions beneath."""
    images = panel.images.float().clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy()
    zoom = max(1, round(96 / images.shape[1])) if panel.columns > 1 else max(1, round(220 / images.shape[1]))
    return montage(images, columns=panel.columns, zoom=zoom, captions=panel.captions)


def montage(
    images: np.ndarray, *, columns: int, zoom: int = 1, gap: int = 6, captions: Sequence[str] = ()
) -> Image.Image:
    """Float images (N, H, W, 1 or 3) in [0, 1] on a transparent ground."""
    height, width = images.shape[1] * zoom, images.shape[2] * zoom
    foot = 18 if captions else 0
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    size = columns * (width + gap) - gap, rows * (height + foot + gap) - gap
    sheet = Image.new("RGBA", size, (0, 0, 0, 0))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for index, image in enumerate((images * 255).round().astype(np.uint8)):
        left, top = index % columns * (width + gap), index // columns * (height + foot + gap)
        picture = Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image).convert("RGBA")
        sheet.paste(picture.resize((width, height), Image.Resampling.NEAREST), (left, top))
        if index < len(captions):
            pen.text((left + width / 2, top + height + 2), captions[index], GREY, font, anchor="ma")
    return sheet
