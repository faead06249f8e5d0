"""Methods: every method with its idea, formula and code, what it sees, and how to break it."""

import streamlit as st

from ui.methods_page import draw_methods
from ui.shell import require_frame

require_frame()

st.title("Methods")
st.caption(
    "What can be learned from images without labels, and how. Each of these runs here, with its paper's names and "
    "equations; where something differs, its notes or its code say so."
)
draw_methods()
