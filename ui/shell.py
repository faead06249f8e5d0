"""The frame around every page: addresses, navigation, and the sidebar with the runs in progress."""

import gc
import sys
from functools import cache
from pathlib import Path

import streamlit as st

from sslcore.registry import methods
from ui.jobs import manager
from ui.owner import keep_owner_key
from ui.projection_service import projections
from ui.texts import plain, run_label

ROOT = Path(__file__).resolve().parent.parent
SIDEBAR = 230  # pixels
SWITCH = 5e-4  # seconds: a page that is being written gives the lock back ten times sooner than by default
SITE = (  # address, title, icon, what it is for
    ("home", "Home", ":material/home:", "What this is, and a run to watch at once"),
    ("methods", "Methods", ":material/category:", "Every method: idea, formula, code, how to break it"),
    ("augmentations", "Augmentations", ":material/photo_filter:", "What the network sees"),
    ("train", "Train", ":material/model_training:", "Train a network and watch it learn or collapse"),
    ("embedding", "Embedding", ":material/scatter_plot:", "The map that a network draws of its images"),
    ("runs", "Runs", ":material/folder_open:", "All runs on this server, to open and compare"),
)


def pages() -> dict[str, st.Page]:
    """All pages, by name."""
    return {
        name: st.Page(
            ROOT / "pages" / f"{name}.py",
            title=title,
            icon=icon,
            help=what,
            default=name == "home",
            url_path=None if name == "home" else name,
        )
        for name, title, icon, what in SITE
    }


def open_frame() -> st.Page:
    """Draw the frame; the caller runs the page that is returned."""
    warm_up()
    st.session_state["_frame"] = True
    here = _navigate()
    if st.session_state.get("_page") != here.url_path:
        st.session_state.update(_page=here.url_path, _arrived=True)
    st.html(ROOT / "assets" / "app.css")
    keep_owner_key()
    with st.sidebar:
        job_list()
    return here


def require_frame() -> None:
    """First line of every page. A deep link on a fresh server runs the page file alone, because a folder
    called ``pages`` switches Streamlit to its older multipage mode: leave that mode, start over in app.py."""
    if not st.session_state.get("_frame"):
        _navigate(position="hidden")
        st.session_state["_frame"] = True
        st.rerun()


def _navigate(**how) -> st.Page:
    """The app's own icon comes first: without one a browser fetches the page's from fonts.gstatic.com."""
    icon = str(ROOT / "assets" / "icon.svg")
    st.set_page_config(page_icon=icon, layout="wide", initial_sidebar_state=SIDEBAR)
    return st.navigation(list(pages().values()), **how)


@cache
def warm_up() -> None:
    """Import everything heavy, then take it out of the garbage collector's sight: full collections over
    torch's objects would hold the interpreter's lock for a sixth of a second each."""
    projections().warm_up()  # ten busy seconds in another process, best before the first run
    sys.setswitchinterval(SWITCH)
    methods()
    gc.collect()
    gc.freeze()


def job_list() -> None:
    """The runs in progress with their progress, updated while there are any."""
    going = bool(manager().active())
    st.fragment(_job_list, run_every="5s" if going else None)(going)


def _job_list(going: bool) -> None:
    jobs = manager().active()
    if going and not jobs:
        st.rerun()
    if not jobs:
        return
    st.caption("Runs in progress")
    train, labels = pages()["train"], [run_label(job.label) for job in jobs]
    for job, label in zip(jobs, labels, strict=True):
        with st.container(border=True, gap="xsmall"):
            name = plain(label if labels.count(label) == 1 else f"{label} · {job.id[-6:]}")
            st.page_link(train, label=name, query_params={"run": job.id}, help="Watch this run.")
            waiting = f"waiting, place {job.place} in the queue"
            state = waiting if job.place else job.state
            st.progress(min(1.0, manager().fraction(job.id)), text=f":small[{state}]")
