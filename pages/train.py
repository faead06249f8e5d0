"""Train: choose a method, press Start, watch the network learn or collapse."""

import streamlit as st

from ui.live import draw_run
from ui.plotly_live import load_plotly
from ui.shell import require_frame
from ui.train_form import draw_form

require_frame()

run = st.query_params.get("run")
st.title("Train")
if not run:
    st.caption("A real network learns here while you watch. Change what it sees, or break it on purpose.")
draw_form(run)

if run:
    draw_run(run)
else:
    st.info("Press **Start**: curves, the collapse lamp and the moving map appear here within seconds.")
    load_plotly()  # while people choose: the first curve need not wait for it
