"""SSL Playground: pick a method, change what it sees, watch it learn. Start with ``streamlit run app.py``."""

from ui import shell

shell.open_frame().run()
