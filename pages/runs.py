"""Runs: everything that was trained on this server, to open, compare, download, resume and delete."""

import streamlit as st

from ui.runs_page import draw_runs
from ui.shell import require_frame

require_frame()

st.title("Runs")
st.caption(
    "Every run on this server, from the app and the command line alike. Select several to compare them."
)
draw_runs()
