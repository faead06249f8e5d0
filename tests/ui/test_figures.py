from math import log

import numpy as np
import pytest

from sslcore.runs.history import Curve, History, RunView
from sslcore.settings import RunSettings
from ui import figures

SETTINGS = RunSettings.build("simclr", batch_size=8)


def history(steps: int = 20) -> RunView:
    kept = History()
    kept.append(
        {
            "event": "baselines",
            "step": 0,
            "seconds": 0.0,
            "pixels_knn": 0.5,
            "random_knn": 0.2,
            "random_linear": None,
            "chance": 0.1,
        }
    )
    for step in (0, steps):
        kept.append(
            {
                "event": "evaluation",
                "step": step,
                "seconds": step / 10,
                "knn": 0.2 + step / 100,
                "linear": None,
                "gradient_norms": {"a_term": 1.0},
            }
        )
        kept.append(
            {
                "event": "diagnosis",
                "step": step,
                "seconds": step / 10,
                "verdict": "healthy",
                "figures": {"std": 0.5, "cosine": 0.5, "rank_fraction": 0.3, "rank_me": 9.0},
                "reasons": [],
                "spectrum": [2.0, 1.0, 0.0],
            }
        )
    for step in range(1, steps + 1):
        kept.append(
            {
                "event": "step",
                "step": step,
                "seconds": step / 10,
                "fraction": step / steps,
                "loss": 5 / step,
                "terms": {"a_term": 4 / step, "b_term": 1 / step},
                "metrics": {},
                "learning_rate": 0.1,
                "gradient_norm": 1.0,
                "images_per_second": 100.0,
            }
        )
    return kept.view()


def named(figure: figures.Figure) -> dict[str, dict]:
    return {trace["name"]: trace for trace in figure.traces}


def test_references_that_coincide_share_a_line():
    references = figures.loss_references(SETTINGS)
    assert references["chance = collapse"] == pytest.approx(log(15))
    assert references["best"] < references["chance = collapse"]


def test_loss_is_drawn_against_its_references():
    traces = named(figures.loss_figure(history(), SETTINGS))
    assert {"each step", "loss", "chance = collapse", "best"} <= traces.keys()
    assert traces["each step"]["y"][:2] == [5.0, 2.5]
    assert traces["chance = collapse"]["y"] == [pytest.approx(log(15), rel=1e-4)] * 3


def test_accuracy_is_drawn_against_what_was_measured():
    traces = named(figures.accuracy_figure(history(), ceiling=0.9))
    assert traces["kNN"]["y"] == [0.2, pytest.approx(0.4)]
    assert traces["raw pixels"]["y"][0] == 0.5 and traces["supervised"]["y"][0] == 0.9
    assert "linear probe" not in traces and "untrained, linear" not in traces


def test_curves_differ_by_more_than_their_colour():
    curves = [figures.line([0, 1], [0, 1], str(order), f"@{order}") for order in range(8)]
    assert len({(curve["line"]["dash"], curve["marker"]["symbol"]) for curve in curves}) == 8
    assert "dot" not in {curve["line"]["dash"] for curve in curves}  # those are references


def sides(references: dict[str, float], **how) -> dict[str, str]:
    traces = figures.levels(references, 100, **how)
    return {trace["name"]: trace["textposition"].split()[0] for trace in traces}


@pytest.mark.parametrize("side", ["top", "bottom"])
def test_of_two_near_references_the_upper_is_named_above_and_the_lower_below(side):
    found = sides({"lower": 0.441, "upper": 0.468, "far": 0.993}, side=side)
    assert found == {"lower": "bottom", "upper": "top", "far": side}


def test_no_name_lies_on_the_numbers_of_the_axis():
    assert sides({"chance": 0.01, "far": 0.9}, side="bottom") == {"chance": "top", "far": "bottom"}
    ends = [trace["x"][1] for trace in figures.levels({str(i): i / 9 for i in range(9)}, 100)]
    assert min(ends) >= 40, "names end there, and are that long"


def test_terms_have_a_curve_each():
    assert named(figures.terms_figure(history())).keys() == {"a term", "b term"}


def test_counts_beside_shares_have_an_axis_of_their_own():
    curves = {
        f"metric/{name}": Curve(np.arange(3), np.full(3, value, dtype=np.float32))
        for name, value in {"accuracy": 0.5, "rare": 0.005, "groups": 60.0, "nothing": 0.0}.items()
    }
    figure = figures.metrics_figure(RunView(curves=curves))
    assert {name: trace.get("yaxis", "y") for name, trace in named(figure).items()} == {
        "accuracy": "y", "rare": "y", "groups (right)": "y2", "nothing": "y",
    }  # fmt: skip
    assert figure.layout["yaxis2"]["side"] == "right"
    del curves["metric/groups"]
    assert "yaxis2" not in figures.metrics_figure(RunView(curves=curves)).layout


def test_spectrum_is_relative_to_its_largest_value():
    now = named(figures.spectrum_figure(history()))["now"]
    assert now["x"] == [1, 2, 3]
    assert now["y"][:2] == [1.0, 0.5] and now["y"][2] > 0


@pytest.mark.parametrize(
    "draw",
    [
        figures.terms_figure,
        figures.metrics_figure,
        figures.accuracy_figure,
        figures.collapse_figure,
        figures.spectrum_figure,
        figures.gradient_figure,
        figures.rate_figure,
    ],
)
def test_a_run_without_events_gives_a_sentence(draw):
    figure = draw(RunView())
    assert figure.traces == [] and figure.alt.endswith(".")


def test_every_figure_says_in_words_what_it_shows():
    view = history()
    for figure in (
        figures.loss_figure(view, SETTINGS),
        figures.accuracy_figure(view),
        figures.collapse_figure(view),
        figures.gradient_figure(view),
        figures.rate_figure(view),
    ):
        assert any(letter.isdigit() for letter in figure.alt)


def test_smoothing_keeps_a_constant_and_skips_gaps():
    assert figures.smooth([3.0] * 5) == pytest.approx([3.0] * 5)
    smoothed = figures.smooth([1.0, np.nan, 1.0])
    assert smoothed == pytest.approx([1.0, 1.0, 1.0])


def test_values_that_are_not_finite_become_gaps():
    assert figures.line([0, 1, 2], [1.0, np.nan, np.inf], "x", "@0")["y"] == [1.0, None, None]


def test_overlay_has_a_curve_for_each_run_that_measured():
    figure = figures.overlay_figure({"a": history(), "b": RunView()})
    assert named(figure).keys() == {"a"}
