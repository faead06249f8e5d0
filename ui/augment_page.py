"""The page of augmentations: a picture, the knobs, the views they make, and the code that makes them."""

from typing import Any

import streamlit as st
import torch
from torch import Tensor

from sslcore.errors import UserError
from sslcore.knobs import Knob, knobs_of
from sslcore.methods.base import Panel
from sslcore.pixels import as_floats
from sslcore.registry import Card, methods
from sslcore.views import ViewSettings, torchvision_code
from ui.address import leave_out, show_notes
from ui.augment_kinds import kinds
from ui.augment_methods import DRAWS, method_views
from ui.augment_source import Source, choose_source, company, picture_names
from ui.jobs import manager
from ui.knob_widgets import draw_knob
from ui.panels import draw_panel, enlarged
from ui.shell import pages
from ui.texts import plain, signed
from ui.trained import runs_with_weights, similarity

BY_METHOD = "By method"
OFF = {
    "flip": 0.0,
    "jitter": 0.0,
    "grayscale": 0.0,
    "blur": 0.0,
    "solarize": 0.0,
    "cutout": 0.0,
    "noise": 0.0,
}
PRESETS: dict[str, tuple[dict[str, Any], str]] = {
    "SimCLR": ({}, "Crop, flip, colours, sometimes gray: the paper's recipe with larger crops, for small images."),
    "Crop only": (OFF | {"flip": 0.5}, "Place and scale change, colours stay and give the image away."),
    "Colour only": ({"crop_min": 1.0, "flip": 0.0}, "All pixels stay in place: shapes alone solve the task."),
    "Too strong": (
        {"crop_min": 0.05, "crop_max": 0.3, "jitter": 1.0, "brightness": 0.8, "contrast": 0.8,
         "saturation": 0.8, "hue": 0.5, "grayscale": 0.5, "cutout": 1.0},
        "Two views of one toy share almost nothing any more, so nothing about toys is left to learn.",
    ),
}  # fmt: skip


def draw_augmentations() -> None:
    """The whole page below its title."""
    show_notes(_strangers())
    controls, pictures = st.columns([1, 2.3], gap="large")
    with controls:
        source = None
        try:
            source = choose_source()
        except UserError as error:
            st.info(plain(str(error)), icon=":material/image:")
        if source is not None:
            picture = enlarged(source.image / 255)
            st.image(picture, caption=plain(source.title), alt=source.title, width=150)
        settings = _view_knobs()
    with pictures:
        if source is not None and settings is not None:
            _pictures(source, settings)
            if st.session_state["kind"] != BY_METHOD:
                _code(settings, source.image.shape[-1])


def _strangers() -> list[str]:
    """What the address asks for and is not there. Values that a widget does not know, it takes out itself."""
    found, pictures = kinds(), picture_names()
    names = {"picture", "side", "number", "kind", "draw", "of", *knobs_of(ViewSettings)}
    notes = leave_out("This page", names.union(*(kind.knobs for kind in found.values())))
    places = (
        ("picture", "picture", pictures),
        ("kind", "kind", [*found, BY_METHOD]),
        ("of", "method", _cards()),
    )
    for place, name, known in places:
        asked = st.query_params.get(place)
        if asked and asked not in known:
            notes.append(f"There is no {name} called '{asked}' here: known are {', '.join(known)}.")
    return notes


def _view_knobs() -> ViewSettings | None:
    """All view settings as widgets that are part of the address; None if they do not fit together."""
    st.caption("Presets")
    with st.container(horizontal=True, gap="xsmall"):
        for title, (values, told) in PRESETS.items():
            st.button(title, key=f"preset_{title}", help=told, on_click=_apply, args=(values,))
    knobs = knobs_of(ViewSettings)
    values = {name: _knob(knob) for name, knob in knobs.items() if not knob.advanced}
    with st.expander("More", icon=":material/tune:", key="more_views"):
        values |= {name: _knob(knob) for name, knob in knobs.items() if knob.advanced}
    try:
        return ViewSettings.parse(values)
    except UserError as error:
        st.error(plain(str(error)))
        return None


def _knob(knob: Knob) -> Any:
    return draw_knob(knob, knob.default, knob.name, bind="query-params")


def _apply(values: dict[str, Any]) -> None:
    """Callback: set the view settings to a preset."""
    usual = {name: knob.default for name, knob in knobs_of(ViewSettings).items()}
    st.session_state.update(usual | values)


def _pictures(source: Source, settings: ViewSettings) -> None:
    found = kinds()
    name = st.segmented_control(
        "What is made of it",
        [*found, BY_METHOD],
        default="Views",
        required=True,
        key="kind",
        bind="query-params",
        help="How different methods use views.",
    )
    if name == BY_METHOD:
        _of_method(source, settings)
        return
    kind = found[name]
    st.caption(kind.about)
    values = _draw_row(kind.knobs)
    try:
        image = as_floats(source.image)
        panels = kind.make(image, settings, values, torch.Generator().manual_seed(values["seed"]))
    except UserError as error:
        st.error(plain(str(error)))
        return
    if name in ("Views", "Two views"):
        _worded(source, panels)
    else:
        for panel in panels:
            draw_panel(panel)


def _of_method(source: Source, settings: ViewSettings) -> None:
    """What a method that is chosen makes of the picture: by its own settings, but for those turned on this page."""
    told = "Whose views are drawn; no network has to be trained for it."
    title = st.selectbox("Method", list(_cards()), key="of", bind="query-params", help=told)
    card = _cards()[title]
    st.caption(f"**Sees**: {card.sees} **Is asked for**: {card.target}")
    st.caption(
        f"Drawn {DRAWS} times with the method's own view settings; one that you change here replaces its own."
    )
    seed = _draw_row({})["seed"]
    turned = {key: knob.default for key, knob in knobs_of(ViewSettings).items()}
    turned = {key: value for key, usual in turned.items() if (value := getattr(settings, key)) != usual}
    image, others = as_floats(source.image), as_floats(company(source))
    partner = image if source.partner is None else as_floats(source.partner)
    try:
        panels = method_views(card.id, image, partner, others, turned, seed)
    except UserError as error:
        st.error(plain(str(error)))
        return
    for panel in panels:
        draw_panel(panel)
    st.page_link(pages()["methods"], label="The whole card", query_params={"method": card.id},
                 icon=":material/menu_book:", help="Idea, equation, knobs and code of this method.")  # fmt: skip


def _cards() -> dict[str, Card]:
    """The cards of all methods by their titles, which the address holds."""
    return {method.card.title: method.card for method in methods().values()}


def _draw_row(knobs: dict[str, Knob]) -> dict[str, Any]:
    """The seed, the button for the next one, and the knobs of this kind of view."""
    with st.grid(min_column_width=150, gap="medium", vertical_alignment="bottom"):
        again = {"on_click": _next_seed, "help": "The next seed.", "key": "again"}
        st.button("Draw again", icon=":material/casino:", width="stretch", **again)
        told = "The same seed draws the same views: the address of this page shows them to anyone."
        seed = st.number_input("Seed", 0, 2**31 - 1, 0, 1, key="draw", bind="query-params", help=told)
        values = {name: _knob(knob) for name, knob in knobs.items()}
    return values | {"seed": seed}


def _next_seed() -> None:
    """Callback."""
    st.session_state["draw"] = (st.session_state.get("draw", 0) + 1) % 2**31


def _worded(source: Source, panels: list[Panel]) -> None:
    """Views with the parameters drawn for them, and what a trained encoder says of them."""
    cosines = iter(_opinion(source, torch.cat([panel.images for panel in panels])))
    for panel in panels:
        if panel.title:
            st.markdown(f"**{plain(panel.title)}**")
        with st.grid(min_column_width=140, gap="small"):
            for index, (picture, said) in enumerate(zip(panel.images, panel.captions, strict=True)):
                cosine = next(cosines, None)
                said = said if cosine is None else f"cosine {signed(cosine)} · {said}"
                alt = f"{panel.title or 'View'} {index + 1}: {said}"
                st.image(enlarged(picture), caption=plain(said), alt=alt, width="stretch")


def _opinion(source: Source, views: Tensor) -> list[float]:
    """How similar the encoder of a finished run finds each view to the image; empty without a run."""
    runs = runs_with_weights(manager().root)
    if not runs:
        st.caption("How similar a trained network finds these views is shown once a run has finished here.")
        return []
    best = max(runs, key=lambda run: runs[run].knn or 0.0)
    chosen = st.selectbox(
        "Judged by the encoder of",
        [None, *runs],
        format_func=lambda run: "nobody" if run is None else runs[run].title,
        index=1 + list(runs).index(best),
        key="judge",
        help="The cosine between view and image in the representation of a run that is over.",
    )
    if chosen is None:
        return []
    try:
        cosines, others = similarity(manager().root / chosen, source.image, views)
    except UserError as error:
        st.info(plain(str(error)))
        return []
    mean = signed(sum(cosines) / len(cosines))
    st.caption(
        f"Mean cosine of these views to the image: **{mean}**; of other images: **{signed(others)}**. "
        "A good encoder keeps the two far apart."
    )
    return cosines


def _code(settings: ViewSettings, size: int) -> None:
    with st.expander("The same in torchvision", icon=":material/code:", key="torchvision"):
        st.caption("Same distribution of views, for your own project:")
        st.code(torchvision_code(settings, size), language="python")
