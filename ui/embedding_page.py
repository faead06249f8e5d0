"""The page of the embedding: a run, one of its snapshots as a map, and the neighbours of an image on it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st

from sslcore.data import ImageData
from sslcore.errors import UserError
from sslcore.runs import ACTIVE, RunFolder
from ui.datasets import images_of, why_no_images
from ui.embedding import snapshot
from ui.embedding_colors import colored_figure, colorings
from ui.jobs import manager
from ui.live_map import GLIDE, choice, without_layout
from ui.neighbours import draw_chosen
from ui.pictures import COLUMNS, thumbnails
from ui.plotly_live import live_chart, load_plotly, thumb_sheet
from ui.projection_service import Map, projections
from ui.records import Record, records
from ui.shell import pages
from ui.texts import plain

KINDS = ("UMAP", "PCA", "t-SNE")
SPACES = {"Representation": "features", "Projector output": "projections"}
TAGS = {"Representation": "", "Projector output": "/projections"}  # the first shares the training page's maps
PACE = 1.0  # seconds from snapshot to snapshot
HOW_TO_USE = (
    "Hover shows an image, a click chooses it, a drag lassos several, a double-click lets them go. The tools "
    "on the map's right move and zoom it."
)
CAUTION = """
- **Sizes of groups and distances between far groups mean little**, above all in UMAP and t-SNE: both keep
  neighbours together and give up everything else. Only PCA keeps directions, and shows just two of them.
- **Another layout of the same features looks different.** Here each map starts from the one before, so that
  points move as little as they can.
- **Islands appear in noise too.** Ask the neighbours instead: choose an image and see whom the network finds
  most like it. They are looked up in the full space, not on the map.
- Colours come from labels, which a self-supervised network has never seen.
"""


def draw_embedding() -> None:
    """The whole page below its title."""
    load_plotly()
    found = {r.id: r for r in records(manager().root) if RunFolder(manager().root / r.id).snapshot_steps()}
    asked = st.query_params.get("run", "")
    if asked and asked not in found:
        st.error(
            f"There is no run '{plain(asked)}' with a map here: it may be deleted, or have only just begun.",
            icon=":material/link_off:",
        )
    if not found:
        st.info("No run has a map yet. **Train** a network first: its map appears here within seconds.",
                icon=":material/scatter_plot:")  # fmt: skip
        st.page_link(pages()["train"], label="Train", icon=":material/model_training:", help="Start a run.")
        return
    run = _choose_run(found, asked)
    folder = manager().root / run
    data = _data(folder)
    sheet, url = ("", "") if data is None else thumbnails(RunFolder(folder).settings(), RunFolder(folder))
    if url:
        thumb_sheet(sheet, url, COLUMNS)
    else:
        st.caption(plain(why_no_images(RunFolder(folder))))
    pace = _pace(folder, st.session_state.get("_map_waits", False))
    st.fragment(_explorer, run_every=pace)(folder, data, sheet, pace)


def _choose_run(found: dict[str, Record], asked: str) -> str:
    if asked in found and st.session_state.get("map_run") != asked:
        st.session_state["map_run"] = asked
    if st.session_state.get("map_run") not in found:
        st.session_state["map_run"] = next(iter(found))
    return st.selectbox(
        "Run",
        list(found),
        format_func=lambda run: found[run].title,
        key="map_run",
        on_change=_remember_run,
        args=(tuple(found),),
        help="Runs that are over and runs that are going on, newest first.",
    )


def _remember_run(known: tuple[str, ...]) -> None:
    """Callback: the run belongs into the address. The title of a run that is going on changes, and its title
    of a moment ago comes back as if it had been chosen: that is no run."""
    if st.session_state["map_run"] in known:
        st.query_params["run"] = st.session_state["map_run"]


def _data(folder: Path) -> ImageData | None:
    try:
        return images_of(RunFolder(folder).settings(), RunFolder(folder))
    except UserError:
        return None


def _explorer(folder: Path, data: ImageData | None, sheet: str, pace: float | None) -> None:
    """The map with its controls; runs again on its own while it plays, waits, or the run goes on."""
    if not RunFolder(folder).snapshot_steps():
        st.rerun()  # somebody deleted the run
    manager().watch(folder.name)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        kind = choice(
            "Map", KINDS, "map_layout", "UMAP and t-SNE show groups; PCA the two widest directions."
        )
        told = "Probes judge the representation; the loss judges what the projector makes of it."
        space = choice("Of", tuple(SPACES), "map_space", told)
        looks = colorings(data)
        by = st.selectbox("Colour", list(looks), key="map_colour", width=190, help="What the colours tell.")
    map_at = partial(_map_of, folder, kind, space)
    step = _scrub(folder, (kind, space), lambda later: not _waits(map_at(later), kind))
    taken = snapshot(folder, step)
    if taken is None:
        st.info("This snapshot cannot be read: choose another one.")
        return
    found = map_at(step)
    waits = _waits(found, kind)
    st.session_state["_map_shown"] = None if waits else (folder.name, kind, space, step)
    figure = colored_figure(found, looks[by], taken["predictions"])
    figure.layout.update(uirevision=f"{folder.name}{found.kind}{space}", dragmode="lasso")
    left, right = st.columns([1.7, 1], gap="medium")
    with left:
        version = f"{folder.name}:{found.kind}:{step}:{space}:{by}"
        key = f"chart_embedding_{folder.name}"  # what is chosen are images of this run
        state = live_chart(figure, key=key, version=version, height=520, sheet=sheet, glide_ms=GLIDE)
        late = f"; {without_layout(kind)}" if found.kind != kind else ""
        more = "" if waits else HOW_TO_USE
        st.caption(f"{found.kind} at step {step:,}{late}. {more}")
        with st.expander("How not to read this map", icon=":material/warning:", expanded=True, key="caution"):
            st.markdown(CAUTION)
    with right:
        draw_chosen(taken[SPACES[space]], data, state)
    if _pace(folder, waits) != pace:
        st.session_state["_map_waits"] = waits
        st.rerun()


def _map_of(folder: Path, kind: str, space: str, step: int) -> Map | None:
    """The map of a snapshot as far as it has come; None if the snapshot cannot be read."""
    taken = snapshot(folder, step)
    if taken is None:
        return None
    return projections().at(folder.name + TAGS[space], step, taken[SPACES[space]], kind)


def _waits(found: Map | None, kind: str) -> bool:
    """Whether the layout that was asked for is still to come."""
    return found is not None and found.kind != kind and not projections().umap.error


def _pace(folder: Path, waits: bool) -> float | None:
    """Seconds until the next look; None if nothing will have changed."""
    if waits or st.session_state.get("_playing"):
        return PACE
    return 2 * PACE if RunFolder(folder).status()["state"] in ACTIVE else None


def _scrub(folder: Path, look: tuple[str, str], ready: Callable[[int], bool]) -> int:
    """Play and the slider over snapshots; goes on by one if it plays and the next map is there.

    Who stands at the last snapshot of a run that is going on stays at the last.
    """
    key, last, state = f"map_step_{folder.name}", f"_map_last_{folder.name}", st.session_state
    steps = RunFolder(folder).snapshot_steps()
    chosen = state.get(key, steps[-1])
    # the nearest one: of a long run not all are kept
    now = steps[-1] if chosen == state.get(last) else min(steps, key=lambda step: abs(step - chosen))
    state[last] = steps[-1]
    if state.get("_playing") and state.get("_map_shown") == (folder.name, *look, now):
        later = steps[min(steps.index(now) + 1, len(steps) - 1)]
        now = later if ready(later) else now
        state["_playing"] = now != steps[-1]
    state[key] = now
    playing = state.get("_playing", False)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.button(
            "Halt" if playing else "Play",
            icon=":material/pause:" if playing else ":material/play_arrow:",
            key="play",
            on_click=_toggle,
            args=(key, steps),
            disabled=len(steps) < 2,
            help="Watch the map from the untrained network to the trained one.",
        )
        if len(steps) > 1:
            told = "When in training the snapshot was taken."
            st.select_slider("Step", steps, key=key, format_func=lambda s: f"{s:,}", help=told)
    return now


def _toggle(key: str, steps: list[int]) -> None:
    """Callback: play or halt; from the start if it stands at the end."""
    state = st.session_state
    state["_playing"] = not state.get("_playing", False)
    if state["_playing"] and state.get(key) == steps[-1]:
        state[key] = steps[0]
