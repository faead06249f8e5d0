"""The energy of pairs as figures: what belongs together against what does not, now and over training."""

from typing import Any

import numpy as np

from sslcore.diagnostics.energy import HIGHEST
from sslcore.runs import RunView
from ui.figures import axes, empty, levels, line
from ui.plotly_live import Figure
from ui.texts import number, percent

KINDS = (("compatible", "two views", "@0"), ("incompatible", "different images", "@1"))
NONE = "This method does not compare views: it gives pairs of pictures no energy."


def energy_figure(view: RunView) -> Figure:
    """Histograms of the energy, 1 - cosine, of both kinds of pairs now, and where other pairs were before training."""
    readings = _readings(view)
    if not readings:
        return empty(_why(view))
    energy, first = readings[-1][1], readings[0][1]
    traces = []
    if len(readings) > 1:
        before = _bars(first["incompatible_histogram"], "different, before training", "@muted")
        traces.append(before | {"line": before["line"] | {"dash": "dot"}})
    for name, title, color in KINDS:
        traces.append(_bars(energy[f"{name}_histogram"], title, color) | {"fill": "tozeroy"})
    layout = axes("energy (0 same, 1 unrelated, 2 opposite)", "share of pairs")
    layout["xaxis"]["range"] = [0, HIGHEST]
    layout["yaxis"] |= {"tickformat": ".0%", "rangemode": "tozero"}
    said = ", ".join(f"{title} {number(energy[name])}" for name, title, _ in KINDS)
    shared = f"the histograms share {percent(energy['overlap'])}"
    return Figure(traces, layout, f"Energy of pairs, on average: {said}; {shared}.")


def separation_figure(view: RunView) -> Figure:
    """Mean energies of both kinds over steps, and how often a pair of the one kind has less than one of the other."""
    readings = _readings(view)
    if not readings:
        return empty(_why(view))
    steps, energies = zip(*readings, strict=True)
    shown = (*KINDS, ("auc", "told apart (AUC)", "@2"))
    traces, said = [], []
    for name, title, color in shown:
        values = [energy[name] for energy in energies]
        traces.append(line(steps, values, title, color, mode="lines+markers"))
        said.append(f"{title} {number(values[-1])}")
    traces += levels({"unrelated": 1.0, "AUC at collapse": 0.5}, view.step)
    layout = axes("step", "mean energy; AUC")
    layout["yaxis"]["range"] = [-0.05, 1.25]
    return Figure(traces, layout, f"Telling pairs apart: {', '.join(said)}.")


def _readings(view: RunView) -> list[tuple[int, dict[str, Any]]]:
    """Steps at which energies were measured, and what came out."""
    return [(row["step"], row["energy"]) for row in view.diagnoses if row.get("energy")]


def _why(view: RunView) -> str:
    return NONE if view.diagnoses else "The first look at pairs comes before the first step."


def _bars(shares: list[float], name: str, color: str) -> dict:
    """A histogram over the range of the energy as an outline."""
    edges = np.linspace(0, HIGHEST, len(shares) + 1)
    outline = line(edges, [*shares, shares[-1]], name, color)
    outline["line"]["shape"] = "hv"
    return outline
