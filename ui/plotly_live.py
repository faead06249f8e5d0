"""Plotly charts that update in place: zoom, tool, legend and chosen points survive, points glide.

load_plotly()                                     # once per page, outside fragments
thumb_sheet("toybox", url, columns=32)            # where points have pictures
live_chart(figure, key="loss", version=view.version)
"""

import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import plotly
import streamlit as st

_SCRIPT = (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_text("utf-8")
_CHART = Path(__file__).parent.parent / "assets" / "plotly_live.js"

# Three components, because a component's script travels with each of its messages: Plotly's four megabytes
# have a constant message, which a browser receives once; thumbnails change from run to run; data every tick.
_library = st.components.v2.component(
    "plotly_library",
    isolate_styles=False,
    js=f"if (!window.Plotly) {{\n{_SCRIPT}\n}}\n"
    "export default () => { window.dispatchEvent(new Event('plotly-ready')); };\n",
)
_sheet = st.components.v2.component(
    "thumb_sheet",
    js="""
export default function ({data}) {
  window.thumbSheets = {...window.thumbSheets, [data.name]: {url: data.url, columns: data.columns}};
}
""",
)
_chart = st.components.v2.component(
    "plotly_live",
    isolate_styles=False,
    html='<div class="plot" role="figure" style="width:100%"></div>'
    '<div class="tip" aria-hidden="true"><div></div><div class="tip-text"></div></div>',
    css=".tip{display:none;position:fixed;z-index:9999;pointer-events:none;padding:4px;border-radius:8px;"
    "background:var(--st-background-color);color:var(--st-text-color);box-shadow:0 2px 10px #0006}"
    ".tip-text{font:12px var(--st-font);text-align:center;max-width:96px;padding-top:2px}",
    js=_CHART.read_text("utf-8"),
)


@dataclass(frozen=True, eq=False)
class Figure:
    """A chart as plain data, and the sentence that a screen reader says instead.

    Colours may be names of the page's theme: ``@0`` to ``@9``, ``@text``, ``@muted``, ``@line``,
    ``@primary``, ``@red``, ``@orange``, ``@green``.
    """

    traces: list[dict[str, Any]]
    layout: dict[str, Any] = field(default_factory=dict)
    alt: str = ""


def load_plotly() -> None:
    """Bring Plotly into the page; call once per page, outside of any fragment."""
    _library(key="_plotly_library", data=None, height=1)


def thumb_sheet(name: str, url: str, columns: int) -> None:
    """Make a sprite sheet of square pictures known under a name; call outside of fragments.

    Args:
        url: a data URI.
        columns: pictures in a row of the sheet.
    """
    _sheet(key=f"_sheet_{name}", data={"name": name, "url": url, "columns": columns}, height=1)


def live_chart(
    figure: Figure, *, key: str, version: Any = 0, height: int = 300, sheet: str = "", glide_ms: int = 0
) -> Any:
    """Draw a figure.

    Args:
        version: the same non-zero value means the same picture, which is then left alone; 0 always redraws.
        sheet: name of a :func:`thumb_sheet`. A point's ``customdata`` is the number of its picture, its
            ``text`` the caption.
        glide_ms: how long points take to their new places if their number has not changed.

    Returns:
        The state of the chart: ``selected``, the numbers of the points in the lasso, and ``clicked``, that of the
        point that has just been clicked, or None.
    """
    return _chart(
        key=key,
        height=height,
        default={"selected": []},
        on_selected_change=_nothing,
        on_clicked_change=_nothing,
        data=_payload(figure, version, height, sheet, glide_ms),
    )


@lru_cache(maxsize=50)
def _payload(figure: Figure, version: Any, height: int, sheet: str, glide_ms: int) -> bytes:
    """What the script gets. As bytes, which Streamlit passes on as they are: it would write other data twice."""
    data = {
        "traces": [_literal(trace) for trace in figure.traces],
        "layout": figure.layout,
        "version": version,
        "height": height,
        "sheet": sheet,
        "glideMs": glide_ms,
        "alt": figure.alt,
    }
    return json.dumps(data, separators=(",", ":")).encode()


def _literal(trace: dict[str, Any]) -> dict[str, Any]:
    """With the name as text: Plotly would take tags in it for tags, and names of classes come from users."""
    return trace | {"name": trace["name"].replace("&", "&amp;").replace("<", "&lt;")}


def _nothing() -> None:
    """State needs a callback; the caller reads the returned state."""
