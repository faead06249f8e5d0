import pytest
import torch

from sslcore.diagnostics import energy_report, train_landscape
from sslcore.runs.history import History, RunView
from ui.energy import NONE, energy_figure, separation_figure
from ui.landscape import landscape_figure

DRAWN = (energy_figure, separation_figure)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def history(*energies) -> RunView:
    kept = History()
    for step, energy in enumerate(energies):
        row = {
            "event": "diagnosis",
            "step": 10 * step,
            "seconds": 0.0,
            "verdict": "healthy",
            "energy": energy,
        }
        kept.append(row | {"figures": {}, "reasons": [], "spectrum": []})
    return kept.view()


def reading(noise: float) -> dict:
    z = normal(40, 8)
    return energy_report(z, z + noise * normal(40, 8, seed=1)).as_dict()


def named(figure) -> dict[str, dict]:
    return {trace["name"]: trace for trace in figure.traces}


def test_histograms_of_both_kinds_are_outlines_over_the_whole_range():
    last = reading(0.1)
    traces = named(energy_figure(history(reading(3.0), last)))
    assert set(traces) == {"two views", "different images", "different, before training"}
    outline = traces["two views"]
    assert (outline["x"][0], outline["x"][-1], outline["line"]["shape"]) == (0, 2, "hv")
    assert outline["y"][:-1] == pytest.approx(last["compatible_histogram"], abs=1e-4)
    assert outline["y"][-1] == outline["y"][-2]


def test_before_training_there_is_one_reading_only():
    assert len(energy_figure(history(reading(1.0))).traces) == 2


def test_energies_and_auc_are_curves_over_steps():
    first, last = reading(3.0), reading(0.1)
    traces = named(separation_figure(history(first, last)))
    assert traces["told apart (AUC)"]["x"] == [0, 10]
    assert traces["told apart (AUC)"]["y"] == pytest.approx([first["auc"], last["auc"]], abs=1e-4)
    assert traces["two views"]["y"][1] < traces["different images"]["y"][1]


@pytest.mark.parametrize("draw", DRAWN)
def test_without_energies_there_is_a_sentence(draw):
    assert draw(history(None)).alt == NONE
    older = history(None).diagnoses[0]
    del older["energy"]  # as in a run that was recorded before energies were
    assert draw(RunView(diagnoses=(older,))).alt == NONE
    assert draw(RunView()).traces == [] and draw(RunView()).alt.endswith(".")


@pytest.mark.parametrize("draw", DRAWN)
def test_every_figure_says_in_words_what_it_shows(draw):
    assert any(letter.isdigit() for letter in draw(history(reading(1.0))).alt)


def test_a_landscape_is_a_heat_map_under_its_curve():
    found = train_landscape("simclr", steps=1, resolution=7)
    plane, curve = landscape_figure(found, high=1.5).traces
    assert plane["type"] == "heatmap" and len(plane["x"]) == len(plane["z"]) == 7
    assert plane["z"][2][5] == pytest.approx(found.energy[2, 5].item(), abs=1e-3)
    assert curve["x"][0] == -1 and curve["y"][0] == 1
