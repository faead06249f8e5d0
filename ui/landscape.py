"""Energy landscapes on the Methods page: what a loss makes of a plane, beside what pulling alone makes of it."""

import streamlit as st

from sslcore.diagnostics import COPY, CURVES, PULL, TOYS, Landscape, plain_of, train_landscape
from ui.figures import axes
from ui.plotly_live import Figure, live_chart
from ui.texts import number

TITLES = {"parabola": "y = 2x² − 1", "circle": "x² + y² = 1"}
HEIGHT = 360

#: By what holds nothing up: its title, what the two kinds of toys do, and the energy above which all share a colour.
KINDS = {
    PULL: (
        "**Pulling together alone**",
        "Two tiny networks learn that under this loss; the colour is the energy 1 − cos(z_x, z_y) of every pair of "
        "numbers.",
        1.5,
    ),
    COPY: (
        "**Room to copy whatever comes**",
        "A tiny network learns to send such pairs through a code and back; the colour is the energy of every pair of "
        "numbers, the squared distance at which it comes back.",
        0.5,
    ),
}


def draw_landscape(name: str) -> None:
    """The section of a method whose loss has a landscape; nothing for others."""
    if name not in TOYS:
        return
    plain = plain_of(name)
    beside, how, high = KINDS[plain]
    st.subheader("Its energy on a toy", anchor=False)
    st.caption(
        f"Numbers x and y belong together where they lie on a curve. {how} A groove along the curve: only what "
        "belongs together is compatible. A plain: everything is, and nothing has been learned."
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        curve = st.segmented_control(
            "Curve",
            list(CURVES),
            default="parabola",
            required=True,
            key="toy_curve",
            format_func=lambda curve: TITLES.get(curve, curve),
            help="Which numbers belong together.",
        )
        if st.button("Shape it", icon=":material/landscape:", key="shape_it",
                     help="Trains them here and now: a second or two."):  # fmt: skip
            st.session_state["_shaped"] = name
    if st.session_state.get("_shaped") != name:
        return
    sides = (("method", name, "**This loss**"), ("plain", plain, beside))
    for column, (side, loss, title) in zip(st.columns(2, gap="medium"), sides, strict=True):
        with column:
            st.markdown(title)
            figure = landscape_figure(_trained(loss, curve), high)
            live_chart(figure, key=f"landscape_{side}", version=f"{loss}:{curve}", height=HEIGHT)
            st.caption(figure.alt)


def landscape_figure(found: Landscape, high: float) -> Figure:
    """The energy over the plane in colours, those above ``high`` alike, the curve on top."""
    side = [round(float(v), 3) for v in found.side]
    plane = {
        "type": "heatmap",
        "name": "energy",
        "x": side,
        "y": side,
        "z": [[round(float(v), 3) for v in row] for row in found.energy],
        "zmin": 0,
        "zmax": high,
        "colorscale": "Viridis",
        "colorbar": {"title": {"text": "energy"}, "thickness": 12},
        "hovertemplate": "x %{x:.2f}, y %{y:.2f}: energy %{z:.2f}<extra></extra>",
    }
    curve = {
        "type": "scatter",
        "mode": "lines",
        "name": "belongs together",
        "x": [round(float(v), 3) for v in found.curve[:, 0]],
        "y": [round(float(v), 3) for v in found.curve[:, 1]],
        "line": {"color": "white", "width": 2, "dash": "dot"},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    layout = axes("x", "y")
    layout["yaxis"] |= {"scaleanchor": "x", "constrain": "domain"}
    layout["xaxis"] |= {"constrain": "domain"}
    report = found.report
    words = (
        f"Mean energy {number(report.compatible)} where x and y belong together, {number(report.incompatible)} "
        f"where they do not, AUC {number(report.auc)}. Standard deviation over the plane: {number(found.relief)}; "
        f"barrier on the straight way between two points of the curve: {number(found.barrier)}."
    )
    return Figure([plane, curve], layout, words)


@st.cache_resource(max_entries=32, show_spinner="Tiny networks are learning …")
def _trained(loss: str, curve: str) -> Landscape:
    return train_landscape(loss, curve=curve)
