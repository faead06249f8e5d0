"""Whom a network finds most like an image: looked up in the full space, not on the map."""

from collections import Counter
from typing import Any

import numpy as np
import streamlit as st

from sslcore.data import ImageData
from sslcore.evaluation import nearest
from sslcore.pixels import as_floats
from ui.panels import enlarged
from ui.pictures import data_uri
from ui.texts import plain, signed

NEAREST = 8
MOST, CLASSES = 24, 5  # shown of a lasso


def others_nearest(features: Any, query: int, count: int = NEAREST) -> tuple[list[int], list[float]]:
    """Rows of features (N, d) most like row ``query``, itself left out, and their cosines on centred features."""
    x = np.nan_to_num(np.asarray(features, dtype=np.float32), posinf=0, neginf=0)
    cosines, order = nearest(x, x[query : query + 1], k=count + 1)
    found = zip(order[0].tolist(), cosines[0].tolist(), strict=True)
    rows = [(row, cosine) for row, cosine in found if row != query][:count]
    return [row for row, _ in rows], [cosine for _, cosine in rows]


def draw_chosen(features: np.ndarray, data: ImageData | None, state: Any) -> None:
    """The image that was clicked or whose number was given, its neighbours, and the images in the lasso.

    Args:
        state: what :func:`ui.plotly_live.live_chart` returned.
    """
    count = len(features)
    if state.clicked in range(count):
        st.session_state["map_image"] = state.clicked
    if st.session_state.get("map_image", 0) >= count:
        st.session_state["map_image"] = 0
    told = "Click a point of the map, or give the number of a held-out image."
    query = st.number_input("Image", 0, count - 1, 0, 1, key="map_image", help=told)
    order, cosines = others_nearest(features, query)
    st.markdown(f"**The image:** {plain(_name(data, query))}")
    _picture(data, query, f"number {query}", 96)
    if order:
        st.markdown(
            "**Its nearest neighbours**",
            help="By the cosine in the space that is mapped, centred as for the kNN vote.",
        )
        _agreement(data, query, order)
        with st.container(horizontal=True, gap="xsmall"):
            for index, cosine in zip(order, cosines, strict=True):
                _picture(data, index, f"{_name(data, index)} {signed(cosine)}", 72)
    lassoed = [int(i) for i in state.selected or () if int(i) < count]
    if lassoed:
        _lasso(data, lassoed)


def _agreement(data: ImageData | None, query: int, order: list[int]) -> None:
    if data is not None and data.test.labels is not None:
        same = int((data.test.labels[order] == data.test.labels[query]).sum())
        st.caption(f"{same} of {len(order)} are of the same class.")


def _lasso(data: ImageData | None, chosen: list[int]) -> None:
    st.markdown(f"**{_counted(len(chosen), 'image')} lassoed**")
    if data is None:
        return
    if data.test.labels is not None:
        parts = Counter(_name(data, index) for index in chosen).most_common()
        said = ", ".join(f"{number} {plain(name)}" for name, number in parts[:CLASSES])
        more = _counted(len(parts) - CLASSES, "more class", "more classes")
        st.caption(f"{said} and {more}" if len(parts) > CLASSES else said)
    with st.container(horizontal=True, gap="xxsmall"):
        for index in chosen[:MOST]:
            st.image(_pixels(data, index), width=40, alt=_name(data, index))
    if len(chosen) > MOST:
        st.caption(f"{MOST} of {len(chosen):,} shown")


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _name(data: ImageData | None, index: int) -> str:
    if data is None or data.test.labels is None or not data.classes:
        return f"image {index}"
    return data.classes[int(data.test.labels[index])]


def _picture(data: ImageData | None, index: int, caption: str, width: int) -> None:
    if data is None:
        st.caption(plain(caption))
    else:
        st.image(_pixels(data, index), caption=plain(caption), width=width, alt=caption)


def _pixels(data: ImageData, index: int) -> str:
    """As text within the page, which drops files before a slow browser has fetched them when it runs again."""
    return data_uri(enlarged(as_floats(data.test.images[index]), 96))
