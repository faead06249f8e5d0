"""Forms made from knobs, and their permalink.

A knob's name is its name in the URL; a value equal to the method's default stays out of it. Time and seed are
always on the page: turning them changes the URL and causes no rerun. All other knobs are drawn only while
somebody looks at them, sixty widgets that every click on the page would have to pass. What they say is kept in
the session: a widget that is not drawn would lose it, and the browser may send it long after it was changed.

    method = open_form()                    # takes in the URL; returns the method's id
    ...choose_method(), knob_tabs(method)   # draws
    settings = read_form(method)            # RunSettings, or UserError
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

from sslcore.errors import UserError
from sslcore.knobs import Knob, knobs_of
from sslcore.registry import FAMILIES, get_method, methods
from sslcore.settings import SECTIONS, RunSettings, all_knobs
from ui import address
from ui.datasets import data_card, data_names, data_title, is_known
from ui.jobs import manager
from ui.knob_widgets import draw_knob
from ui.owner import may_control
from ui.part_picker import CHOICES, draw_picker
from ui.texts import in_url
from ui.uploads import from_link, to_link

TITLES = {"machine": "Machine", "views": "Views", "optimiser": "Optimiser", "evaluation": "Evaluation"}
QUICK = ("data", "seconds", "seed")  # shown beside the method, not in the tabs
BOUND = ("seconds", "seed")  # their widgets keep their URL parameters
VALUES = "_form"  # in the session: what the knobs say
TABS = "_form_tabs"  # in the session: whether the knobs' widgets are on the page and have the last word


def open_form(default: str = "simclr") -> str:
    """Take in the URL when somebody has followed a link to here; returns the method of the form. Later the URL
    follows the form, and a browser's Back does not turn its knobs: what a browser sends with a click may be older
    than what was turned last.

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
    arrived = st.session_state.pop("_arrived", False)
    if opened or "method" not in st.session_state or (arrived and not _agrees(asked)):
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
    st.session_state["_form_method"] = method
    for name in QUICK:  # not drawn on other pages; a box that was emptied stays empty
        st.session_state.setdefault(name, st.session_state[VALUES].get(name))
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
    """Set the form to these settings; allowed before its widgets are drawn and in callbacks."""
    st.session_state["method"] = settings.method
    write_values(settings.flat())


def write_values(values: dict[str, Any]) -> None:
    """Set all knobs of the form at once; allowed where :func:`write_form` is."""
    state = st.session_state
    state[VALUES], state[TABS] = values, False
    state.update({name: values[name] for name in QUICK if name in values})
    link_form()


def link_form() -> None:
    """Put what differs from the defaults into the URL; the bound widgets do it themselves."""
    method = st.session_state["method"]
    said = {"method": method, **values_now(method)}
    usual = {"method": "", **_usual(method).flat()}
    for name, value in said.items():
        if name in BOUND:
            continue
        text = to_link(value) if name in ("method", "data") else in_url(value)
        if value == usual[name]:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != text:
            st.query_params[name] = text


def read_form(method: str) -> RunSettings:
    """What the form says now.

    Raises:
        UserError: if the values do not fit together.
    """
    return RunSettings.build(method, **values_now(method))


def values_now(method: str) -> dict[str, Any]:
    """The value of every knob that the form has."""
    state = st.session_state
    values = state.setdefault(VALUES, {})
    drawn = {name: name for name in QUICK}
    if state.get(TABS):
        drawn |= {name: _key(name) for name in all_knobs(method) if name not in QUICK}
    values.update({name: state[key] for name, key in drawn.items() if key in state})
    return {name: values[name] for name in all_knobs(method) if values.get(name) is not None}


def _key(name: str) -> str:
    """Of the widget of a knob in the tabs; other pages have knobs of the same name."""
    return f"set_{name}"


def _correct_link() -> None:
    """Write the time and the seed that are used instead of those that were asked into the URL, and start over.

    Only before their widgets have bound the names; after that they correct the URL themselves.
    """
    with suppress(StreamlitAPIException):
        for name in BOUND:
            if name in st.query_params:
                st.query_params[name] = in_url(st.session_state[name])
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
    method, before = st.session_state["method"], st.session_state["_form_method"]
    usual = _usual(before).flat()
    kept = {
        name: value
        for name, value in values_now(before).items()
        if name in all_knobs(method) and value != usual[name]
    }
    settings = fitting(method, kept)
    for name in all_knobs(before).keys() - all_knobs(method).keys():
        st.query_params.pop(name, None)  # it was not asked of the new method
    write_form(settings)


def fitting(method: str, wanted: dict[str, Any], needed: Collection[str] = ()) -> RunSettings:
    """Settings with these values. If they do not fit together, with data, time, seed and what is needed of them
    only, as near as they are legal, and a sentence about it for :func:`show_notes`."""
    try:
        return RunSettings.build(method, **wanted)
    except UserError as error:
        st.session_state["_form_notes"] = [
            f"{error} Of the other settings only data, time and seed are kept."
        ]
    known, certain = all_knobs(method), (*QUICK, *needed)
    kept = {name: known[name].nearest(value)[0] for name, value in wanted.items() if name in certain}
    return RunSettings.build(method, **kept)


def knob_tabs(method: str) -> None:
    """All knobs of a run of this method, in tabs by section, while somebody looks at them."""
    folder = st.expander("All settings", icon=":material/tune:", key="all_settings", on_change="rerun")
    values = values_now(method)
    if not folder.open:
        st.session_state[TABS] = False
        return
    if not st.session_state[TABS]:
        st.session_state.update({_key(name): value for name, value in values.items() if name not in QUICK})
        st.session_state[TABS] = True
    with folder:
        _tabs(method)


def _tabs(method: str) -> None:
    defaults = _usual(method).flat()
    sections = {get_method(method).card.title: get_method(method).Settings}
    sections |= {TITLES.get(name, name.capitalize()): model for name, model in SECTIONS.items()}
    drawn = {
        title: [knob for knob in knobs_of(model).values() if knob.name not in QUICK]
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
            key = _key(knob.name)
            draw_knob(knob, defaults[knob.name], key, bounded=False, persist_state="session")
            if knob.name in CHOICES:
                draw_picker(knob.name, key)


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
    how = {"bind": "query-params", "on_change": "ignore"}
    return draw_knob(knob, _usual(method)[name], name, bounded=False, **how)


@cache
def _usual(method: str) -> RunSettings:
    """The method's defaults."""
    return RunSettings.build(method)


def _every_knob() -> set[str]:
    return {name for method in methods() for name in all_knobs(method)}


def _agrees(asked: dict[str, Any]) -> bool:
    """Whether the form says already what a link asks for; a link that names a method asks for its defaults, too."""
    method = st.session_state["method"]
    known, values = all_knobs(method), values_now(method)
    wanted = {name: known[name].nearest(text)[0] for name, text in asked.items() if name in known}
    if asked.get("method") == method:
        usual = _usual(method).flat()
        return usual | wanted == usual | values
    return asked.get("method", method) == method and wanted.items() <= values.items()
