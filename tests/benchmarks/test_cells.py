import json
from dataclasses import replace

import pytest

from benchmarks import break_it, cells, one_minute, ten_minutes
from benchmarks.cells import (
    Store,
    fill,
    gains,
    has_what_it_takes,
    measure,
    remarks,
    rows,
    spread,
    thrown,
    timed_run,
)
from benchmarks.common import portable
from sslcore.errors import UserError
from sslcore.registry import get_method, methods
from sslcore.settings import RunSettings
from tests.conftest import make_data, tiny_settings

MINUTE = {"seconds": 60.0}


def cell(method: str, seed: int = 0, knn: float | None = 0.5, **more) -> dict:
    return {
        "method": method, "seed": seed, "knn": knn, "linear": knn, "steps": 100, "seconds": 60.0,
        "data": "folder:photos.zip", "baselines": {"pixels_knn": 0.3}, "ended": "budget",
        "collapse": {"verdict": "healthy"}, "machine": "an old laptop", **more,
    }  # fmt: skip


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "store.json")


@pytest.fixture
def measured(monkeypatch) -> list[tuple[str, int, str]]:
    """What would have been trained."""
    asked = []

    def pretend(settings, data):
        asked.append(cells.key_of(settings))
        method, seed, switch = asked[-1]
        return cell(method, seed, switch=switch)

    monkeypatch.setattr(cells, "measure", pretend)
    return asked


def runs(*names: str, seeds: int = 2) -> list:
    return [timed_run(name, make_data(), 60.0, seed) for name in names for seed in range(seeds)]


def test_what_is_there_is_not_measured_again(store, measured, tiny):
    assert not fill(store, "photos", MINUTE, runs("simclr")[:1], tiny)
    assert not fill(store, "photos", MINUTE, runs("simclr", "byol"), tiny)
    assert measured == [("simclr", 0, ""), ("simclr", 1, ""), ("byol", 0, ""), ("byol", 1, "")]
    assert [cells.key(c) for c in store.cells("photos")] == measured


def test_a_cell_is_kept_as_soon_as_it_is_measured(store, measured, tiny, monkeypatch):
    pretend = cells.measure

    def cut_short(settings, data):
        if settings.machine.seed == 1:
            raise KeyboardInterrupt
        return pretend(settings, data)

    monkeypatch.setattr(cells, "measure", cut_short)
    with pytest.raises(KeyboardInterrupt):
        fill(store, "photos", MINUTE, runs("simclr"), tiny)
    assert [cells.key(c) for c in store.cells("photos")] == [("simclr", 0, "")]


def test_a_cell_that_cannot_be_measured_does_not_cost_the_others(store, measured, tiny, monkeypatch):
    pretend = cells.measure

    def fail(settings, data):
        if settings.method == "byol":
            raise RuntimeError("no convergence")
        return pretend(settings, data)

    monkeypatch.setattr(cells, "measure", fail)
    failed = fill(store, "photos", MINUTE, runs("simclr", "byol", "vicreg"), tiny)
    assert failed.startswith("2 of 6 runs failed: BYOL") and "no convergence" in failed
    assert {cell["method"] for cell in store.cells("photos")} == {"simclr", "vicreg"}


def test_fresh_forgets_only_what_it_measures(store, measured, tiny):
    fill(store, "photos", MINUTE, runs("simclr", "byol"), tiny)
    measured.clear()
    fill(store, "photos", MINUTE, runs("byol"), tiny, fresh=True)
    assert measured == [("byol", 0, ""), ("byol", 1, "")] and len(store.cells("photos")) == 4


def test_what_is_to_be_measured_anew_stays_until_it_is(store, measured, tiny, monkeypatch):
    fill(store, "photos", MINUTE, runs("byol"), tiny)

    def cut_short(settings, data):
        raise KeyboardInterrupt

    monkeypatch.setattr(cells, "measure", cut_short)
    with pytest.raises(KeyboardInterrupt):
        fill(store, "photos", MINUTE, runs("byol"), tiny, fresh=True)
    assert len(store.cells("photos")) == 2


@pytest.mark.parametrize("name", methods())
def test_a_run_knows_which_switch_was_thrown(name):
    assert thrown(RunSettings.build(name)) == ""
    for switch in get_method(name).card.switches:
        assert thrown(RunSettings.build(name, **switch.values)) == switch.title


def test_a_method_broken_is_another_cell_than_the_method_whole(store, measured, tiny):
    broken = timed_run("simclr", tiny, 60.0, 0, temperature=5.0)
    fill(store, "photos", MINUTE, [*runs("simclr")[:1], broken], tiny)
    fill(store, "photos", MINUTE, [broken], tiny)
    assert measured == [("simclr", 0, ""), ("simclr", 0, "temperature = 5")]


def test_switches_are_published_beside_their_method_unbroken(store, tmp_path):
    whole = Store(tmp_path / "whole.json")
    whole.save("photos", MINUTE, [cell("simclr", 0, 0.6, loss=1.0), cell("simclr", 1, 0.8, loss=2.0)])
    store.save("photos", MINUTE, [cell("simclr", knn=0.1, loss=6.25, switch="temperature = 5")])
    break_it.publish(store, whole, tmp_path)
    page = (tmp_path / "break_it_photos.md").read_text()
    assert (
        "| SimCLR | temperature = 5 | 0.700 ± 0.141 / 0.700 ± 0.141 | 0.100 / 0.100 | 1.5 → 6.25 | healthy |"
        in page
    )
    assert page.count("SimCLR") == 1
    store.save("photos", {"seconds": 5.0}, [cell("simclr", switch="temperature = 5", ended="diverged")])
    break_it.publish(store, whole, tmp_path)
    page = (tmp_path / "break_it_photos.md").read_text()
    assert "| SimCLR | temperature = 5 | – / – | 0.500 / 0.500 | – → – | diverged |" in page


def test_a_table_is_measured_under_one_condition(store, measured, tiny, unlabelled):
    fill(store, "photos", MINUTE, runs("simclr"), tiny)
    with pytest.raises(UserError, match=r"seconds 60.0, not 5.0"):
        fill(store, "photos", {"seconds": 5.0}, runs("byol"), tiny)
    with pytest.raises(UserError, match="folder per class"):
        fill(store, "photos", MINUTE, runs("byol"), unlabelled)


def test_a_real_run_makes_a_cell(tiny):
    made = measure(tiny_settings("simclr", data="folder:/home/me/photos.zip", steps=3), tiny)
    assert made["steps"] == 3 and 0 <= made["knn"] <= 1 and made["ended"] == "budget"
    assert made["data"] == "folder:photos.zip"
    json.dumps(made)


def test_a_run_that_its_method_breaks_off_is_a_cell_too(tiny, monkeypatch):
    def refuse(method, views):
        raise UserError("The embeddings cannot be whitened.")

    monkeypatch.setattr("sslcore.methods.contrastive.simclr.SimCLR.loss", refuse)
    made = measure(tiny_settings("simclr"), tiny)
    assert made["ended"] == "failed" and "whitened" in made["message"]


def test_methods_that_learn_from_bags_need_data_that_have_some(tiny):
    bare = replace(tiny, train=replace(tiny.train, bags=None))
    for name, bags in (("simclr", False), ("micle", True), ("hybrid", False)):
        assert has_what_it_takes(tiny, tiny_settings(name))
        assert has_what_it_takes(bare, tiny_settings(name)) != bags
    assert not has_what_it_takes(bare, tiny_settings("hybrid", mix="simclr,micle"))


def test_rows_are_means_over_seeds_best_first():
    found = rows([cell("simclr", 0, 0.6), cell("simclr", 1, 0.8), cell("byol", 0, 0.75)])
    assert [(row["id"], row["seeds"]) for row in found] == [("byol", 1), ("simclr", 2)]
    assert found[1]["kNN"] == "0.700 ± 0.141" and found[0]["kNN"] == "0.750"
    assert spread([]) == "–"


def test_a_row_says_what_its_network_reached_untrained():
    before = [{"random_knn": 0.2, "random_linear": 0.4}, {"random_knn": 0.3, "random_linear": 0.5}]
    found = rows([cell("mae", seed, baselines=b) for seed, b in enumerate(before)] + [cell("simclr")])
    assert {row["id"]: row["untrained"] for row in found} == {"mae": "0.250 / 0.450", "simclr": "–"}


def test_runs_that_went_wrong_are_told():
    wrong = [
        cell("byol", 1, ended="diverged"),
        cell("simsiam", collapse={"verdict": "complete"}),
        cell("mae"),
    ]
    assert remarks(wrong) == "Diverged: byol (seed 1). Collapsed at the end: simsiam (seed 0)."
    assert remarks([cell("mae")]) == ""


def test_gains_are_told_where_they_are_not_by_neighbours():
    def seeds(method, knn, linear):
        before = {"random_knn": 0.3, "random_linear": 0.4}
        return [cell(method, s, knn + s / 100, linear=linear + s / 100, baselines=before) for s in range(3)]

    assert gains(seeds("simclr", 0.5, 0.6) + seeds("random", 0.3, 0.4)) == ""
    mixed = seeds("simclr", 0.5, 0.6) + seeds("mae", 0.3, 0.5) + seeds("msn", 0.305, 0.405)
    assert gains(mixed) == (
        "Beats its untrained network by twice the spread by the linear probe alone: mae; by neither: msn."
    )
    assert gains([cell("mae")]) == "", "a single seed has no spread"


def test_a_minute_is_published_from_the_store_alone(store, tmp_path):
    store.save("photos", {**MINUTE, "images": 5000}, [cell("simclr", s, 0.7) for s in range(3)])
    one_minute.publish(store, tmp_path, tmp_path / "app.json")
    page = (tmp_path / "one_minute_photos.md").read_text()
    assert "0.700 ± 0.000" in page and "an old laptop" in page and "kNN 0.300" in page
    assert "5,000 training images" in page
    assert "--data folder:photos.zip --name photos --seconds 60 --seeds 3" in page
    shown = json.loads((tmp_path / "app.json").read_text())["photos"]
    assert shown["rows"][0]["knn_mean"] == pytest.approx(0.7)
    with pytest.raises(UserError, match="leave out --publish"):
        one_minute.publish(Store(tmp_path / "none.json"))


def test_what_was_not_run_on_a_gpu_says_so(store):
    lines = ten_minutes.on_gpu(None)
    assert [row["id"] for row in lines] == list(ten_minutes.ON_GPU)
    assert {row["kNN"] for row in lines} == {"not run"}
    store.save("photos, GPU", {"epochs": 100, "images": 64}, [cell("byol", 0, 0.9, seconds=120.0)])
    byol, *others = ten_minutes.on_gpu(store.tables()["photos, GPU"])
    assert (byol["kNN"], byol["minutes"]) == ("0.900", 2.0)
    assert len(others) == 3


def test_ten_minutes_are_published_from_the_store_alone(store, tmp_path):
    pixels = {
        "method": "pixels",
        "seed": 0,
        "knn": 0.3,
        "linear": 0.4,
        "steps": 0,
        "seconds": 0.0,
        "data": "photos",
    }
    store.save("photos", {"seconds": 600.0, "images": 20_000}, [cell("mae", knn=0.6), cell("random"), pixels])
    store.save("more", {"epochs": 100, "images": 64}, [])
    ten_minutes.publish(store, tmp_path)
    page = (tmp_path / "ten_minutes_photos.md").read_text()
    assert "| Masked autoencoder | mae | vit, width 96, 10 min | 0.600 | 0.600 |" in page
    assert "| Raw pixels | pixels | – | 0.300 | 0.400 |" in page
    assert "20,000 training images" in page and page.count("not run") == 2 * len(ten_minutes.ON_GPU)
    assert not (tmp_path / "ten_minutes_more.md").exists()


def test_a_part_of_the_data_is_balanced_and_held_out_images_stay(tiny):
    part = ten_minutes.part(tiny, 20)
    assert part.train.labels.bincount().tolist() == [5, 5, 5, 5] and len(part.test) == len(tiny.test)
    assert ten_minutes.part(tiny, 100) is tiny


@pytest.mark.parametrize(
    ("word", "told"),
    [("folder:/home/me/a.zip", "folder:a.zip"), ("toybox", "toybox"), ("/usr/bin/python", "python")],
)  # fmt: skip
def test_commands_name_no_folder_of_a_machine(word, told):
    assert portable(word) == told
