"""The map of the held-out images as a figure: pure functions from places and labels to points."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from sslcore.runs import RunFolder
from ui.figures import SYMBOLS
from ui.plotly_live import Figure
from ui.projection_service import Map


@lru_cache(maxsize=32)
def snapshot(path: Path, step: int) -> dict[str, np.ndarray] | None:
    """A snapshot from a run folder; remembered, because all viewers look at the same ones."""
    return RunFolder(path).snapshot(step)


def embedding_figure(
    found: Map, labels: Sequence[int] | None, classes: Sequence[str], predictions: Sequence[int] | None = None
) -> Figure:
    """The map as one trace of points per class.

    Args:
        labels: class of every point, None where there are none.
        predictions: what its neighbours say of every point; then colour tells right from wrong.
    """
    count = len(found.xy)
    if labels is None or not classes:
        groups = [("images", np.arange(count), "@0", "circle")]
        captions = [f"image {i}" for i in range(count)]
    elif predictions is not None:
        right = np.asarray(predictions)[:count] == np.asarray(labels)[:count]
        groups = [("neighbours agree", np.flatnonzero(right), "@0", "circle")]
        groups += [("neighbours disagree", np.flatnonzero(~right), "@1", "diamond")]
        captions = [
            f"{classes[k]}, taken for {classes[p]}" for k, p in zip(labels, predictions, strict=False)
        ]
    else:
        where = np.asarray(labels)[:count]
        groups = [
            (name, np.flatnonzero(where == k), f"@{k % 10}", SYMBOLS[(k + k // 10) % len(SYMBOLS)])
            for k, name in enumerate(classes)
        ]
        captions = [classes[k] for k in where]
    traces = [_points(found.xy, index, captions, *look) for look, index in _looks(groups)]
    bare = {"visible": False, "showgrid": False}
    layout = {
        "xaxis": bare,
        "yaxis": bare | {"scaleanchor": "x"},
        "dragmode": "pan",
        "hovermode": "closest",
        "modebar": {"orientation": "v"},  # beside the map: above it is the legend
        "margin": {"l": 4, "r": 32, "t": 4, "b": 4},
    }
    names = ", ".join(name for name, *_ in groups)
    return Figure(
        traces, layout, f"{found.kind} map of {count} held-out images at step {found.step}: {names}."
    )


def _looks(groups: list) -> list:
    return [((name, color, symbol), index) for name, index, color, symbol in groups if len(index)]


def _points(
    xy: np.ndarray, index: np.ndarray, captions: list[str], name: str, color: str, symbol: str
) -> dict:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [round(float(v), 3) for v in xy[index, 0]],
        "y": [round(float(v), 3) for v in xy[index, 1]],
        "customdata": index.tolist(),
        "text": [captions[i] for i in index],
        "hoverinfo": "none",
        "marker": {"color": color, "symbol": symbol, "size": 6, "opacity": 0.85},
    }
