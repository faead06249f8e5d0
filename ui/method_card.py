"""One method in full: its card, what it sees, its knobs, its switches and the code that runs."""

import inspect
import sys
from typing import Any

import streamlit as st

from sslcore.errors import UserError
from sslcore.knobs import Knob, knobs_of, show
from sslcore.methods.base import Method
from sslcore.registry import FAMILIES, Switch
from sslcore.settings import RunSettings
from ui.landscape import draw_landscape
from ui.method_previews import untrained_panels
from ui.panels import draw_panel
from ui.shell import pages
from ui.texts import in_url, number, plain

REFERENCES = (
    ("chance", "Loss of guessing", "Where a network starts that knows nothing."),
    ("collapse", "Loss of a collapsed network", "Where it ends if every image is mapped to the same point."),
    (
        "best",
        "Best possible loss",
        "What no network can get below; reaching it need not mean the best features.",
    ),
)

NO_VALUE = "There is none, or it depends on the data: the notes below say which."
SYMBOLS = (
    "N images, K groups or words, d dimensions; x an image, f the encoder, z a projection; a bar over a vector "
    "scales it to length 1; θ is the network, ξ its slow copy; sg: no gradient; τ a temperature, λ a weight; "
    "LN and IN: layer and instance norm; sp: softplus."
)


def draw_method(method: type[Method]) -> None:
    """Everything there is to know about a method."""
    card = method.card
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.header(card.title, anchor=False, width="content")
        st.badge(FAMILIES[card.family], color="blue")
        st.badge(card.modality.capitalize(), color="gray")
        st.badge(str(card.year), color="gray")
    link = f" · [arXiv {card.arxiv}](https://arxiv.org/abs/{card.arxiv})" if card.arxiv else ""
    st.markdown(f":gray[{plain(card.paper)}]{link}")
    words, sums = st.columns([1.3, 1], gap="large")
    with words:
        st.markdown(plain(card.idea))
        st.markdown(f"**It sees:** {plain(card.sees)}\n\n**It must produce:** {plain(card.target)}")
        if st.button("Train this", type="primary", icon=":material/play_arrow:", key="train_this",
                     help="Opens the training page with this method."):  # fmt: skip
            st.switch_page(pages()["train"], query_params={"method": card.id})
    with sums:
        st.caption("The loss of a network that guesses, of a collapsed one, and of the best there can be:")
        _references(method)
    st.caption("What is minimised")
    st.latex(card.formula)
    st.caption(SYMBOLS)
    for note in card.notes:
        st.info(plain(note), icon=":material/lightbulb:")
    _switches(card.id, card.switches)
    _sees(card.id)
    draw_landscape(card.id)
    _knobs(method)
    with st.expander("The code that runs", icon=":material/code:", key="code"):
        st.caption(f"`{method.__module__}`, the whole file")
        st.code(source_of(method), line_numbers=True)


def source_of(method: type[Method]) -> str:
    """The file in which a method is written."""
    return inspect.getsource(sys.modules[method.__module__])


def reference_values(method: type[Method]) -> dict[str, float | None]:
    """Chance, collapse and best value of the loss for the method's defaults; None where there is none."""
    settings = RunSettings.build(method.card.id)
    found = {}
    for name, *_ in REFERENCES:
        reference = getattr(method.card, name)
        found[name] = None if reference is None else reference(settings)
    return found


def _references(method: type[Method]) -> None:
    values = reference_values(method).values()
    for cell, (name, title, told), value in zip(st.columns(3, gap="small"), REFERENCES, values, strict=True):
        known = value is not None
        text = number(value) if known else "–"
        told = f"{told} For the default settings." if known else NO_VALUE
        cell.metric(name.capitalize(), text, help=f"{title}: {told}", border=True)


def switch_link(name: str, switch: Switch) -> dict[str, str]:
    """URL parameters of the training page that throw a switch."""
    return {"method": name} | {knob: in_url(value) for knob, value in switch.values.items()}


def _switches(name: str, switches: tuple[Switch, ...]) -> None:
    if not switches:
        return
    st.subheader("Break it", anchor=False)
    st.caption(
        "Settings that break it, weaken it, or show what a part is for. Predict what you will see, then try."
    )
    with st.grid(min_column_width=280, gap="small"):
        for switch in switches:
            with st.container(border=True, height="stretch", gap="xsmall"):
                st.markdown(f"**{plain(switch.title)}**")
                st.markdown(plain(switch.expect))
                if switch.collapses:
                    st.badge("collapses", color="red", icon=":material/heart_broken:")
                st.page_link(
                    pages()["train"],
                    label="Break it",
                    icon=":material/heart_broken:",
                    query_params=switch_link(name, switch),
                    help="Opens the training page with this setting.",
                )


def _sees(name: str) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader("What it sees", anchor=False, width="stretch")
        told = "Eight fresh scenes of Toybox and new random views."
        if st.button("Another batch", icon=":material/casino:", key="another_batch", help=told):
            st.session_state["_batch"] = st.session_state.get("_batch", 0) + 1
    st.caption("A fresh batch of Toybox through an untrained network: its answers are guesses.")
    try:
        panels = untrained_panels(name, st.session_state.get("_batch", 0))
    except UserError as error:
        st.info(plain(str(error)))
        return
    if not panels:
        st.caption("This method has no task of its own to show: it sees the images as they are.")
    for panel in panels:
        draw_panel(panel)


def _knobs(method: type[Method]) -> None:
    st.subheader("Its knobs", anchor=False)
    settings, own = RunSettings.build(method.card.id), knobs_of(method.Settings)
    rows = [knob_row(knob, settings[name]) for name, knob in own.items()]
    if rows:
        st.table(rows, border="horizontal", hide_index=True, alt=f"Settings of {method.card.title}")
    else:
        st.caption("It has no settings of its own.")
    others = {name: value for name, value in method.defaults.items() if name not in own}
    if others:
        said = ", ".join(f"`{name} = {show(value)}`" for name, value in others.items())
        st.markdown(f":small[Where its defaults differ from those of other methods: {said}.]")


def knob_row(knob: Knob, default: Any) -> dict[str, str]:
    """A line of the table of knobs."""
    if knob.options is not None:
        span = ", ".join(show(option) for option in knob.options)
    elif knob.kind is bool:
        span = "on, off"
    else:
        span = f"{show(knob.low)} to {show(knob.high)}" if knob.low is not None else "any"
    unit = f" {knob.unit}" if knob.unit else ""
    live = " Can be turned while it trains." if knob.live else ""
    return {
        "Knob": f"`{knob.name}`",
        "Default": f"{show(default)}{unit}",
        "Range": span,
        "What it does": plain(knob.help.rstrip(".") + ".") + live,
    }
