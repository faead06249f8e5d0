"""What came out of a run: a sentence, and a table with everything it has to be compared with."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from sslcore.errors import UserError
from sslcore.knobs import show
from sslcore.runs import JobStatus, RunView, find_run
from sslcore.settings import DataSettings, RunSettings
from ui.benchmark import supervised_knn
from ui.jobs import manager
from ui.records import records
from ui.texts import PLACEHOLDER, percent, plain, portable

CLEARLY = 0.01  # of accuracy: less may be chance


def draw_summary(status: JobStatus, view: RunView) -> None:
    """The verdict of a run that is over, with its baselines."""
    knn = view.latest("knn")
    if knn is None:
        return
    with st.container(border=True):
        st.markdown(verdict_sentence(view))
        rows = comparison(view, ceiling(status.settings))
        st.table(rows, border="horizontal", alt="Accuracy of this run and its baselines")


def draw_command(run: str) -> None:
    """How to do it again."""
    try:
        asked, view = find_run(run, manager().root).settings(), manager().view(run)
    except UserError:
        return  # somebody has just deleted it
    st.caption(what_command_does(asked, view.changes))
    command = portable(asked.command())
    st.code(command, language="bash", wrap_lines=True)
    if PLACEHOLDER in command:
        st.caption("Put the place of your images, a folder or a zip, after `folder:`.")


def what_command_does(asked: RunSettings, changes: Sequence[Mapping[str, Any]]) -> str:
    """Whether the command of these settings brings the same numbers, and which turned knobs it leaves out."""
    timed = not (asked["steps"] or asked["epochs"])
    if not (timed or changes):
        return "The same numbers again on the same machine, on a GPU up to rounding:"
    turned = {name: show(value) for change in changes for name, value in change["values"].items()}
    told = ", ".join(f"{name.replace('_', ' ')} to {value}" for name, value in turned.items())
    without = f", without the knobs turned on the way ({plain(told)})" if told else ""
    return f"The same settings again{without}:"


def verdict_sentence(view: RunView) -> str:
    """Did it beat what it had to beat, and is the embedding alive?"""
    knn = view.latest("knn")
    pixels, untrained = view.baselines.get("pixels_knn"), view.baselines.get("random_knn")
    rivals = {"raw pixels": pixels, "the untrained encoder": untrained}
    known = {name: value for name, value in rivals.items() if value is not None}
    beaten = [name for name, value in known.items() if knn > value + CLEARLY]
    if view.verdict == "complete":
        return f"**It collapsed.** The embeddings fell to a point or onto a line; kNN accuracy is {percent(knn)}."
    if known and len(beaten) == len(known):
        lead = 100 * (knn - max(known.values()))
        return f"**It learned.** kNN accuracy {percent(knn)}, {lead:.1f} points above its best baseline."
    if beaten:
        lost = next(name for name in known if name not in beaten)
        return f"**It learned something.** kNN accuracy {percent(knn)} clearly beats {beaten[0]}, but not {lost}."
    return f"**It learned little.** kNN accuracy {percent(knn)} does not clearly beat its baselines."


def comparison(view: RunView, top: float | None = None) -> dict[str, list[str]]:
    """Accuracy of the run and of everything it is compared with, as columns of text."""
    base = view.baselines.get
    rows = [
        ("This run", view.latest("knn"), view.latest("linear")),
        ("Untrained encoder", base("random_knn"), base("random_linear")),
        ("Raw pixels", base("pixels_knn"), None),
        ("Chance", base("chance"), base("chance")),
    ]
    if top is not None:
        rows.insert(1, ("Supervised, best known", top, None))
    names, knn, linear = zip(*rows, strict=True)
    return {
        "Representation": list(names),
        "kNN": [percent(value) for value in knn],
        "Linear probe": [percent(value) for value in linear],
    }


def ceiling(settings: RunSettings) -> float | None:
    """What labels reach on the same images: the better of this server's best supervised run and the published
    benchmark, which has measured datasets as they come."""
    return _ceiling(settings.data)


@st.cache_data(ttl=30, max_entries=20, show_spinner=False, hash_funcs={DataSettings: hash})
def _ceiling(data: DataSettings) -> float | None:
    rivals = [
        record.knn
        for record in records(manager().root)
        if record.method == "supervised" and record.state == "finished" and record.data == data
    ]
    if data == DataSettings(data=data.data):
        rivals.append(supervised_knn(data.data))
    return max((knn for knn in rivals if knn is not None), default=None)
