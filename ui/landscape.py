"""Energy landscapes on the Methods page: what a loss makes of a plane, beside what pulling alone makes of it."""

import streamlit as st

from sslcore.diagnostics import CURVES, PULL, TOY_LOSSES, Landscape, train_landscape
from ui.figures import axes
from ui.plotly_live import Figure, live_chart
from ui.texts import number

HIGH = 1.5  # energies above share a colour
TITLES = {"parabola": "y = 2x² − 1", "circle": "x² + y² = 1"}
HEIGHT = 360


def draw_landscape(name: str) -> None:
    """The section of a method whose loss has a landscape; nothing for others."""
    if name not in TOY_LOSSES:
        return
    st.subheader("Its energy on a toy", anchor=False)
    st.caption(
        "Numbers x and y belong together where they lie on a curve. Two tiny networks learn that under this loss; "
        "the colour is the energy 1 − cos(z_x, z_y) of every pair of numbers. A groove along the curve: only what "
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
                     help="Trains the tiny networks here and now: a second or two."):  # fmt: skip
            st.session_state["_shaped"] = name
    if st.session_state.get("_shaped") != name:
        return
    sides = ((name, "**This loss**"), (PULL, "**Pulling together alone**"))
    for column, (loss, title) in zip(st.columns(2, gap="medium"), sides, strict=True):
        with column:
            st.markdown(title)
            figure, side = landscape_figure(_trained(loss, curve)), "pull" if loss == PULL else "method"
            live_chart(figure, key=f"landscape_{side}", version=f"{loss}:{curve}", height=HEIGHT)
            st.caption(figure.alt)


def landscape_figure(found: Landscape) -> Figure:
    """The energy over the plane in colours, the curve on top."""
    side = [round(float(v), 3) for v in found.side]
    plane = {
        "type": "heatmap",
        "name": "energy",
        "x": side,
        "y": side,
        "z": [[round(float(v), 3) for v in row] for row in found.energy],
        "zmin": 0,
        "zmax": HIGH,
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
        f"where they do not, AUC {number(report.auc)}. Standard deviation over the plane: {number(found.relief)}."
    )
    return Figure([plane, curve], layout, words)


@st.cache_resource(max_entries=32, show_spinner="Two tiny networks are learning …")
def _trained(loss: str, curve: str) -> Landscape:
    return train_landscape(loss, curve=curve)
