"""A run on screen: read from immutable views once a second, never waiting for training.

Each part has its own timer and is drawn anew by itself: the numbers every second, charts and pictures half as often,
because each answer costs the training a little and the browser more. When the run is over, the page is drawn once
more, without timers.
"""

import time

import streamlit as st

from sslcore.errors import UserError
from sslcore.runs import JobStatus, RunFolder, RunView
from sslcore.settings import RunSettings
from ui import controls, figures
from ui.energy import energy_figure, separation_figure
from ui.jobs import manager
from ui.lamp import draw_figures, draw_lamp
from ui.live_map import awaits_map, awaits_preview, draw_map, draw_preview
from ui.owner import may_control
from ui.pictures import COLUMNS, thumbnails
from ui.plotly_live import live_chart, load_plotly, thumb_sheet
from ui.shell import pages
from ui.summary import ceiling, draw_command, draw_summary
from ui.texts import duration, number, percent, plain, portable, run_label, signed
from ui.viewers import tick_seconds

DETAILS = {
    "What it sees": ":material/visibility:",
    "Collapse": ":material/warning:",
    "Energy of pairs": ":material/join_inner:",
    "Loss terms": ":material/stacked_line_chart:",
    "Gradients": ":material/speed:",
}
FIRST_DETAIL = "What it sees"
STATES = {
    "queued": ("gray", "waiting"),
    "running": ("blue", "running"),
    "pausing": ("orange", "pausing"),
    "paused": ("orange", "paused"),
    "finished": ("green", "finished"),
    "stopping": ("gray", "stopping"),
    "stopped": ("gray", "stopped"),
    "interrupted": ("orange", "interrupted"),
    "diverged": ("red", "diverged"),
    "failed": ("red", "failed"),
}


def draw_run(run: str) -> None:
    """Everything about one run; keeps itself up to date while the run is going."""
    try:
        status, view = manager().status(run), manager().view(run)
    except UserError as error:
        st.error(plain(portable(str(error))))
        st.page_link(pages()["runs"], label="All runs", icon=":material/folder_open:")
        return
    sheet, url = thumbnails(status.settings, RunFolder(manager().root / run)) if view.snapshots else ("", "")
    every = tick_seconds(run) if status.active else None
    rarely = _pace_of_charts(run, status, view, every)
    st.fragment(_head, run_every=every)(run, status.active, every, _has(view))
    st.fragment(_charts, run_every=rarely)(run, every, rarely, sheet)
    st.fragment(_details, run_every=rarely)(run, every, rarely)
    if status.active and may_control(status.owner) and controls.is_here(run):
        st.fragment(_knobs)(run)
    _share(run, status)
    load_plotly()  # after the charts that wait for it: nothing of it is to be seen
    if sheet:
        thumb_sheet(sheet, url, COLUMNS)


def _now(run: str) -> tuple[JobStatus, RunView]:
    """What there is to know; draws the page anew, which then says so, if somebody has deleted the run."""
    try:
        return manager().status(run), manager().view(run)
    except UserError:
        st.rerun()


def _has(view: RunView) -> tuple[bool, bool]:
    """Whether there are steps, and pictures."""
    return view.step > 0, bool(view.snapshots)


def _head(run: str, was_active: bool, every: float | None, had: tuple[bool, bool]) -> None:
    status, view = _now(run)
    left = st.query_params.get("run") != run
    changed = was_active != status.active or (status.active and every != tick_seconds(run))
    if left or changed or had != _has(view):
        # once: to start, change or drop the timers, or to bring in the first point and the thumbnails; before anything
        # is drawn, because half a fragment and the page that follows it can get mixed up on the way to the browser
        st.rerun()
    _header(status, view)
    controls.refused(run)
    _numbers(status, view)


def _charts(run: str, every: float | None, rarely: float | None, sheet: str) -> None:
    status, view = _now_at(run, every, rarely)
    left, right = st.columns([1, 1.15], gap="medium")
    with right:  # first: it answers clicks
        draw_map(run, status.settings, view, sheet)
    with left:
        _curves(run, status.settings, view)


def _now_at(run: str, every: float | None, rarely: float | None) -> tuple[JobStatus, RunView]:
    """The same for charts; draws the page anew where they are to be looked at in another pace from now on."""
    status, view = _now(run)
    if rarely != _pace_of_charts(run, status, view, every):
        st.rerun()
    return status, view


def _knobs(run: str) -> None:
    status, _ = _now(run)
    controls.live_knobs(status)


def _pace_of_charts(run: str, status: JobStatus, view: RunView, every: float | None) -> float | None:
    """Seconds until charts and pictures are looked at again: they weigh more than numbers."""
    if status.active and every:
        return 2 * every
    return 2.0 if _awaits_pictures(run, view) else None


def _awaits_pictures(run: str, view: RunView) -> bool:
    """Whether something on the screen of a run that is over is still being made."""
    shown = st.session_state.get("detail", FIRST_DETAIL) == FIRST_DETAIL
    return awaits_map(run, view) or (shown and awaits_preview(run))


def _header(status: JobStatus, view: RunView) -> None:
    color, word = STATES.get(status.pending or status.state, ("gray", status.state))
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"#### {plain(run_label(status.label))} :{color}-badge[{word}]", width="content")
        controls.buttons(status)
    controls.watching(status)
    if status.pending:
        st.caption(f"{status.pending.capitalize()} as soon as this step or evaluation is done.")
    st.progress(min(1.0, view.fraction), text=progress_text(status, view))
    if status.message and status.state != "finished":
        kind = st.error if status.state in ("failed", "diverged") else st.info
        kind(plain(portable(status.message)))
    if status.trouble:
        st.warning(plain(portable(status.trouble)))
    if not status.active:
        draw_summary(status, view)


def progress_text(status: JobStatus, view: RunView) -> str:
    """One line: where in the queue, or how far, how fast and how long still."""
    if status.place:
        ahead = "next in line" if status.place == 1 else f"place {status.place} in the queue"
        return f"Waiting for another run to finish: {ahead}."
    if not view.step:
        return "Getting ready: loading the images." if status.active else "No steps."
    parts = [
        f"step {view.step:,}",
        f"{duration(view.seconds)} of training",
        f"{view.images_per_second:,.0f} images/s",
    ]
    if status.active and view.fraction > 0:
        parts.append(f"{duration(view.seconds * (1 / view.fraction - 1))} left")
    parts.append(f"seed {status.settings['seed']}")
    return " · ".join(parts)


def why_no_accuracy(name: str, status: JobStatus, view: RunView) -> str:
    """Why a run has no such accuracy, in a few words; empty if it has."""
    if view.latest(name) is not None:
        return ""
    if view.evaluations and all(row["knn"] is None for row in view.evaluations):
        return "no labels"
    return "measured later" if status.active else "ended before it was measured"


def _numbers(status: JobStatus, view: RunView) -> None:
    with st.grid(min_column_width=132, gap="small"):
        for name, title, base, what in (
            (
                "knn", "kNN accuracy", "random_knn",
                "for which the most similar training images, by the frozen features, vote for the right class.",
            ),
            (
                "linear", "Linear probe", "random_linear",
                "that a linear classifier on the frozen features gets right; fitted after each quarter of the run.",
            ),
        ):  # fmt: skip
            value, start = view.latest(name), view.baselines.get(base)
            known = value is not None and start is not None and view.step
            gain = 100 * (value - start) if known else 0.0
            told = f"Held-out images {what} The change is against the same network before training."
            how = {"delta": why_no_accuracy(name, status, view), "delta_arrow": "off", "delta_color": "off"}
            if abs(gain) >= 0.05:  # no arrow up for no change
                arrow, color = ("up", "green") if gain > 0 else ("down", "red")
                how = {"delta": f"{signed(gain, '+.1f')} points", "delta_arrow": arrow, "delta_color": color}
            st.metric(title, percent(value), **how, help=told, border=True, height="stretch")
        curve = view.curves.get("loss")
        told = "Mean of the latest steps. It means nothing without its reference lines: see the curve."
        loss = None if curve is None else float(figures.smooth(curve.value[-50:])[-1])
        st.metric("Loss", number(loss), help=told, border=True, height="stretch")
        draw_figures(view)
    draw_lamp(view)


def _curves(run: str, settings: RunSettings, view: RunView) -> None:
    st.markdown("**Loss**", help="Dotted: a network that guesses, one that has collapsed, the best there is.")
    _chart(figures.loss_figure(view, settings), "loss", run, view.step, 235)
    st.markdown(
        "**Accuracy on held-out images**",
        help="Dotted: what has to be beaten, chance, and what labels reach.",
    )
    top = ceiling(settings)
    _chart(figures.accuracy_figure(view, top), "accuracy", run, len(view.evaluations), 235)


def _details(run: str, every: float | None, rarely: float | None) -> None:
    _, view = _now_at(run, every, rarely)
    shown = st.segmented_control(
        "Details",
        list(DETAILS),
        default=FIRST_DETAIL,
        required=True,
        key="detail",
        format_func=lambda name: f"{DETAILS[name]} {name}",
        help="What to watch below.",
        persist_state="session",
    )
    if shown == FIRST_DETAIL:
        draw_preview(run)
    else:
        charts = {
            "Collapse": (
                ("State of the embedding", figures.collapse_figure(view), len(view.diagnoses)),
                ("Spectrum", figures.spectrum_figure(view), len(view.diagnoses)),
            ),
            "Energy of pairs": (
                ("Energy of pairs now", energy_figure(view), len(view.diagnoses)),
                ("How well pairs are told apart", separation_figure(view), len(view.diagnoses)),
            ),
            "Loss terms": (
                ("Terms of the loss", figures.terms_figure(view), view.step),
                ("Other measurements", figures.metrics_figure(view), view.step),
            ),
            "Gradients": (
                # the norms of single terms come with an evaluation, after the step
                ("Norm of the gradient", figures.gradient_figure(view), view.version),
                ("Learning rate", figures.rate_figure(view), view.step),
            ),
        }[shown]
        for column, (title, figure, version) in zip(st.columns(2, gap="medium"), charts, strict=True):
            with column:
                st.markdown(f"**{title}**")
                _chart(figure, title, run, version)


def _chart(figure: figures.Figure, key: str, run: str, version: int, height: int = 290) -> None:
    figure.layout["uirevision"] = run
    live_chart(figure, key=f"chart_{key}", version=f"{run}:{version}", height=height)


def _share(run: str, status: JobStatus) -> None:
    with st.expander("Reproduce and share", icon=":material/share:", key="share"):
        draw_command(run)
        base = (st.context.url or "").split("?")[0]
        st.caption("Link for watching; who opens it sees the run but cannot control it:")
        st.code(f"{base}?run={run}", language=None, wrap_lines=True)
        started = time.strftime("%Y-%m-%d %H:%M", time.localtime(status.created))
        st.caption(f"Run {run} · seed {status.settings['seed']} · started {started}")
