"""What the home page shows: the start button, the map of methods, runs going on, runs that are over."""

import streamlit as st

from sslcore.registry import FAMILIES, Card, methods
from ui import controls
from ui.benchmark import published
from ui.jobs import manager
from ui.live import STATES
from ui.records import Record, records
from ui.shell import ROOT, pages
from ui.texts import percent, plain
from ui.train_form import default_settings

SHOWN = ("method", "kNN", "linear", "untrained", "steps", "seeds")
SHEET = ROOT / "assets" / "toybox.png"


def watch_it_learn() -> None:
    """The big button: starts the default run at once and goes to it."""
    pressed = st.button(
        "Watch it learn",
        type="primary",
        icon=":material/play_arrow:",
        key="watch_it_learn",
        help="Starts SimCLR on Toybox for 60 seconds; it waits if another run is going.",
    )
    if pressed:
        run = controls.start(default_settings())
        if run:
            st.switch_page(pages()["train"], query_params={"run": run})
    controls.problem()


def toybox_picture() -> None:
    """What the default data look like."""
    alt = (
        "Toybox: small drawings of toys such as houses, fish and rockets in places such as a beach or a room."
    )
    st.image(str(SHEET), alt=alt, width="stretch")
    st.caption("Toybox, drawn on this machine: the network sees such pictures, but never their names.")


def method_map() -> None:
    """All methods, a card per family, oldest first; each leads to its page."""
    families: dict[str, list[Card]] = {}
    for method in methods().values():
        families.setdefault(method.card.family, []).append(method.card)
    target = pages()["methods"]
    with st.grid(min_column_width=250, gap="small"):
        for family, cards in families.items():
            with st.container(border=True, gap="xsmall", height="stretch"):
                st.markdown(f"**{FAMILIES[family]}**")
                for card in cards:
                    label = f"{card.title} :gray[:small[{card.year}]]"
                    st.page_link(target, label=label, query_params={"method": card.id}, help=card.idea)


def one_minute_table() -> None:
    """What every method reaches in a minute, where that was measured."""
    measured = published()
    if not measured:
        return
    st.subheader("What one minute teaches")
    for tab, (data, part) in zip(st.tabs(list(measured)), measured.items(), strict=True):
        with tab:
            shown = [{name: row[name] for name in SHOWN} for row in part["rows"]]
            st.dataframe(shown, hide_index=True, alt=f"Accuracy of each method after one minute on {data}")
            st.caption(
                f"{part['seconds']:.0f} s of training on {part['images']:,} images; mean ± standard deviation "
                "over seeds, on held-out images. Untrained: kNN and linear accuracy of the same network before its "
                f"first step. Neighbours of raw pixels reach {part['pixels_knn']:.3f}. "
                f"`{part['command']}` on {part['machine']}."
            )


def runs_now_and_then() -> None:
    """Runs in progress and the latest that are over."""
    found = records(manager().root)
    going = [record for record in found if record.active]
    over = [record for record in found if not record.active and record.knn is not None][:6]
    for title, chosen in (("In progress", going), ("Latest runs", over)):
        if chosen:
            st.subheader(title)
            with st.grid(min_column_width=260, gap="small"):
                for record in chosen:
                    _run_card(record)


def _run_card(record: Record) -> None:
    color, word = STATES.get(record.state, ("gray", record.state))
    with st.container(border=True, gap="xsmall"):
        link = {"run": record.id}
        st.page_link(pages()["train"], label=plain(record.label), query_params=link, help="Open this run.")
        figures = f"kNN {percent(record.knn)} · linear {percent(record.linear)}"
        st.markdown(f":{color}-badge[{word}] :small[{figures}]")
