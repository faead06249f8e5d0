"""The page of methods: a map of the field to choose from, filters, and the chosen method in full."""

from collections.abc import Iterable

import streamlit as st

from sslcore.errors import UserError
from sslcore.registry import FAMILIES, Card, get_method, methods
from ui.method_card import draw_method
from ui.plotly_live import Figure, live_chart, load_plotly
from ui.texts import plain

FIRST = "simclr"
WIDTH, LETTER, MARKER = 780, 7.0, 22  # pixels: of a map on a laptop, of a letter, of a point with its margin
LANE, BAND = 24, 0.5  # pixels per line of the map; lines between two families


def draw_methods() -> None:
    """The whole page below its title."""
    load_plotly()
    asked = st.query_params.get("method", "")
    if asked and asked not in methods():
        _explain(asked)
    elif asked:
        st.session_state["shown_method"] = asked
    cards = _filtered([method.card for method in methods().values()])
    if not cards:
        st.info("No method fits these filters: take one of them away.", icon=":material/filter_alt_off:")
        return
    _map(cards)
    chosen = _choice([card.id for card in cards])
    st.divider()
    draw_method(get_method(chosen))


def _explain(asked: str) -> None:
    try:
        get_method(asked)
    except UserError as error:
        st.error(plain(str(error)), icon=":material/link_off:")
    del st.query_params["method"]


def _filtered(cards: list[Card]) -> list[Card]:
    """The cards that pass the filters, which this draws."""
    years = sorted({card.year for card in cards})
    modalities = sorted({card.modality for card in cards})
    families = [name for name in FAMILIES if any(card.family == name for card in cards)]
    family = st.pills(
        "Families",
        families,
        selection_mode="multi",
        format_func=FAMILIES.get,
        key="family_filter",
        help="Show these families only; none chosen means all.",
    )
    with st.container(horizontal=True, gap="large", vertical_alignment="top"):
        modality = []
        if len(modalities) > 1:
            modality = st.pills(
                "Modality",
                modalities,
                selection_mode="multi",
                format_func=str.capitalize,
                key="modality_filter",
                help="What kind of data a method learns from.",
            )
        first, last = years[0], years[-1]
        if first < last:
            how = {"key": "year_filter", "width": 260, "help": "When the paper came out."}
            first, last = st.slider("Years", first, last, (first, last), 1, **how)
    return [
        card
        for card in cards
        if (not family or card.family in family)
        and (not modality or card.modality in modality)
        and first <= card.year <= last
    ]


def _choice(names: list[str]) -> str:
    """The method to open: the one in the address, the one clicked, or the first."""
    if st.session_state.get("shown_method") not in names:
        st.session_state["shown_method"] = FIRST if FIRST in names else names[0]
    st.pills(
        "Method",
        names,
        format_func=lambda name: methods()[name].card.title,
        required=True,
        key="shown_method",
        on_change=_remember,
        help="Open a method. Its address can be shared.",
    )
    return st.session_state["shown_method"]


def _remember() -> None:
    """Callback: the chosen method belongs into the address."""
    st.query_params["method"] = st.session_state["shown_method"]


def _map(cards: list[Card]) -> None:
    """Families by years; a click on a point opens the method."""
    order = list(methods())
    figure = field_map(cards, order)
    lines = figure.layout["yaxis"]["range"]
    height = round(60 + LANE * (lines[0] - lines[1]))
    version = "map:" + ",".join(card.id for card in cards)
    clicked = live_chart(figure, key="field_map", version=version, height=height).clicked
    if clicked in range(len(order)):
        st.session_state["shown_method"] = order[clicked]
        _remember()


def field_map(cards: Iterable[Card], order: list[str]) -> Figure:
    """Methods as points, a band per family, the years that occur from left to right.

    Args:
        order: ids of all methods; a point's number is its place there.
    """
    cards = list(cards)
    years = sorted({card.year for card in cards})
    traces, names, middles, low = [], [], [], 0
    for family in (name for name in FAMILIES if any(card.family == name for card in cards)):
        own = sorted((card for card in cards if card.family == family), key=lambda card: card.year)
        columns = [years.index(card.year) for card in own]
        placed = lanes(columns, [len(card.title) for card in own], len(years))
        traces.append(
            {
                "type": "scatter",
                "mode": "markers+text",
                "name": FAMILIES[family],
                "x": columns,
                "y": [low + lane for lane in placed],
                "text": [card.title for card in own],
                "textposition": "middle right",
                "textfont": {"color": "@text", "size": 12},
                "customdata": [order.index(card.id) for card in own],
                "hoverinfo": "none",
                "marker": {"color": f"@{list(FAMILIES).index(family)}", "size": 11},
                "showlegend": False,
                "cliponaxis": False,
            }
        )
        names.append(FAMILIES[family])
        middles.append(low + max(placed) / 2)
        low += max(placed) + 1 + BAND
    layout = {
        "xaxis": {
            "range": [-0.4, len(years) + 0.4],
            "tickvals": list(range(len(years))),
            "ticktext": [str(year) for year in years],
        },
        "yaxis": {
            "tickvals": middles,
            "ticktext": names,
            "range": [low - BAND - 0.3, -0.7],
            "showgrid": False,
        },
        "dragmode": False,
        "hovermode": "closest",
    }
    said = "; ".join(f"{card.title} {card.year}, {FAMILIES[card.family]}" for card in cards)
    return Figure(traces, layout, f"Methods by family and year: {said}.")


def lanes(columns: list[int], letters: list[int], count: int) -> list[int]:
    """For labels that begin in these columns, in rising order, the first lane in which each has room.

    Args:
        letters: lengths of the labels.
        count: number of columns that share the width of the map.
    """
    ends: list[float] = []
    found = []
    for column, length in zip(columns, letters, strict=True):
        lane = next((i for i, end in enumerate(ends) if end <= column), len(ends))
        ends[lane : lane + 1] = [column + (length * LETTER + MARKER) * (count + 0.8) / WIDTH]
        found.append(lane)
    return found
