"""Everything that knows Streamlit: forms made from knobs, live charts, access to the running jobs."""
