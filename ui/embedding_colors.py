"""What the colours of a map can tell: classes, known factors, or whether the neighbours are right."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from sslcore.data import ImageData
from sslcore.errors import UserError
from sslcore.runs import RunFolder
from sslcore.settings import RunSettings
from ui.datasets import images_of, which
from ui.embedding import embedding_figure
from ui.plotly_live import Figure
from ui.projection_service import Map
from ui.texts import signed

SKIPPED = ("class", "individual")  # the first is offered as "Class", the second has too many values


@dataclass(frozen=True, eq=False)
class Coloring:
    """A value for every held-out image.

    Attributes:
        values: class indices, or numbers where there are no names; None where nothing is known.
        names: what the indices mean; empty for numbers.
        judges: compare with the neighbours' vote instead of showing the value.
    """

    name: str
    values: np.ndarray | None = None
    names: tuple[str, ...] = ()
    judges: bool = False


UNKNOWN = Coloring("None")


def colorings(data: ImageData | None) -> dict[str, Coloring]:
    """What is known of the held-out images, by the name on the page."""
    if data is None or data.test.labels is None or not data.classes:
        return {UNKNOWN.name: UNKNOWN}
    labels = data.test.labels.numpy()
    found = [Coloring("Class", labels, data.classes), Coloring("Right or wrong", labels, data.classes, True)]
    for name, tensor in data.test.factors.items():
        values = tensor.numpy()
        if name not in SKIPPED and values.min() < values.max():
            found.append(Coloring(name.capitalize(), values, data.factor_names.get(name) or ()))
    return {coloring.name: coloring for coloring in found}


def colorings_of(settings: RunSettings, run: RunFolder) -> dict[str, Coloring]:
    """What is known of the held-out images of a run. Remembered for many datasets, so that those who watch a run do
    not wait for its images."""
    try:
        return _colorings(*which(settings, run), settings, run)
    except UserError:
        return colorings(None)


@st.cache_resource(max_entries=200, show_spinner=False)
def _colorings(
    name: str, size: int, style: str, fingerprint: str, _settings: RunSettings, _run: RunFolder
) -> dict[str, Coloring]:
    return colorings(images_of(_settings, _run))


def colored_figure(found: Map, coloring: Coloring, predictions: Sequence[int]) -> Figure:
    """The map in these colours: a trace per name, or one trace with a scale."""
    if coloring.values is None or coloring.names or coloring.judges:
        votes = predictions if coloring.judges else None
        return embedding_figure(found, coloring.values, coloring.names, votes)
    figure = embedding_figure(found, None, ())
    values = coloring.values[: len(found.xy)].astype(float)
    scale = {"thickness": 10, "outlinewidth": 0, "title": {"text": coloring.name}}
    scale |= {"x": 0, "xanchor": "right"}  # the tools are on the other side
    marker = {"color": [round(v, 3) for v in values.tolist()], "colorscale": "Cividis", "colorbar": scale}
    trace = figure.traces[0]
    trace["marker"] = trace["marker"] | marker | {"showscale": True}
    trace["text"] = [f"{coloring.name} {signed(value)}" for value in values]
    trace["showlegend"] = False
    span = f"{values.min():.2g} (dark) to {values.max():.2g} (bright)"
    return Figure(figure.traces, figure.layout, f"{figure.alt} Colour: {coloring.name}, {span}.")
