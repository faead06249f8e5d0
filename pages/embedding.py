"""Embedding: the map that a network draws of images it never trained on, from the first step to the last."""

import streamlit as st

from ui.embedding_page import draw_embedding
from ui.shell import require_frame

require_frame()

st.title("Embedding")
st.caption("Each point is a held-out image, placed by what the network makes of it. Near means alike to it.")
draw_embedding()
