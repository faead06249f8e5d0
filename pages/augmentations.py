"""Augmentations: what the network sees of an image, with every parameter that was drawn."""

import streamlit as st

from ui.augment_page import draw_augmentations
from ui.shell import require_frame

require_frame()

st.title("Augmentations")
st.caption(
    "A self-supervised network never sees your image, only what these knobs make of it. Whatever all "
    "views have in common is what it can learn; whatever they change, it learns to ignore."
)
draw_augmentations()
