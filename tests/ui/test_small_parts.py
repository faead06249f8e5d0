import base64
import io
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from sslcore.diagnostics import VERDICTS
from sslcore.errors import UserError
from sslcore.registry import methods
from sslcore.runs import RunFolder, RunView
from sslcore.settings import DataSettings, RunSettings
from ui import jobs, owner, summary
from ui.benchmark import published, supervised_knn
from ui.lamp import LIGHTS
from ui.pictures import THUMB, sprite_sheet
from ui.plotly_live import _literal
from ui.presets import presets_of
from ui.previews import Preview, PreviewService
from ui.run_files import delete_run
from ui.summary import comparison, verdict_sentence, what_command_does
from ui.trained import newest_checkpoint
from ui.viewers import note


@pytest.mark.parametrize("method", methods())
def test_every_preset_of_every_method_can_be_built(method):
    for preset in presets_of(method):
        settings = RunSettings.build(method, seed=9).change(**preset.values)
        assert all(settings[name] == value for name, value in preset.values.items())


def test_presets_have_plain_names_and_one_line_on_what_will_be_seen():
    known = {preset.title: preset for preset in presets_of("simclr")}
    lessons = {"Narrow encoder", "Wide encoder", "Tiny crops", "Wild colours", "High temperature"}
    assert lessons < known.keys() and not known["Narrow encoder"].breaks and known["Wide encoder"].breaks
    collapses = {"simsiam": "stop gradient off", "byol": "predictor off", "vicreg": "variance weight 0"}
    for method, title in collapses.items():
        assert next(p for p in presets_of(method) if p.title == title).breaks
    for preset in (preset for method in methods() for preset in presets_of(method)):
        assert "_" not in preset.title and 10 < len(preset.expect) < 130 and "\n" not in preset.expect


def test_a_preset_in_seconds_is_not_overruled_by_a_budget_in_steps():
    quick = next(preset for preset in presets_of("simclr") if preset.title == "Quick look")
    for budget in ({"steps": 500}, {"epochs": 3}):
        chosen = RunSettings.build("simclr", **budget).change(**quick.values)
        assert (chosen["seconds"], chosen["steps"], chosen["epochs"]) == (15, 0, 0)
    assert [preset.title for preset in presets_of("random")] == ["Defaults"], "it has nothing to train"


SHOWN_FOR = ("ibot", "swav", "emp_ssl", "rotation")


def test_lessons_are_shown_where_they_hold():
    titles = {name: {preset.title for preset in presets_of(name)} for name in SHOWN_FOR}
    assert "Narrow encoder" not in titles["ibot"] and "Tiny crops" in titles["ibot"]
    assert "High temperature" not in titles["swav"] and "Narrow encoder" in titles["swav"]
    assert "Tiny crops" not in titles["rotation"]
    assert "Tiny crops" not in titles["emp_ssl"] and "Wild colours" in titles["emp_ssl"]


def test_viewers_are_counted_and_forgotten():
    assert note("run", "a", 0.0) == 1
    assert note("run", "b", 1.0) == 2
    assert note("run", "b", 100.0) == 1


def view(knn: float, verdict: str = "healthy") -> RunView:
    return RunView(
        baselines={"pixels_knn": 0.5, "random_knn": 0.2, "random_linear": 0.3, "chance": 0.1},
        evaluations=({"step": 1, "knn": knn, "linear": None},),
        diagnoses=({"verdict": verdict},),
    )


@pytest.mark.parametrize(
    ("knn", "verdict", "words"),
    [
        (0.8, "healthy", "It learned."),
        (0.4, "healthy", "something"),
        (0.1, "healthy", "little"),
        (0.1, "complete", "collapsed"),
    ],
)
def test_the_summary_says_what_happened(knn, verdict, words):
    assert words in verdict_sentence(view(knn, verdict))


def test_the_comparison_names_the_ceiling_only_if_known():
    assert comparison(view(0.8))["kNN"] == ["80.0 %", "20.0 %", "50.0 %", "10.0 %"]
    assert "90.0 %" in comparison(view(0.8), 0.9)["kNN"]


def test_the_same_numbers_are_promised_only_where_they_come():
    by_steps, by_time = RunSettings.build("simclr", steps=9), RunSettings.build("simclr", seconds=9)
    turned = [{"values": {"temperature": 0.3, "learning_rate": 0.01}}, {"values": {"temperature": 0.5}}]
    assert "same numbers" in what_command_does(by_steps, ())
    assert "same settings" in what_command_does(by_time, ())
    told = what_command_does(by_steps, turned)
    assert "same settings" in told and "(temperature to 0.5, learning rate to 0.01)" in told


def test_a_sprite_sheet_holds_every_image_in_its_place():
    images = torch.tensor([0, 100, 200], dtype=torch.uint8).view(3, 1, 1, 1).expand(3, 3, 48, 48)
    kind, content = sprite_sheet(images, columns=2).split(",")
    sheet = Image.open(io.BytesIO(base64.b64decode(content)))
    assert kind == "data:image/webp;base64" and sheet.size == (2 * THUMB, 2 * THUMB)
    for index, grey in enumerate((0, 100, 200)):
        place = (index % 2 * THUMB + THUMB // 2, index // 2 * THUMB + THUMB // 2)
        assert sheet.convert("L").getpixel(place) == pytest.approx(grey, abs=4)


def test_names_from_users_are_no_tags_in_a_chart():
    assert _literal({"name": "<a href='x'>cats & dogs</a>", "x": [1]}) == {
        "name": "&lt;a href='x'>cats &amp; dogs&lt;/a>",
        "x": [1],
    }


def test_a_preview_is_made_once_per_checkpoint_even_if_it_fails(tmp_path, monkeypatch):
    made, service, folder = [], PreviewService(pause=0), RunFolder(tmp_path)

    def make(folder):
        made.append(newest_checkpoint(folder))
        if len(made) == 2:
            raise UserError("The images are gone.")
        return Preview(made[-1], ())

    monkeypatch.setattr("ui.previews.make_preview", make)
    folder.checkpoint.mkdir()
    assert service.latest(folder) is None and not service.behind(folder)
    for step in (5, 9):
        (folder.checkpoint / f"{step}.json").touch()
        assert service.behind(folder)
        for _ in range(2):
            service.latest(folder)
            service.wait()
        assert not service.behind(folder)
    assert made == [5, 9] and service.latest(folder).step == 5, "the one before stays"
    assert service.why_not(folder) == "The images are gone."


def test_the_ceiling_is_never_below_the_published_one(tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_PLAYGROUND_RUNS", str(tmp_path))
    monkeypatch.setattr(summary, "supervised_knn", lambda data: 0.9)
    for reached, best in ((0.2, 0.9), (0.95, 0.95)):
        weak = SimpleNamespace(knn=reached, method="supervised", state="finished", data=DataSettings())
        monkeypatch.setattr(summary, "records", lambda root, weak=weak: [weak])
        summary._ceiling.clear()
        assert summary.ceiling(RunSettings.build("simclr")) == best
    summary._ceiling.clear()
    jobs.reset()


@pytest.mark.parametrize("other", [{"image_size": 64}, {"style": "ink"}, {"data": "digits"}])
def test_the_ceiling_is_that_of_the_same_images(tmp_path, monkeypatch, other):
    monkeypatch.setenv("SSL_PLAYGROUND_RUNS", str(tmp_path))
    monkeypatch.setattr(summary, "supervised_knn", {"toybox": 0.9}.get)
    best = SimpleNamespace(knn=0.95, method="supervised", state="finished", data=DataSettings())
    monkeypatch.setattr(summary, "records", lambda root: [best])
    summary._ceiling.clear()
    assert summary.ceiling(RunSettings.build("simclr")) == 0.95
    assert summary.ceiling(RunSettings.build("simclr", **other)) is None
    best.data = DataSettings(**other)
    summary._ceiling.clear()
    assert summary.ceiling(RunSettings.build("simclr")) == 0.9
    assert summary.ceiling(RunSettings.build("simclr", **other)) == 0.95
    summary._ceiling.clear()
    jobs.reset()


def test_only_the_owner_deletes_and_only_what_is_over(tmp_path, monkeypatch):
    folder = RunFolder.create(tmp_path, RunSettings.build("simclr"), "me")
    monkeypatch.setattr(owner, "owner_key", lambda: "me")
    with pytest.raises(UserError, match="still queued"):
        delete_run(folder)
    folder.set_status(state="stopped")
    with monkeypatch.context() as another:
        another.setattr(owner, "owner_key", lambda: "you")
        with pytest.raises(UserError, match="another browser"):
            delete_run(folder)
    delete_run(folder)
    assert not folder.path.exists()


def test_every_verdict_has_a_light():
    assert set(LIGHTS) == {"", *VERDICTS}


def test_the_published_minute_is_of_methods_that_there_are():
    tables = published()
    assert tables and all(table["command"] and table["machine"] for table in tables.values())
    assert {row["id"] for table in tables.values() for row in table["rows"]} <= set(methods())


def test_a_ceiling_is_published_for_whole_datasets_only():
    assert 0.9 < supervised_knn("toybox") < 1
    assert supervised_knn("cifar10") is None, "measured on a part of it"
