"""Forms made from knobs, and their permalink.

Every widget's key is its knob's name, which is also its name in the URL. A value equal to the method's
default stays out of the URL. Turning a widget by hand changes the URL but causes no rerun: Python reads the
values when a button is pressed.

    method = open_form()                    # takes in the URL; returns the method's id
    ...choose_method(), knob_tabs(method)   # draws
    settings = read_form(method)            # RunSettings, or UserError
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

from sslcore.errors import UserError
from sslcore.knobs import Knob, knobs_of, show
from sslcore.registry import FAMILIES, get_method, methods
from sslcore.settings import SECTIONS, RunSettings, all_knobs
from ui import address
from ui.datasets import data_card, data_names, data_title, is_known
from ui.jobs import manager
from ui.knob_widgets import draw_knob
from ui.owner import may_control
from ui.part_picker import CHOICES, draw_picker
from ui.uploads import from_link, to_link

TITLES = {"machine": "Machine", "views": "Views", "optimiser": "Optimiser", "evaluation": "Evaluation"}
QUICK = ("data", "seconds", "seed")  # shown beside the method, not in the tabs
LINKED = ("method", "data")  # their URL parameters are kept by hand: their options have titles


def open_form(default: str = "simclr") -> str:
    """Take in the URL whenever somebody follows a link; returns the method of the form.

    What the URL asks for is validated; a sentence on every value that had to be changed is kept for
    :func:`show_notes`. A run in the URL lends the form its settings once, when it is opened.
    """
    known = {"method", *_every_knob()}
    asked = {name: value for name, value in st.query_params.items() if name in known}
    if "data" in asked:
        asked["data"] = from_link(asked["data"])
    opened, notes = _opened_run(), []
    if asked.get("method") in (None, opened.get("method")):
        asked = opened | asked  # the URL has the last word
    if opened or "method" not in st.session_state or not _agrees(asked):
        settings, notes = RunSettings.from_query(asked, default)
        if not is_known(settings["data"]):
            named = st.query_params["data"]
            notes.append(f"There is no dataset called '{named}' on this server. Using toybox instead.")
            settings = settings.change(data="toybox")
        write_form(settings)
    method = st.session_state["method"]
    strangers = address.leave_out(get_method(method).card.title, {"method", "run", *all_knobs(method)})
    if notes or strangers:
        st.session_state["_form_notes"] = notes + strangers
    if notes:
        _correct_link()
    link_form()
    return method


def _opened_run() -> dict[str, Any]:
    """Method and knobs of the run in the URL if it has just got there, else nothing. Where images lie that
    are not this browser's is left out: who may watch a run may not train on what it learns from."""
    run, before = st.query_params.get("run"), st.session_state.get("_form_run")
    st.session_state["_form_run"] = run
    if run is None or run == before:
        return {}
    try:
        status = manager().status(run)
    except UserError:
        return {}
    settings = status.settings.to_json()
    named = data_card(settings["data"]) is not None
    if not named and not (is_known(settings["data"]) and may_control(status.owner)):
        del settings["data"]
    return settings


def show_notes() -> None:
    """Say what of the URL had to be changed, once."""
    address.show_notes(st.session_state.pop("_form_notes", []))


def write_form(settings: RunSettings) -> None:
    """Set every widget to these settings; allowed before the widgets are drawn and in callbacks."""
    st.session_state["method"] = settings.method
    st.session_state.update(settings.flat())
    link_form()


def link_form() -> None:
    """Put the method and the data into the URL; the bound widgets do it themselves."""
    method = st.session_state["method"]
    usual = {"method": "", "data": _usual(method)["data"]}
    for name in LINKED:
        value = to_link(st.session_state[name])
        if value != usual[name]:
            st.query_params[name] = value
        elif name in st.query_params:
            del st.query_params[name]


def read_form(method: str) -> RunSettings:
    """What the widgets say now.

    Raises:
        UserError: if the values do not fit together.
    """
    return RunSettings.build(method, **values_now(method))


def values_now(method: str) -> dict[str, Any]:
    """The value of every knob that the form has."""
    state = st.session_state
    return {name: state[name] for name in all_knobs(method) if state.get(name) is not None}


def _correct_link() -> None:
    """Write what is used instead of what was asked into the URL, and start over from there.

    Only before a widget has bound the name; after that the widget corrects the URL itself.
    """
    with suppress(StreamlitAPIException):
        for name, value in values_now(st.session_state["method"]).items():
            if name in st.query_params and name not in LINKED:
                st.query_params[name] = str(value).lower() if isinstance(value, bool) else show(value)
        st.rerun()


def choose_method() -> str:
    """The select box of methods, grouped by family; changing it keeps what was changed on purpose."""
    known = methods()
    return st.selectbox(
        "Method",
        list(known),
        key="method",
        format_func=_method_title,
        on_change=_method_changed,
        persist_state="session",
        help="What the network is asked to do. Grouped by family, oldest first.",
    )


def _method_title(name: str) -> str:
    card = get_method(name).card
    return f"{card.title} · {FAMILIES[card.family]} {card.year}"


def _method_changed() -> None:
    """Carry deliberate changes over to the new method; everything else takes the new method's defaults."""
    method, before = st.session_state["method"], st.session_state.get("_form_method", "simclr")
    kept = {
        name: st.session_state[name]
        for name, usual in _usual(before).flat().items()
        if name in all_knobs(method) and st.session_state.get(name, usual) != usual
    }
    try:
        settings = RunSettings.build(method, **kept)
    except UserError:
        settings = RunSettings.build(method)
    write_form(settings)


def knob_tabs(method: str, hidden: Iterable[str] = QUICK) -> None:
    """All knobs of a run of this method, in tabs by section."""
    st.session_state["_form_method"] = method
    defaults = _usual(method).flat()
    sections = {get_method(method).card.title: get_method(method).Settings}
    sections |= {TITLES.get(name, name.capitalize()): model for name, model in SECTIONS.items()}
    drawn = {
        title: [knob for knob in knobs_of(model).values() if knob.name not in hidden]
        for title, model in sections.items()
    }
    drawn = {title: knobs for title, knobs in drawn.items() if knobs}
    for tab, knobs in zip(st.tabs(list(drawn)), drawn.values(), strict=True):
        with tab:
            _section(knobs, defaults)


def _section(knobs: list[Knob], defaults: dict[str, Any]) -> None:
    plain = [knob for knob in knobs if not knob.advanced]
    more = [knob for knob in knobs if knob.advanced]
    if plain:
        _grid(plain, defaults)
    if more and plain:
        with st.expander("More", icon=":material/tune:", key=f"more_{more[0].name}"):
            _grid(more, defaults)
    elif more:
        _grid(more, defaults)


def _grid(knobs: list[Knob], defaults: dict[str, Any]) -> None:
    with st.grid(min_column_width=230, gap="medium"):
        for knob in knobs:
            draw_knob(knob, defaults[knob.name])
            if knob.name in CHOICES:
                draw_picker(knob.name, defaults[knob.name])


def choose_data() -> str:
    """The select box of datasets, the ones that ship first."""
    return st.selectbox(
        "Data",
        data_names(st.session_state["data"]),
        key="data",
        format_func=data_title,
        on_change=link_form,
        persist_state="session",
        help="What is learned from. Nothing is downloaded until you press Download.",
    )


def quick_knob(method: str, name: str) -> Any:
    """One knob on its own, outside of the tabs."""
    knob = replace(all_knobs(method)[name], unit="")
    return draw_knob(knob, _usual(method)[name])


@cache
def _usual(method: str) -> RunSettings:
    """The method's defaults."""
    return RunSettings.build(method)


def _every_knob() -> set[str]:
    return {name for method in methods() for name in all_knobs(method)}


def _agrees(asked: dict[str, Any]) -> bool:
    """Whether the URL says what the form says: if not, somebody followed a link within this session."""
    known = all_knobs(st.session_state["method"])
    if asked.get("method", st.session_state["method"]) != st.session_state["method"]:
        return False
    return "data" not in asked or "data" not in known or asked["data"] == st.session_state.get("data")
