import errno
import json
import os
import shutil
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch

from sslcore.errors import UserError
from sslcore.runs import (
    FolderHistory,
    History,
    RunFolder,
    all_runs,
    checkpoint,
    find_run,
    open_run,
    record,
    resume,
)
from sslcore.runs.folder import MOST_SNAPSHOTS, _born
from sslcore.runs.summary import summary
from sslcore.settings import RunSettings
from sslcore.training import Finished, Snapshot, Step, Trainer
from tests.conftest import make_data, tiny_settings


def run_to_the_end(tmp_path, tiny, **knobs) -> RunFolder:
    settings = tiny_settings(**knobs)
    folder = RunFolder.create(tmp_path, settings)
    list(record(Trainer(settings, tiny), folder))
    return folder


def rows(folder: RunFolder) -> list[dict]:
    timeless = ("seconds", "images_per_second")
    return [{k: v for k, v in row.items() if k not in timeless} for _, row in folder.rows()]


def test_a_finished_run_can_be_read_back(tmp_path, tiny):
    folder = run_to_the_end(tmp_path, tiny)
    assert folder.status()["state"] == "finished"
    assert open_run(folder.id, tmp_path).settings() == tiny_settings()
    view = FolderHistory(folder).view()
    assert view.step == 6 and view.finished["reason"] == "budget" and len(view.evaluations) == 3
    assert folder.snapshot_steps() == [0, 3, 6]
    shot = folder.snapshot(6)
    assert shot["features"].shape == (64, 32) and shot["features"].dtype == np.float16
    assert [run.id for run in all_runs(tmp_path)] == [folder.id]
    record = summary(folder.settings(), view, run="x")
    assert record["knn"] == view.evaluations[-1]["knn"] and json.dumps(record)


def test_live_and_recorded_history_agree_at_every_moment(tmp_path, tiny):
    settings, live = tiny_settings(), History()
    folder = RunFolder.create(tmp_path, settings)
    follower = FolderHistory(folder)
    for event in record(Trainer(settings, tiny), folder):
        live.append(json.loads(json.dumps(event.as_dict(), default=list)))
        assert follower.view().version == live.view().version
    ours, theirs = live.view(), FolderHistory(folder).view()
    assert ours.version == theirs.version and ours.evaluations == theirs.evaluations
    assert np.array_equal(ours.curves["loss"].value, theirs.curves["loss"].value)


def test_an_interrupted_run_resumes_to_the_same_metrics(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr("sslcore.runs.recorder.CHECKPOINT_SECONDS", 0.0)
    whole = run_to_the_end(tmp_path, tiny)
    settings = tiny_settings()
    folder = RunFolder.create(tmp_path, settings)
    for event in record(Trainer(settings, tiny), folder):
        if isinstance(event, Step) and event.step == 4:
            break
    folder.set_status(state="running", pid_note="left")
    status = json.loads((folder.path / "status.json").read_text())
    status["pid"] = 2**22 + 1  # nobody has this number
    (folder.path / "status.json").write_text(json.dumps(status))
    assert folder.status()["state"] == "interrupted"
    with open(folder.path / "metrics.jsonl", "ab") as file:
        file.write(b'{"event": "step", "st')  # cut off in the middle of a line
    list(record(resume(folder, tiny), folder))
    assert rows(folder) == rows(whole) and folder.status()["state"] == "finished"
    assert folder.snapshot_steps() == whole.snapshot_steps()


def test_a_stopped_run_resumes_to_the_same_metrics(tmp_path, tiny):
    whole = run_to_the_end(tmp_path, tiny)
    settings = tiny_settings()
    folder = RunFolder.create(tmp_path, settings)
    trainer = Trainer(settings, tiny)
    for event in record(trainer, folder):
        if isinstance(event, Step) and event.step == 3:
            trainer.stop()
    assert folder.status()["state"] == "stopped"
    list(record(resume(folder, tiny), folder))
    assert rows(folder) == rows(whole)


def test_a_resumed_run_is_judged_on_the_views_that_it_began_with(tmp_path, tiny):
    settings = tiny_settings()
    folder, trainer = RunFolder.create(tmp_path, settings), Trainer(settings, tiny)
    for event in record(trainer, folder):
        if isinstance(event, Step) and event.step == 2:
            trainer.update(rotation=90.0, temperature=0.9)
        if isinstance(event, Step) and event.step == 3:
            trainer.stop()
    resumed = resume(folder, tiny)
    turned = settings.turn(rotation=90.0, temperature=0.9)
    assert resumed.settings == resumed.method.settings == turned
    assert all(map(torch.equal, resumed.referee.pair, trainer.referee.pair))


@pytest.fixture
def halted(tmp_path, tiny):
    """A run on a folder of images, stopped half-way, and those images."""
    data, settings = replace(tiny, name="folder:photos"), tiny_settings(data="folder:photos")
    folder = RunFolder.create(tmp_path, settings)
    trainer = Trainer(settings, data)
    for event in record(trainer, folder):
        if isinstance(event, Step) and event.step == 3:
            trainer.stop()
    return folder, data


def test_a_run_does_not_resume_on_other_images(halted):
    folder, data = halted
    before = rows(folder), folder.snapshot_steps()
    part = data.train.take(torch.arange(40))
    for other in (replace(data, train=part), replace(data, test=part), make_data(60)):
        with pytest.raises(UserError, match=r"'folder:photos' does not hold .* start a new run\.$"):
            resume(folder, replace(other, name="folder:photos"))
    assert (rows(folder), folder.snapshot_steps()) == before
    list(record(resume(folder, replace(data)), folder))
    assert folder.status()["state"] == "finished"


def test_a_run_that_cannot_go_on_here_keeps_what_it_has(halted, monkeypatch):
    folder, data = halted
    before = rows(folder), folder.snapshot_steps()

    def refuse(*_, **__):
        raise UserError("There is no GPU.")

    for gone in (False, True):  # with its checkpoint, and killed before the first
        if gone:
            shutil.rmtree(folder.checkpoint)
        with monkeypatch.context() as patched, pytest.raises(UserError, match="no GPU"):
            patched.setattr("sslcore.training.trainer.pick_device", refuse)
            resume(folder, data)
        assert (rows(folder), folder.snapshot_steps()) == before


def test_what_was_trained_stays_readable_when_less_is_allowed(tmp_path):
    plain = {**RunSettings.build("moco").to_json(), "batch_size": 150}
    with pytest.raises(UserError, match="whole batches of 150"):
        RunSettings.build(plain["method"], batch_size=150)
    folder = RunFolder.create(tmp_path, RunSettings.from_json(plain))
    assert folder.settings()["batch_size"] == 150


def test_a_run_of_earlier_versions_resumes_on_what_is_there(halted):
    folder, data = halted
    status = json.loads((folder.path / "status.json").read_text())
    assert status.pop("fingerprint") == data.fingerprint
    (folder.path / "status.json").write_text(json.dumps(status))
    list(record(resume(folder, replace(data, test=data.test.take(torch.arange(40)))), folder))
    assert folder.status()["state"] == "finished"


def test_images_with_a_name_may_differ_by_a_shade(halted):
    folder, data = halted
    folder.check_images(replace(data, name="toybox", test=data.test.take(torch.arange(40))))


def test_a_truncated_checkpoint_falls_back_to_the_one_before(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr("sslcore.runs.recorder.CHECKPOINT_SECONDS", 0.0)
    folder = run_to_the_end(tmp_path, tiny)
    weights = sorted(folder.checkpoint.glob("*.safetensors"))
    newest, older = weights[-1], weights[-2]
    os.truncate(newest, newest.stat().st_size // 2)
    assert checkpoint.load(folder.checkpoint)["step"] == int(older.stem)
    os.truncate(older, 10)
    older.with_suffix(".json").write_text("[]")
    with pytest.raises(UserError, match="damaged"):
        checkpoint.load(folder.checkpoint)


@pytest.mark.parametrize("link", ["", ".", "..", "../other/run", "a/b", "/", "\0", "x" * 300, "ö" * 90])
def test_an_id_from_a_link_never_leads_out_of_the_folder_of_runs(tmp_path, link):
    root = tmp_path / "runs"
    for place in (tmp_path, root, tmp_path / "other" / "run", root / "a" / "b"):
        place.mkdir(parents=True, exist_ok=True)
        (place / "settings.json").write_text("{}")
    for name in (link, str(tmp_path / "other" / "run")):
        with pytest.raises(UserError, match="no run"):
            find_run(name, root)


def test_a_run_is_opened_by_its_path_too(tmp_path):
    folder = RunFolder.create(tmp_path, tiny_settings())
    assert open_run(str(folder.path), tmp_path / "elsewhere").path == folder.path
    assert find_run(folder.id, tmp_path).path == open_run(folder.id, tmp_path).path == folder.path


def test_missing_things_get_a_sentence(tmp_path, tiny):
    with pytest.raises(UserError, match="no run 'nope'"):
        open_run("nope", tmp_path)
    with pytest.raises(UserError, match="no checkpoint"):
        checkpoint.load(tmp_path / "checkpoint")
    with pytest.raises(UserError, match="already finished"):
        resume(run_to_the_end(tmp_path, tiny), tiny)
    (tmp_path / "broken").mkdir()
    for content in ("{", "[]", "5", '{"method": 5}'):
        (tmp_path / "broken" / "settings.json").write_text(content)
        with pytest.raises(UserError, match="no readable settings"):
            RunFolder(tmp_path / "broken").settings()
    assert RunFolder(tmp_path / "broken").status()["state"] == "interrupted"


def test_a_full_disk_ends_recording_not_training(tmp_path, tiny, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    settings = tiny_settings()
    folder = RunFolder.create(tmp_path, settings)
    monkeypatch.setattr(RunFolder, "save_snapshot", full)
    heard = []
    events = list(record(Trainer(settings, tiny), folder, heard.append))
    assert events[-1].reason == "budget"
    assert "No space left" in (folder.path / "log.txt").read_text()
    assert heard == [folder.status()["trouble"]] and "No space left" in heard[0]
    assert FolderHistory(folder).view().baselines  # what came before is kept


def test_what_a_crash_left_of_checkpoints_goes(tmp_path):
    for step in range(3):
        checkpoint.save(tmp_path, {"step": step, "weight": torch.ones(2)})
        (tmp_path / f"{step:09d}0.partial").write_bytes(b"half")
    checkpoint.save(tmp_path, {"step": 9, "weight": torch.ones(2)})
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        f"{step:09d}.{kind}" for step in (2, 9) for kind in ("json", "safetensors")
    ]


def test_a_status_that_is_no_object_is_none(tmp_path, tiny):
    folder = run_to_the_end(tmp_path, tiny)
    (folder.path / "status.json").write_text("5")
    assert folder.status()["state"] == "interrupted"
    folder.set_status(state="stopped")
    assert folder.status()["state"] == "stopped"


def test_a_checkpoint_of_other_contents_is_a_sentence(tiny):
    trainer = Trainer(tiny_settings(), tiny)
    while trainer.step < 2:
        next(trainer)
    for lacking in ("lamp", "order", "optimiser"):
        state = {name: part for name, part in trainer.state().items() if name != lacking}
        with pytest.raises(UserError, match="another version"):
            Trainer(tiny_settings(), tiny, resume=state)


def test_a_checkpoint_that_cannot_be_written_ends_recording_not_training(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr("sslcore.runs.recorder.CHECKPOINT_SECONDS", 0.0)
    settings = tiny_settings()
    folder = RunFolder.create(tmp_path, settings)
    for event in record(Trainer(settings, tiny), folder):
        if isinstance(event, Step) and event.step == 2:
            # safetensors cannot replace a folder, and says so in an error of its own
            (folder.checkpoint / "000000003.partial").mkdir()
    assert event.reason == "budget" and FolderHistory(folder).view().step == 3
    assert checkpoint.load(folder.checkpoint)["step"] == 2


def test_the_log_takes_whatever_a_folder_is_called(tmp_path):
    folder = RunFolder.create(tmp_path, tiny_settings())
    folder.log("folder:猫/\udcff")  # a byte that is no text, as Python reads it from a file's name
    assert "猫/\\udcff" in (folder.path / "log.txt").read_text(encoding="utf-8")


def test_a_crash_is_recorded_with_its_traceback(tmp_path, tiny, monkeypatch):
    settings = tiny_settings()
    folder, trainer = RunFolder.create(tmp_path, settings), Trainer(settings, tiny)
    monkeypatch.setattr(trainer, "_update", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(record(trainer, folder))
    assert folder.status()["state"] == "failed" and "ZeroDivisionError" in folder.status()["message"]
    assert "Traceback" in (folder.path / "log.txt").read_text()


def test_a_run_interrupted_from_the_keyboard_says_so_and_resumes(tmp_path, tiny, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    settings = tiny_settings()
    folder, trainer = RunFolder.create(tmp_path, settings), Trainer(settings, tiny)
    monkeypatch.setattr(trainer, "_update", interrupt)
    with pytest.raises(KeyboardInterrupt):
        list(record(trainer, folder))
    assert folder.status()["state"] == "interrupted"
    list(record(resume(folder, tiny), folder))
    assert folder.status()["state"] == "finished"


def test_a_run_that_is_left_at_its_last_event_is_finished(tmp_path, tiny):
    settings = tiny_settings()
    folder = RunFolder.create(tmp_path, settings)
    events = record(Trainer(settings, tiny), folder)
    while not isinstance(next(events), Finished):
        pass
    events.close()
    assert folder.status()["state"] == "finished"


def state_if_signed(tmp_path, **signature) -> str:
    folder = RunFolder.create(tmp_path, tiny_settings())
    status = json.loads((folder.path / "status.json").read_text())
    (folder.path / "status.json").write_text(json.dumps(status | signature))
    return folder.status()["state"]


def test_a_process_of_the_same_number_is_not_taken_for_the_one_that_is_gone(tmp_path, monkeypatch):
    assert state_if_signed(tmp_path) == "queued"
    assert state_if_signed(tmp_path, session="before the restart") == "interrupted"
    monkeypatch.setattr("sslcore.runs.folder._born", lambda pid: "today")
    other = {"pid": os.getppid(), "updated": 0.0}  # a long step leaves no sign of life
    assert state_if_signed(tmp_path, born="today", **other) == "queued"
    assert state_if_signed(tmp_path, born="before the restart", **other) == "interrupted"


def test_where_the_system_does_not_tell_when_a_process_began_it_has_to_sign(tmp_path, monkeypatch):
    monkeypatch.setattr("sslcore.runs.folder._born", lambda pid: "")
    assert state_if_signed(tmp_path, pid=os.getppid()) == "queued"
    assert state_if_signed(tmp_path, pid=os.getppid(), updated=0.0) == "interrupted"
    assert state_if_signed(tmp_path, pid=2**22 + 1) == "interrupted"  # nobody has this number
    monkeypatch.setattr("sslcore.runs.folder.sys", SimpleNamespace(platform="win32"))
    monkeypatch.setattr("os.kill", lambda *_: pytest.fail("on Windows this is no question but an interrupt"))
    assert state_if_signed(tmp_path, pid=2**22 + 1) == "queued"


def test_a_process_is_known_by_when_it_began():
    assert _born(2**22 + 1) == ""
    if sys.platform == "linux":
        ticks = int(_born(os.getpid()).split()[-1])
        began = psutil.boot_time() + ticks / os.sysconf("SC_CLK_TCK")
        assert began == pytest.approx(psutil.Process().create_time(), abs=1)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive"])
def test_a_damaged_snapshot_is_passed_over(tmp_path, content):
    folder = RunFolder.create(tmp_path, tiny_settings())
    folder.snapshot_file(3).write_bytes(content)
    assert folder.snapshot(3) is None


def test_a_long_run_keeps_its_first_its_last_and_every_other_snapshot(tmp_path):
    folder, few = RunFolder.create(tmp_path, tiny_settings()), np.zeros((1, 2), np.float16)
    for step in range(MOST_SNAPSHOTS + 1):
        folder.save_snapshot(Snapshot(step, 0.0, few, few, np.zeros(1, np.int64)))
    assert folder.snapshot_steps() == list(range(0, MOST_SNAPSHOTS + 1, 2))


def test_a_diverged_run_keeps_its_record(tmp_path, tiny):
    calm = {"optimiser": "sgd", "gradient_clip": 0, "steps": 200, "learning_rate": 100}
    folder = run_to_the_end(tmp_path, tiny, method="denoising_autoencoder", **calm)
    assert folder.status()["state"] == "diverged" and "step" in folder.status()["message"]
    assert FolderHistory(folder).view().step > 0


def test_nothing_is_pickled(tmp_path, tiny):
    folder = run_to_the_end(tmp_path, tiny)
    suffixes = {file.suffix for file in folder.path.rglob("*") if file.is_file()}
    assert suffixes <= {".json", ".jsonl", ".npz", ".safetensors", ".txt"}
