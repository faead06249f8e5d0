"""The form above a run: what to train, on what, how long; presets good and bad; Start."""

import streamlit as st

from sslcore.errors import UserError
from sslcore.knobs import show
from sslcore.registry import get_method
from sslcore.settings import RunSettings
from sslcore.training.build import smaller_batch
from ui import controls, forms
from ui.downloads import offer_download
from ui.presets import Preset, presets_of
from ui.texts import plain
from ui.uploads import keep_upload

UPLOAD_TYPES = ["zip", "png", "jpg", "jpeg", "webp", "bmp"]
UPLOAD_MB = 50


@st.fragment
def draw_form(run: str | None) -> None:
    """The whole form, above this run; Start acts in a callback."""
    if st.query_params.get("run") != run:
        st.rerun()  # the page of another run
    method = forms.open_form()
    forms.show_notes()
    if applied := st.session_state.pop("_applied", None):
        title, icon = applied
        st.toast(f"**{title}**: the form is set, press Start.", icon=icon)  # it cuts off what is longer
    controls.problem()
    with st.container(border=True):
        here = _main_row(method)
        if not run:
            st.caption(get_method(method).card.idea)
        with st.container(horizontal=True, gap="small", vertical_alignment="center", key="form_buttons"):
            st.button(
                "Start",
                type="primary",
                icon=":material/play_arrow:",
                on_click=start_form,
                disabled=not here,
                help="Train with these settings. Ends the run below if it is yours and still going."
                if here
                else "Download the data first, or choose others.",
            )
            _presets(method)
            _upload()
        forms.knob_tabs(method)


def start_form() -> None:
    """Callback: start what the form says."""
    try:
        if run := controls.start(forms.read_form(st.session_state["method"])):
            st.session_state["_form_run"] = run  # whose settings the form has already
    except UserError as error:
        controls.problem(str(error))


def _main_row(method: str) -> bool:
    """Method, data, time and seed; returns whether the data are here."""
    cells = st.columns([3, 2.4, 1.3, 1.3], gap="small")
    with cells[0]:
        forms.choose_method()
    with cells[1]:
        forms.choose_data()
    with cells[2]:
        forms.quick_knob(method, "seconds")
    with cells[3]:
        forms.quick_knob(method, "seed")
    return offer_download(st.session_state["data"])


def _presets(method: str) -> None:
    known = presets_of(method)
    for number, preset in enumerate(known):
        if not preset.breaks:
            _preset_button(method, number, preset, "")
    if any(preset.breaks for preset in known):
        told = "Settings that break this method or weaken it, and what you will see."
        with st.popover("Break it", icon=":material/heart_broken:", help=told, key="break_it"):
            for number, preset in enumerate(known):
                if preset.breaks:
                    _preset_button(method, number, preset, ":material/heart_broken:")
                    st.caption(plain(preset.expect))


def _preset_button(method: str, number: int, preset: Preset, icon: str) -> None:
    values = ", ".join(f"{name} = {show(value)}" for name, value in preset.values.items())
    told = plain(f"Sets {values}.") if preset.breaks else preset.expect  # what breaks has that as its caption
    how = {"help": told, "on_click": _apply, "args": (method, preset), "icon": icon or None}
    st.button(plain(preset.title), key=f"preset_{method}_{number}", **how)


def _apply(method: str, preset: Preset) -> None:
    """Callback: set the form to a preset; the one without knobs means the defaults."""
    wanted = {**forms.values_now(method), **preset.values} if preset.values else {}
    forms.write_form(forms.fitting(method, wanted, needed=preset.values))
    icon = ":material/heart_broken:" if preset.breaks else ":material/tune:"
    st.session_state["_applied"] = plain(preset.title), icon


def _upload() -> None:
    with st.popover(
        "Use your own images", icon=":material/upload:", help="A zip, or some image files.", key="own_images"
    ):
        files = st.file_uploader(
            "A zip with a folder per class, or single images",
            type=UPLOAD_TYPES,
            accept_multiple_files=True,
            max_upload_size=UPLOAD_MB,
            key="upload",
            help=f"At most {UPLOAD_MB} MB. Images stay on the computer that runs this app; whoever looks at your "
            "run sees them, small.",
        )
        st.button("Use these", on_click=_take, disabled=not files, help="Make them the data of the form.")
        for note in st.session_state.get("_upload_notes", ()):
            st.caption(plain(note))


def _take() -> None:
    """Callback: store the upload and choose it."""
    files = st.session_state["upload"]
    if sum(file.size for file in files) > UPLOAD_MB * 2**20:  # the uploader looks at each on its own
        controls.problem(f"These files have more than {UPLOAD_MB} MB together: choose fewer or smaller ones.")
        return
    try:
        name, images = keep_upload([(file.name, file.getvalue()) for file in files])
    except UserError as error:
        controls.problem(str(error))
        return
    sizes = f"{len(images.train):,} images to learn from, {len(images.test):,} held out"
    kind = f"{len(images.classes)} classes" if images.labelled else "no labels, so no accuracy"
    st.session_state["_upload_notes"] = (f"{sizes}, {kind}.", *images.notes)
    chosen, count = {**forms.values_now(st.session_state["method"]), "data": name}, len(images.train)
    if chosen.get("batch_size", 0) > count:
        chosen["batch_size"] = smaller_batch(count)
    forms.write_values(chosen)
    st.session_state["_own_images"] = name  # stays on offer when other data are chosen


def default_settings() -> RunSettings:
    """What "Watch it learn" starts."""
    return RunSettings.build("simclr", data="toybox", seconds=60)
