"""The pictures of a run: the moving map of held-out images, and what the network sees and answers."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import streamlit as st

from sslcore.runs import RunFolder, RunView
from sslcore.settings import RunSettings
from ui.datasets import why_no_images
from ui.embedding import snapshot
from ui.embedding_colors import UNKNOWN, Coloring, colored_figure, colorings_of
from ui.jobs import manager
from ui.panels import draw_panel
from ui.plotly_live import Figure, live_chart
from ui.previews import previews
from ui.projection_service import Map, projections
from ui.texts import plain, portable
from ui.trained import newest_checkpoint

GLIDE = 800  # milliseconds from map to map
KINDS = "UMAP keeps neighbours together; PCA shows the two widest directions."
COLOURS = ("Class", "Right or wrong", "Place", UNKNOWN.name)  # the Embedding page has all there are
WHAT_COLOURS = (
    "Right or wrong: does the vote of the nearest neighbours agree? The Embedding page has all there are."
)
HOW_TO_READ = (
    "Each point is a held-out image that the network never trained on; hover to see it. Near points look "
    "alike to the network. Distances between far groups and the sizes of groups mean little, above all in "
    "UMAP."
)
PLACES = " Groups need not be classes: try the colour Place."


def draw_map(run: str, settings: RunSettings, view: RunView, sheet: str) -> None:
    """The newest snapshot of a run as a map."""
    step = view.snapshots[-1] if view.snapshots else None
    taken = None if step is None else snapshot(_folder(run).path, step)
    if taken is None:
        first = "The map appears with the first snapshot."
        st.caption(first if step is None else "The latest snapshot cannot be read.")
        return
    looks = colorings_of(settings, _folder(run))
    offered = [name for name in COLOURS if name in looks]
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        kind = choice("Map", ["UMAP", "PCA"], "map_kind", KINDS)
        by = offered[0]
        if len(offered) > 1:
            by = choice("Colour", offered, "map_color", WHAT_COLOURS)
    found = projections().latest(run, step, taken["features"], kind)
    figure = _figure(run, found, kind, step, looks[by])
    version = f"{run}:{found.kind}:{found.step}:{by}"
    live_chart(figure, key="chart_map", version=version, height=440, sheet=sheet, glide_ms=GLIDE)
    late = f", the latest snapshot is of step {step:,}" if found.step != step else ""
    late += f"; {without_layout(kind)}" if found.kind != kind else ""
    vote = _vote(looks[by], taken["predictions"]) if looks[by].judges else ""
    more = PLACES if "Place" in looks and by != "Place" else ""
    st.caption(f"{found.kind} at step {found.step:,}{late}. {vote}{HOW_TO_READ}{more}")
    if not sheet and (why := why_no_images(_folder(run))):
        st.caption(plain(why))


def without_layout(kind: str) -> str:
    """Why there is no such layout yet, in a few words."""
    error = projections().umap.error
    return plain(portable(error.rstrip("."))) if error else f"{kind} is on its way"


def _vote(known: Coloring, voted: np.ndarray) -> str:
    """How often the neighbours of a point are right."""
    right = (voted == known.values[: len(voted)]).sum()
    return f"Neighbours vote for the right class of {right:,} of {len(voted):,}. "


@lru_cache(maxsize=50)
def _figure(run: str, found: Map, kind: str, step: int, known: Coloring) -> Figure:
    """A map in these colours. Remembered: until the next snapshot, every look of every viewer shows the same."""
    figure = colored_figure(found, known, snapshot(_folder(run).path, step)["predictions"])
    figure.layout["uirevision"] = f"{run}{kind}{known.name}"
    return figure


def awaits_map(run: str, view: RunView) -> bool:
    """Whether the map on the screen is not yet that of the latest snapshot."""
    wanted = st.session_state.get("map_kind", "UMAP") == "UMAP"
    return wanted and bool(view.snapshots) and projections().behind(run, view.snapshots[-1])


def awaits_preview(run: str) -> bool:
    """Whether the preview on the screen is not yet that of the latest checkpoint."""
    return previews().behind(_folder(run))


def draw_preview(run: str) -> None:
    """The newest preview, as the method's own panels."""
    folder = _folder(run)
    made = previews().latest(folder)
    if made is None:
        if previews().behind(folder):
            st.caption("The preview is being made.")
        elif newest_checkpoint(folder) is None:
            st.caption("The first preview comes with the first checkpoint, a few seconds into the run.")
        else:
            st.caption(f"There is no preview. {plain(portable(previews().why_not(folder)))}")
        return
    if not made.panels:
        st.caption("This method has nothing to show here.")
        return
    st.caption(f"Fixed held-out images, through the network as it was at step {made.step:,}.")
    for panel in made.panels:
        draw_panel(panel)


def choice(label: str, options: Sequence[str], key: str, told: str) -> str:
    """One of a few options; the first until another is chosen."""
    how = {"default": options[0], "required": True, "key": key, "help": told, "persist_state": "session"}
    return st.segmented_control(label, options, **how)


def _folder(run: str) -> RunFolder:
    """Of a run that the manager knows. Somebody may just have deleted it: then it is empty."""
    return RunFolder(manager().root / run)
