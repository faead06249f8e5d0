"""The buttons of a run. They act in callbacks that set flags on the job manager and give it a moment to obey, so
that the page that follows shows what was asked for and not the state before."""

import time
from contextlib import suppress
from typing import Any

import streamlit as st

from sslcore.errors import UserError
from sslcore.methods.hybrid.mix import read_mix, write_mix
from sslcore.runs import RESUMABLE, JobStatus
from sslcore.settings import RunSettings, all_knobs
from ui.jobs import manager
from ui.knob_widgets import draw_knob
from ui.owner import may_control, owner_key, refusal
from ui.part_picker import weight_input
from ui.texts import plain

FIRST_STEP = 0.8  # seconds; the page that Start brings up then has a first point to show
HEED = 0.5  # seconds; a step takes a tenth, only a long evaluation makes the page come first


def problem(message: str | None = None) -> None:
    """Keep a sentence on what went wrong in a callback; without an argument, show and forget it."""
    if message is not None:
        st.session_state["_problem"] = message
    elif "_problem" in st.session_state:
        _say(st.session_state.pop("_problem"))


def refused(run: str) -> None:
    """Show why the last command to a run was refused, until the next one: its page is drawn anew every second."""
    told_of, sentence = st.session_state.get("_refused", ("", ""))
    if told_of == run:
        _say(sentence)


def _say(sentence: str) -> None:
    st.error(plain(sentence), icon=":material/error:")


def start(settings: RunSettings) -> str | None:
    """Start a run and attach the page to it; ends the run it shows if that is ours and still going."""
    try:
        shown = st.query_params.get("run")
        run = manager().start(settings, owner_key())
        if shown and is_mine(shown) and is_here(shown):
            with suppress(UserError):  # it may just have ended by itself
                manager().stop(shown, owner_key())
        st.query_params["run"] = run
        _await_first_step(run)
        return run
    except UserError as error:
        problem(str(error))
        return None


def _await_first_step(run: str) -> None:
    end = time.monotonic() + FIRST_STEP
    while time.monotonic() < end and not manager().view(run).step:
        status = manager().status(run)
        if not status.active or status.place > 1:
            return
        time.sleep(0.02)


def command(name: str, run: str, *values: Any) -> None:
    """Callback: call a method of the job manager in this browser's name."""
    st.session_state.pop("_refused", None)
    try:
        if told := refusal(manager().status(run).owner):
            raise UserError(told)
        getattr(manager(), name)(run, *values, owner_key())
        manager().wait(run, HEED)
    except UserError as error:
        st.session_state["_refused"] = run, str(error)


def reset(run: str) -> None:
    """Callback: end this run if it is ours and leave it, back to the form with the same settings."""
    if is_mine(run) and is_here(run):
        command("stop", run)
    st.query_params.pop("run", None)


def is_here(run: str) -> bool:
    """Whether it trains in this process."""
    return manager().trains(run)


def is_mine(run: str) -> bool:
    """Whether this browser may control it."""
    try:
        return may_control(manager().status(run).owner)
    except UserError:
        return False


def buttons(status: JobStatus) -> None:
    """Pause or Resume, Step, Stop and Reset."""
    mine, here = may_control(status.owner), is_here(status.id)
    held = mine and here
    paused = status.state == "paused"
    over = not status.active
    waits = "It has not begun: another run goes first." if status.place else ""
    with st.container(horizontal=True, gap="small", width="content", key="run_buttons"):
        if paused or (over and status.state in RESUMABLE):
            call = "go_on" if paused else "resume_folder"
            told = "Go on where it stopped." if paused else "Continue from the last checkpoint."
            _button(
                "Resume",
                ":material/play_arrow:",
                told,
                (call, status.id),
                disabled=not (held or (over and mine)),
            )
        else:
            _button(
                "Pause",
                ":material/pause:",
                waits or "Nothing is lost.",
                ("pause", status.id),
                disabled=not held or over or bool(status.pending or waits),
            )
        told = waits or "Make exactly one optimiser step, then pause."
        _button("Step", ":material/skip_next:", told, ("step", status.id), disabled=not held or bool(waits))
        _button(
            "Stop", ":material/stop:", "End the run and keep what it learned.", ("stop", status.id), not held
        )
        st.button(
            "Reset",
            icon=":material/restart_alt:",
            help="Leave this run, ending it if it is yours, and get ready for a new one.",
            on_click=reset,
            args=(status.id,),
            key="button_Reset",
        )


def watching(status: JobStatus) -> None:
    """Say why the buttons cannot be pressed."""
    if status.active and not may_control(status.owner):
        st.caption(f":material/visibility: You are watching. {refusal(status.owner)}")
    elif status.active and not is_here(status.id):
        st.caption(":material/visibility: You are watching: this run trains in another process.")


def _button(label: str, icon: str, told: str, call: tuple, disabled: bool) -> None:
    key = f"button_{label}"
    st.button(label, icon=icon, help=told, on_click=command, args=call, disabled=disabled, key=key)


def live_knobs(status: JobStatus) -> None:
    """The knobs that may be turned while the run is going; each acts at once."""
    method = status.settings.method
    knobs = [knob for knob in all_knobs(method).values() if knob.live and not knob.advanced]
    usual = RunSettings.build(method)  # decides on the kind of widget, which must not change in the hand
    how = {"icon": ":material/tune:", "key": "turn_knobs", "on_change": "rerun"}
    folder = st.expander("Turn knobs while it runs", **how)
    if not folder.open:  # what nobody looks at need not weigh on the page
        return
    with folder, st.grid(min_column_width=210, gap="medium"):
        for knob in knobs:
            key = f"live_{status.id}_{knob.name}"
            if knob.name == "mix":
                _live_weights(status, key)
                continue
            st.session_state.setdefault(key, status.settings[knob.name])
            how = {"on_change": turn, "args": (status.id, knob.name, key)}
            draw_knob(knob, usual[knob.name], key, default_named=False, **how)


def _live_weights(status: JobStatus, key: str) -> None:
    """Of a mix the weights, one by one: its methods stay."""
    weights = read_mix(status.settings["mix"])
    for part, weight in weights.items():
        st.session_state.setdefault(f"{key}_{part}", weight)
        weight_input(part, f"{key}_{part}", on_change=turn_weights, args=(status.id, key, tuple(weights)))


def turn_weights(run: str, key: str, parts: tuple[str, ...]) -> None:
    """Callback: pass the weights of a mix on to the run."""
    weights = {part: st.session_state[f"{key}_{part}"] for part in parts}
    command("turn", run, {"mix": write_mix(weights)})
    with suppress(UserError):  # somebody may just have deleted it
        for part, weight in read_mix(manager().status(run).settings["mix"]).items():
            st.session_state[f"{key}_{part}"] = weight


def turn(run: str, name: str, key: str) -> None:
    """Callback: pass a live knob on to the run; one that is refused goes back."""
    command("turn", run, {name: st.session_state[key]})
    with suppress(UserError):
        st.session_state[key] = manager().status(run).settings[name]
