"""Home: what self-supervised learning is, on one screen, and a run to watch at once."""

import streamlit as st

from ui import home_page
from ui.shell import require_frame

require_frame()

words, picture = st.columns([1.15, 1], gap="large", vertical_alignment="center")
with words:
    st.title("SSL Playground")
    st.markdown(
        "##### Networks that learn to see without being told what they see\n\n"
        "In **self-supervised learning** nobody labels anything. The network gets a puzzle whose answer lies "
        "in the picture itself: *which two of these come from the same image? which way is up? what was "
        "hidden?* To solve it, it has to find out what pictures are about.\n\n"
        "Pick a method, change what the network sees, press Start. A real network learns on this machine, "
        "and you watch it: its loss, its map of the world, and the moment it **collapses** because you "
        "broke it."
    )
    home_page.watch_it_learn()
    st.caption("SimCLR on Toybox, 60 seconds. Every number comes from gradient steps made here and now.")
with picture:
    home_page.toybox_picture()

home_page.runs_now_and_then()
home_page.one_minute_table()
st.subheader("The methods")
home_page.method_map()
