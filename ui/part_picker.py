"""Putting a mix of methods together without typing: the picker writes what the text knob beside it says."""

from contextlib import suppress
from typing import Any

import streamlit as st

from sslcore.errors import UserError
from sslcore.methods.hybrid.mix import HEAVIEST, entries, mixable, read_mix, write_mix
from sslcore.methods.pretext.multitask import possible
from sslcore.registry import get_method

CHOICES = {"mix": mixable, "tasks": possible}  # by text knob: the methods that it may name


def draw_picker(name: str, key: str) -> None:
    """A popover with the methods to choose from and, where they are weighted, their weights.

    Args:
        name: of the text knob.
        key: of its widget.
    """
    chosen = _read(name, st.session_state[key])
    parts = _key(name)
    st.session_state[parts] = list(chosen)
    how = {"on_change": _write, "args": (name, key)}
    told = "Pick the methods from a list instead of typing their names."
    with st.popover("Choose methods", icon=":material/checklist:", help=told, key=f"pick_{name}"):
        told = "They all teach the same encoder."
        told += " The first one's representation is judged." if name == "mix" else ""
        st.multiselect("Methods", list(CHOICES[name]()), key=parts, format_func=_title, help=told, **how)
        for part, weight in chosen.items() if name == "mix" else ():
            st.session_state[_key(name, part)] = weight
            weight_input(part, _key(name, part), **how)


def weight_input(part: str, key: str, **how: Any) -> None:
    """The weight of one method of a mix; its value is that of ``key`` in the session."""
    told = f"How much the loss of {_title(part)} counts; 0 leaves it out."
    st.number_input(
        f"Weight of {_title(part)}", 0.0, HEAVIEST, step=0.1, format="%g", key=key, help=told, **how
    )


def _key(name: str, part: str = "") -> str:
    return f"_{name}_weight_{part}" if part else f"_{name}_parts"


def _title(method: str) -> str:
    return get_method(method).card.title


def _read(name: str, text: str) -> dict[str, float]:
    """The methods that a text names and their weights; none if it cannot be read."""
    with suppress(UserError):
        return read_mix(text) if name == "mix" else {e: 1.0 for e in entries(text) if e in CHOICES[name]()}
    return {}


def _write(name: str, key: str) -> None:
    """Callback: say in the text what has been picked."""
    state = st.session_state
    weights = {part: state.get(_key(name, part), 1.0) for part in state[_key(name)]}
    state[key] = write_mix(weights) if name == "mix" else ",".join(weights)
