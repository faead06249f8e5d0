"""Curves of a run as plain data: pure functions from a RunView to figures, with the lines to read them by."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np

from sslcore.errors import UserError
from sslcore.registry import get_method
from sslcore.runs import RunView
from sslcore.settings import RunSettings
from ui.plotly_live import Figure
from ui.texts import number, percent

NAME_HEIGHT = 0.12  # room that a reference's name takes, as a share of what the references span
HALO = ", ".join(["0 0 3px var(--st-background-color)"] * 3)  # sets names off from curves behind them
COUNT = 10  # what gets larger than this counts something, and lies on another axis than shares and entropies
SMOOTHING = 0.9  # share of the past in a smoothed loss; the raw curve stays visible behind it
DASHES = ("solid", "dash", "longdash", "dashdot")  # dotted are references
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross")
BASELINES = {
    "pixels_knn": "raw pixels",
    "random_linear": "untrained, linear",
    "random_knn": "untrained, kNN",
    "chance": "chance",
}


def loss_figure(view: RunView, settings: RunSettings) -> Figure:
    """The loss, raw and smoothed, with its values for guessing, collapsed and perfect networks."""
    curve = view.curves.get("loss")
    if curve is None:
        return empty("The loss appears after the first step.")
    raw = line(curve.step, curve.value, "each step", "@0", width=1, opacity=0.3, showlegend=False)
    traces = [raw, line(curve.step, smooth(curve.value), "loss", "@0", width=2.5)]
    references = loss_references(settings)
    traces += levels(references, view.step)
    said = ", ".join(f"{name} {number(value)}" for name, value in references.items())
    last = float(curve.value[-1])
    alt = f"Loss over {view.step} steps, now {number(last)}." + (f" Reference lines: {said}." if said else "")
    return Figure(traces, axes("step", "loss"), alt)


def loss_references(settings: RunSettings) -> dict[str, float]:
    """The values to read a loss by, those that coincide under one name: ``{"chance = collapse": 6.2}``."""
    card, found = get_method(settings.method).card, {}
    for name in ("chance", "collapse", "best"):
        reference = getattr(card, name)
        try:
            value = None if reference is None else float(reference(settings))
        except UserError:  # a sum that was legal when it was trained
            value = None
        if value is not None and isfinite(value):
            same = next((known for known, v in found.items() if abs(v - value) < 1e-6), None)
            found[f"{same} = {name}" if same else name] = found.pop(same) if same else value
    return found


def terms_figure(view: RunView) -> Figure:
    """The weighted terms that add up to the loss."""
    return _family(view, "term/", "weighted term", "The loss has a single term.")


def metrics_figure(view: RunView) -> Figure:
    """What else the method measures of itself in each step, such as the accuracy on its pretext task.

    Where there are counts beside shares, such as 60 groups in use beside an accuracy, they have an axis at the right.
    """
    figure = _family(view, "metric/", "value", "This method measures nothing besides its loss.")
    peaks = [max((abs(y) for y in trace["y"] if y is not None), default=0.0) for trace in figure.traces]
    far = [trace for trace, peak in zip(figure.traces, peaks, strict=True) if peak > COUNT]
    if 0 < len(far) < len(peaks):
        for trace in far:
            trace.update(yaxis="y2", name=f"{trace['name']} (right)")
        # its own ticks: on an axis that lies over another Plotly puts them where the other has its own
        right = {
            "overlaying": "y",
            "side": "right",
            "showgrid": False,
            "rangemode": "tozero",
            "tickmode": "auto",
        }
        figure.layout["yaxis2"] = axes("", "count")["yaxis"] | right
    return figure


def accuracy_figure(view: RunView, ceiling: float | None = None) -> Figure:
    """kNN and linear accuracy on held-out images, with everything they have to beat.

    Args:
        ceiling: accuracy of a supervised network on the same data, if known.
    """
    traces, said = [], []
    for name, title, color in (("knn", "kNN", "@0"), ("linear", "linear probe", "@1")):
        rows = [(row["step"], row[name]) for row in view.evaluations if row[name] is not None]
        if rows:
            steps, values = zip(*rows, strict=True)
            traces.append(line(steps, values, title, color, mode="lines+markers"))
            said.append(f"{title} {percent(values[-1])}")
    if not traces:
        return empty("Accuracy appears after the first evaluation, and only where images have labels.")
    references = {title: view.baselines.get(name) for name, title in BASELINES.items()} | {
        "supervised": ceiling
    }
    references = {title: value for title, value in references.items() if value is not None}
    traces += levels(references, view.step, percent, side="bottom")  # curves are to rise above them
    said += [f"{title} {percent(value)}" for title, value in references.items()]
    layout = axes("step", "accuracy")
    layout["yaxis"] |= {"tickformat": ".0%", "rangemode": "tozero"}
    return Figure(traces, layout, f"Accuracy on held-out images: {', '.join(said)}.")


def collapse_figure(view: RunView) -> Figure:
    """Spread, mean cosine and share of the rank over steps."""
    if not view.diagnoses:
        return empty("The first look at the embedding comes before the first step.")
    steps = [row["step"] for row in view.diagnoses]
    shown = (
        ("std", "spread (1 healthy, 0 collapsed)"),
        ("cosine", "mean cosine"),
        ("rank_fraction", "share of rank"),
    )
    traces, said = [], []
    for order, (name, title) in enumerate(shown):
        values = [row["figures"].get(name) for row in view.diagnoses]
        traces.append(line(steps, values, title, f"@{order}", mode="lines+markers"))
        said.append(f"{title} {number(values[-1])}")
    layout = axes("step", "")
    layout["yaxis"]["range"] = [-0.05, 1.08]
    return Figure(traces, layout, f"State of the embedding: {', '.join(said)}.")


def spectrum_figure(view: RunView) -> Figure:
    """Eigenvalues of the embedding's covariance, relative to the largest: before training and now."""
    rows = [row for row in view.diagnoses if row["spectrum"]]
    if not rows:
        return empty("The spectrum appears with the first look at the embedding.")
    traces = []
    for row, title, color in ((rows[0], f"step {rows[0]['step']}", "@muted"), (rows[-1], "now", "@0")):
        values = np.asarray([v or 0.0 for v in row["spectrum"]], dtype=float)
        share = np.maximum(values / max(values.max(initial=0.0), 1e-12), 1e-8)
        traces.append(line(range(1, len(share) + 1), share, title, color))
    layout = axes("direction, strongest first", "variance, relative")
    layout["yaxis"] |= {"type": "log", "exponentformat": "power", "dtick": 2}
    rank = rows[-1]["figures"].get("rank_me")
    return Figure(
        traces, layout, f"Spectrum of the embedding now and before training; effective rank {number(rank)}."
    )


def gradient_figure(view: RunView) -> Figure:
    """The norm of the whole gradient per step, and of each term's gradient at the encoder where there are several."""
    curve = view.curves.get("gradient_norm")
    if curve is None:
        return empty("The gradient appears after the first step.")
    traces = [line(curve.step, curve.value, "whole gradient, all weights", "@muted", width=1)]
    names = sorted({name for row in view.evaluations for name in row["gradient_norms"]})
    for order, name in enumerate(names):
        rows = [(r["step"], r["gradient_norms"].get(name)) for r in view.evaluations]
        steps, values = zip(*rows, strict=True)
        told = f"{name.replace('_', ' ')}, at the encoder"
        traces.append(line(steps, values, told, f"@{order}", mode="lines+markers"))
    layout = axes("step", "norm")
    layout["yaxis"]["type"] = "log"
    return Figure(traces, layout, f"Norm of the gradient, now {number(float(curve.value[-1]))}.")


def rate_figure(view: RunView) -> Figure:
    """The learning rate over steps."""
    curve = view.curves.get("learning_rate")
    if curve is None:
        return empty("The learning rate appears after the first step.")
    traces = [line(curve.step, curve.value, "learning rate", "@0", showlegend=False)]
    return Figure(traces, axes("step", "learning rate"), f"Learning rate, now {number(view.learning_rate)}.")


def overlay_figure(runs: Mapping[str, RunView], name: str = "knn") -> Figure:
    """One accuracy of several runs over seconds of training, by label."""
    traces, said = [], []
    for order, (label, view) in enumerate(runs.items()):
        rows = [(row["seconds"], row[name]) for row in view.evaluations if row[name] is not None]
        if rows:
            seconds, values = zip(*rows, strict=True)
            traces.append(line(seconds, values, label, f"@{order}", mode="lines+markers"))
            said.append(f"{label}: {percent(values[-1])}")
    if not traces:
        return empty("None of these runs has measured an accuracy.")
    layout = axes("seconds of training", "accuracy")
    layout["yaxis"]["tickformat"] = ".0%"
    return Figure(traces, layout, "; ".join(said))


def line(
    x: Any, y: Any, name: str, color: str, *, width: float = 2, mode: str = "lines", **more: Any
) -> dict:
    """A curve; figures that are missing or not finite leave a gap. Numbered colours come with their own dashes and
    markers, so that curves can be told apart without them."""
    order = int(color[1:]) if color[1:].isdigit() else 0
    return {
        "type": "scatter",
        "mode": mode,
        "name": name,
        "x": np.round(np.asarray(x, dtype=float), 2).tolist(),
        "y": [value if isfinite(value) else None for value in rounded(y).tolist()],
        "line": {"color": color, "width": width, "dash": DASHES[order % len(DASHES)]},
        "marker": {"color": color, "size": 6, "symbol": SYMBOLS[order % len(SYMBOLS)]},
        **more,
    }


def rounded(values: Any, digits: int = 5) -> np.ndarray:
    """To so many significant digits, which is less to send; None becomes nan."""
    values = np.asarray(values, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 10.0 ** (digits - 1 - np.floor(np.log10(np.abs(values))))
        return np.where(np.isfinite(scale), np.round(values * scale) / scale, values)


def levels(
    references: Mapping[str, float], end: float, words: Any = number, *, side: str = "top"
) -> list[dict]:
    """References: thin lines, named on their ``side`` ("top" or "bottom") unless the next line is near there.

    By height, their names end in turn at the right and in the middle, where near ones do not collide.
    """
    end, traces = max(end, 1), []
    ranked = sorted(references.items(), key=lambda reference: reference[1])
    values = [value for _, value in ranked]
    room = np.diff([*values, np.inf] if side == "top" else [0, *values])  # below 0 is the x-axis
    need = NAME_HEIGHT * np.ptp([0, *values])
    for rank, (name, value) in enumerate(ranked):
        text, at = f"{name} {words(value)}", end * (1, 0.45)[rank % 2]
        beside = side if room[rank] > need else {"top": "bottom", "bottom": "top"}[side]
        trace = line([0, at, end], [value] * 3, name, "@muted", width=1, mode="lines+text")
        trace["line"]["dash"] = "dot"
        spot = {
            "text": ["", text, ""],
            "textposition": f"{beside} left",
            "textfont": {"color": "@muted", "size": 11, "shadow": HALO},
        }
        traces.append(trace | spot | {"hoverinfo": "name+y", "showlegend": False, "cliponaxis": False})
    return traces


def axes(x: str, y: str) -> dict[str, Any]:
    """A layout with named axes."""
    small = {"size": 12}
    return {
        "xaxis": {"title": {"text": x, "font": small}},
        "yaxis": {"title": {"text": y, "font": small}},
        "hovermode": "closest",
    }


def smooth(values: Any, keep: float = SMOOTHING) -> np.ndarray:
    """Exponential moving average without the pull of its start; gaps are skipped."""
    out, total, weight = [], 0.0, 0.0
    for value in np.asarray(values, dtype=float).tolist():
        if isfinite(value):
            total, weight = keep * total + (1 - keep) * value, keep * weight + (1 - keep)
        out.append(total / weight if weight else float("nan"))
    return np.asarray(out)


def _family(view: RunView, prefix: str, title: str, none: str) -> Figure:
    curves = {name.removeprefix(prefix): c for name, c in view.curves.items() if name.startswith(prefix)}
    if not curves:
        return empty(none)
    named = [(name.replace("_", " "), curve) for name, curve in curves.items()]
    traces = [
        line(c.step, smooth(c.value, 0.7), name, f"@{i}", showlegend=True)
        for i, (name, c) in enumerate(named)
    ]
    said = ", ".join(f"{name} {number(float(c.value[-1]))}" for name, c in named)
    return Figure(traces, axes("step", title), f"Over {view.step} steps, now: {said}.")


def empty(sentence: str) -> Figure:
    """A chart with nothing but a sentence."""
    note = {"text": sentence, "showarrow": False, "x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper"}
    bare = {"visible": False}
    return Figure(
        [], {"annotations": [note | {"font": {"color": "@muted"}}], "xaxis": bare, "yaxis": bare}, sentence
    )
