"""What an address asks for and is not there."""

from collections.abc import Collection
from contextlib import suppress

import streamlit as st
from streamlit.errors import StreamlitAPIException

from ui.texts import plain


def leave_out(owner: str, known: Collection[str]) -> list[str]:
    """Take names that mean nothing here out of the address.

    Args:
        owner: of the settings, as the subject of a sentence.
        known: names that may stay.

    Returns:
        A sentence on each.
    """
    notes = []
    for name in [name for name in st.query_params if name not in known]:
        with suppress(StreamlitAPIException):  # of a widget that is about to go, and its name with it
            del st.query_params[name]
            notes.append(f"{owner} has no setting called '{name}': it was left out.")
    return notes


def show_notes(notes: list[str]) -> None:
    """Say what had to be changed of what the address asks for."""
    for note in notes:
        st.warning(plain(note), icon=":material/link_off:")
