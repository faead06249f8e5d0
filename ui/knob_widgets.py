"""One knob, one widget: the kind, the range and the default decide which."""

from decimal import Decimal
from math import floor, log10
from typing import Any

import streamlit as st

from sslcore.knobs import Knob, show


def draw_knob(
    knob: Knob, default: Any, key: str, *, default_named: bool = True, bounded: bool = True, **how: Any
) -> Any:
    """Draw the widget of a knob and return its value.

    Args:
        default: the value of a widget that nobody has turned.
        default_named: whether the label names the default where the value is another one.
        bounded: whether a box of numbers refuses what is out of range. It keeps that to itself, behind an icon;
            a form rather says what is wrong when it is read.
        how: passed on to the widget (``bind``, ``on_change``, ``args``, ``disabled``).
    """
    how = {"key": key, "help": help_text(knob), **how}
    drawn = key in st.session_state
    now = st.session_state[key] if drawn else default
    changed = now != default if drawn else key in st.query_params  # the URL holds what differs
    label = knob.label + (f" :gray[(default {show(default)})]" if changed and default_named else "")
    bounds = (knob.low, knob.high) if bounded else (None, None)
    if knob.options is not None:
        return _choice(knob, label, default, how)
    if knob.kind is bool:
        return st.toggle(label, default, **how)
    if knob.kind is str:
        return st.text_input(label, default, **how)
    if knob.log:
        steps = log_steps(knob.low, knob.high, (default, now))
        return st.select_slider(label, steps, default, format_func=show, **how)
    if knob.kind is int:
        return _whole(knob, label, default, bounds, how)
    step = slider_step(knob.low, knob.high, default)
    if step is None:
        return st.number_input(label, *bounds, float(default), box_step(default), "%g", **how)
    decimals = max(0, -floor(log10(step)))
    return st.slider(label, float(knob.low), float(knob.high), float(default), step, f"%.{decimals}f", **how)


def help_text(knob: Knob) -> str:
    """What turning it does, its range, and whether it may be turned while a run is going."""
    parts = [knob.help if knob.help.endswith((".", "!", "?")) else f"{knob.help}."]
    if knob.low is not None and knob.high is not None:
        parts.append(f"From {show(knob.low)} to {show(knob.high)}.")
    if knob.live:
        parts.append("Can be turned while a run is going.")
    return " ".join(parts)


def slider_step(low: float | None, high: float | None, default: float) -> float | None:
    """A step with which a slider reaches its ends and its default, or None where a box is better."""
    if low is None or high is None or high - low > 1000:
        return None
    coarse = 10.0 ** floor(log10((high - low) / 20))
    for step in (coarse, coarse / 10):
        if (
            all(abs(round(v / step) - v / step) < 1e-6 for v in (low, default, high))
            and (high - low) / step <= 500
        ):
            return step
    return None


def box_step(default: float) -> float | None:
    """What a box's buttons add: one in the last of up to three digits, 0.001 for 0.998; None for 0."""
    return 10.0 ** Decimal(f"{default:.3g}").normalize().as_tuple().exponent if default else None


def log_steps(low: float, high: float, also: tuple[float, ...] = ()) -> list[float]:
    """1, 2, 5, 10, ... between two bounds, which belong to it, as do the values given."""
    exponents = range(floor(log10(low)), floor(log10(high)) + 1)
    grid = [float(f"{digit}e{exponent}") for exponent in exponents for digit in (1, 2, 5)]
    return sorted({*(value for value in grid if low <= value <= high), low, high, *also})


def _choice(knob: Knob, label: str, default: Any, how: dict[str, Any]) -> Any:
    if len(knob.options) <= 4:
        return st.segmented_control(label, knob.options, default=default, required=True, **how)
    return st.selectbox(label, knob.options, knob.options.index(default), **how)


def _whole(knob: Knob, label: str, default: int, bounds: tuple, how: dict[str, Any]) -> int:
    if knob.low is not None and knob.high is not None and knob.high - knob.low <= 12:
        return st.slider(label, knob.low, knob.high, default, 1, **how)
    return st.number_input(label, *bounds, default, 1, **how)
