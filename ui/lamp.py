"""The collapse lamp: a colour, a word, and what is behind it."""

from dataclasses import dataclass

import streamlit as st

from sslcore.runs import RunView
from ui.texts import number, plain


@dataclass(frozen=True)
class Light:
    """How a verdict looks and what it means."""

    color: str  # a Streamlit colour
    icon: str
    word: str
    meaning: str


LIGHTS = {
    "": Light(
        "gray",
        ":material/hourglass_empty:",
        "Not measured yet",
        "The first look comes before the first step.",
    ),
    "unknown": Light("gray", ":material/help:", "Cannot be measured", "There is nothing to compare yet."),
    "healthy": Light(
        "green",
        ":material/check_circle:",
        "Healthy",
        "Different images get different embeddings. This says nothing yet about whether they are useful: "
        "that is what accuracy is for.",
    ),
    "partial": Light(
        "orange",
        ":material/warning:",
        "Partial collapse",
        "The embeddings use few of their dimensions: the network throws information away that it had.",
    ),
    "complete": Light(
        "red",
        ":material/error:",
        "Complete collapse",
        "All embeddings have fallen to one point or onto a single line: images can hardly be told apart, "
        "however good the loss looks.",
    ),
}
FIGURES = (
    (
        "std",
        "Spread",
        "Normalised standard deviation: 1 on the whole sphere, 0 when all embeddings coincide.",
    ),
    (
        "cosine",
        "Mean cosine",
        "Between different images: 0 on the whole sphere, 1 when all point the same way.",
    ),
    ("rank_me", "Effective rank", "RankMe: how many dimensions the embeddings really use."),
)


def draw_figures(view: RunView) -> None:
    """The figures by which collapse is judged, with their change since before training."""
    for name, title, meaning in FIGURES:
        values = [row["figures"].get(name) for row in view.diagnoses]
        known = [value for value in values if value is not None]
        change = f"from {number(known[0])}" if len(known) > 1 else None
        now = number(known[-1] if known else None)
        how = {"delta_color": "off", "delta_arrow": "off", "border": True, "height": "stretch"}
        st.metric(title, now, change, help=meaning, **how)


def draw_lamp(view: RunView) -> None:
    """The verdict in colour and words, the reasons, and what they mean."""
    light = LIGHTS.get(view.verdict, LIGHTS["unknown"])
    reasons = " ".join(plain(reason) for reason in view.diagnoses[-1]["reasons"]) if view.diagnoses else ""
    told = "The lamp and the figures behind it."
    top = {"horizontal": True, "horizontal_alignment": "distribute", "vertical_alignment": "center"}
    with st.container(border=True, gap="xsmall"):
        with st.container(**top):
            st.markdown(f":{light.color}-badge[{light.icon} **{light.word}**]", width="content")
            with st.popover("What this means", type="tertiary", help=told, key="lamp"):
                st.markdown(light.meaning)
                for _, title, meaning in FIGURES:
                    st.markdown(f"- **{title}.** {meaning}")
        st.caption(reasons or light.meaning)
