"""Panels of pictures as the page shows them: pixels enlarged without blur, captions as text."""

from functools import lru_cache

import streamlit as st
from PIL import Image
from torch import Tensor

from sslcore.methods.base import Panel
from ui.pictures import data_uri
from ui.texts import plain

SMALL, LARGE = 96, 220  # pixels on the screen


def draw_panel(panel: Panel) -> None:
    """A title, pictures in a row that wraps, each with its caption, and how to read them."""
    if panel.title:
        st.markdown(f"**{plain(panel.title)}**")
    captions = [panel.captions[i] if i < len(panel.captions) else "" for i in range(len(panel.images))]
    side = LARGE if panel.large else SMALL
    with st.container(horizontal=True, gap="xsmall"):
        for i, (picture, said) in enumerate(zip(_pictures(panel, side), captions, strict=True)):
            alt = f"{panel.title} {i + 1}: {said}".strip(": ")
            st.image(picture, caption=plain(said) or None, alt=alt, width=side)
    if panel.text:
        st.caption(plain(panel.text))


@lru_cache(maxsize=200)
def _pictures(panel: Panel, side: int) -> tuple[str, ...]:
    """Its pictures as text within the page: a live page drops the files of its last look before a slow browser has
    fetched them. Remembered, because a page that follows a run shows the same panels second after second."""
    return tuple(data_uri(enlarged(picture, side)) for picture in panel.images)


def enlarged(picture: Tensor, side: int = 2 * SMALL) -> Image.Image:
    """A picture (1 or 3, h, w) in [0, 1] whose pixels can be seen one by one."""
    array = (picture.detach().float().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    zoom = max(1, round(side / array.shape[1]))
    image = Image.fromarray(array.squeeze(-1) if array.shape[-1] == 1 else array)
    return image.resize((image.width * zoom, image.height * zoom), Image.Resampling.NEAREST)
