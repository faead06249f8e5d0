"""SSL Playground: pick a method, change what it sees, watch it learn. Start with ``streamlit run app.py``."""

import streamlit as st

with st.spinner("Starting: the first page of a fresh server takes a few seconds …"):  # torch has to be read
    from ui import shell

shell.open_frame().run()
