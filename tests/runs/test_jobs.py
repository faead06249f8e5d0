import json
import shutil
import time

import pytest
import torch

from sslcore.errors import UserError
from sslcore.runs import JobManager, RunFolder
from tests.conftest import tiny_settings


@pytest.fixture
def manager(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr("sslcore.training.build.load", lambda *_, **__: tiny)
    monkeypatch.setattr("sslcore.runs.worker.GREETING", 0.0)
    jobs = JobManager(tmp_path, workers=1)
    yield jobs
    jobs.close()


def wait(condition, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def state(manager, run):
    return manager.status(run).state


def behind_another(manager, began: bool = True) -> tuple[str, str]:
    """A run that is resumed after it was stopped, at its first step or before it began, and the run it waits for."""
    if began:
        run = manager.start(tiny_settings())
        wait(lambda: state(manager, run) == "running")
        manager.step(run)
        wait(lambda: state(manager, run) == "paused")
        manager.stop(run)
        wait(lambda: state(manager, run) == "stopped")
    other = manager.start(tiny_settings(steps=100_000))
    wait(lambda: state(manager, other) == "running")
    if not began:
        run = manager.start(tiny_settings())
        manager.stop(run)
    manager.resume_folder(run)
    return run, other


def test_a_job_trains_to_its_end(manager):
    run = manager.start(tiny_settings())
    wait(lambda: state(manager, run) == "finished")
    assert manager.view(run).step == 6


def test_pause_holds_and_step_makes_exactly_one(manager):
    run = manager.start(tiny_settings(steps=100_000))
    wait(lambda: manager.view(run).step > 1)
    manager.pause(run)
    wait(lambda: state(manager, run) == "paused")
    at = manager.view(run).step
    time.sleep(0.2)
    assert manager.view(run).step == at
    manager.step(run)
    wait(lambda: manager.view(run).step == at + 1 and state(manager, run) == "paused")
    manager.go_on(run)
    wait(lambda: manager.view(run).step > at + 2)
    manager.stop(run)
    wait(lambda: state(manager, run) == "stopped")


def test_a_run_leaves_the_processors_to_the_page_that_awaits_it(manager, monkeypatch):
    monkeypatch.setattr("sslcore.runs.worker.GREETING", 1000.0)
    unseen = manager.start(tiny_settings())
    wait(lambda: state(manager, unseen) == "finished")
    seen = manager.start(tiny_settings(steps=100_000))
    wait(lambda: manager.view(seen).step == 1)
    time.sleep(0.2)
    assert manager.view(seen).step == 1
    manager.pause(seen)
    assert manager.wait(seen, 20) and state(manager, seen) == "paused", "who asks for something need not wait"


def test_what_was_asked_is_done_when_waiting_ends(manager):
    run = manager.start(tiny_settings(steps=100_000))
    wait(lambda: manager.view(run).step > 1)
    for command, after in (("pause", "paused"), ("go_on", "running"), ("pause", "paused")):
        getattr(manager, command)(run)
        assert manager.wait(run, 20) and state(manager, run) == after
    at = manager.view(run).step
    manager.step(run)
    assert manager.wait(run, 20)
    assert manager.view(run).step == at + 1 and state(manager, run) == "paused"
    manager.stop(run)
    assert manager.wait(run, 20) and state(manager, run) == "stopped"


def test_a_pause_that_was_taken_back_in_time_is_not_waited_for(manager):
    run = manager.start(tiny_settings(steps=100_000))
    wait(lambda: manager.view(run).step > 1)
    manager.pause(run)
    manager.go_on(run)
    assert manager.wait(run, 20) and state(manager, run) == "running"
    manager.stop(run)


def test_what_a_busy_worker_was_asked_shows_at_once(manager, monkeypatch):
    monkeypatch.setattr(
        "sslcore.runs.worker.Worker._obey", lambda *_, **__: None
    )  # as during a long evaluation
    run = manager.start(tiny_settings(steps=100_000))
    wait(lambda: state(manager, run) == "running")
    assert manager.status(run).pending == ""
    manager.pause(run)
    assert state(manager, run) == "running" and manager.status(run).pending == "pausing"
    manager.stop(run)
    assert manager.status(run).pending == "stopping"


def test_second_run_waits_in_line_and_can_be_cancelled_there(manager):
    first = manager.start(tiny_settings(steps=100_000))
    second, third = (manager.start(tiny_settings()) for _ in range(2))
    wait(lambda: manager.view(first).step > 0)
    assert [manager.status(run).place for run in (second, third)] == [1, 2]
    manager.stop(second)
    assert state(manager, second) == "stopped" and manager.status(third).place == 1
    manager.stop(first)
    wait(lambda: state(manager, third) == "finished")


def test_a_run_in_the_queue_is_neither_paused_nor_stepped(manager):
    run, other = behind_another(manager, began=False)
    for command in (manager.pause, manager.step):
        with pytest.raises(UserError, match="waits in the queue"):
            command(run)
    manager.stop(other)
    wait(lambda: state(manager, run) == "finished")


def test_an_owner_may_have_five_runs_in_the_queue(manager):
    first = manager.start(tiny_settings(steps=100_000), "me")
    wait(lambda: state(manager, first) == "running")
    waiting = [manager.start(tiny_settings(), "me") for _ in range(5)]
    with pytest.raises(UserError, match="5 of your runs are waiting"):
        manager.start(tiny_settings(), "me")
    assert len(list(manager.root.glob("*/settings.json"))) == 6, "what is refused leaves nothing behind"
    waiting.append(manager.start(tiny_settings(), "you"))
    manager.stop(waiting[0], "me")
    waiting.append(manager.start(tiny_settings(), "me"))
    for run in waiting[1:]:
        manager.stop(run, manager.status(run).owner)


@pytest.mark.parametrize("began", [True, False])
def test_a_run_is_resumed_only_once(manager, began):
    run, other = behind_another(manager, began)
    with pytest.raises(UserError, match="is queued"):
        manager.resume_folder(run)
    assert manager.status(run).place == 1 and RunFolder(manager.root / run).status()["state"] == "queued"
    manager.stop(other)
    wait(lambda: state(manager, run) == "finished")


def test_a_resumed_run_in_the_queue_shows_what_it_has_learned(manager):
    run, other = behind_another(manager)
    view = manager.view(run)
    assert view.step == 1 and view.diagnoses
    manager.stop(other)
    wait(lambda: state(manager, run) == "finished")
    assert manager.view(run).step == 6


def test_knobs_turned_during_a_pause_turn_before_the_next_step(manager):
    run = manager.start(tiny_settings(steps=100_000, schedule="constant", warmup=0))
    wait(lambda: manager.view(run).step > 0)
    manager.pause(run)
    assert manager.wait(run, 20)
    manager.turn(run, {"learning_rate": 0.25})
    manager.step(run)
    assert manager.wait(run, 20)
    assert manager.view(run).learning_rate == 0.25
    manager.stop(run)


def test_a_knob_turned_during_a_pause_is_recorded_even_if_the_run_then_stops(manager):
    run = manager.start(tiny_settings(steps=100_000))
    wait(lambda: manager.view(run).step > 0)
    manager.pause(run)
    assert manager.wait(run, 20)
    manager.turn(run, {"temperature": 0.9})
    assert manager.status(run).settings["temperature"] == 0.9
    manager.stop(run)
    wait(lambda: state(manager, run) == "stopped")
    assert [change["values"] for change in manager.view(run).changes] == [{"temperature": 0.9}]


def test_a_knob_turned_in_the_queue_is_what_the_run_was_asked_for(manager):
    first = manager.start(tiny_settings(steps=100_000))
    second = manager.start(tiny_settings())
    manager.turn(second, {"temperature": 0.9})
    folder = RunFolder(manager.root / second)
    assert folder.settings() == manager.status(second).settings == tiny_settings(temperature=0.9)
    assert "temperature 0.9" in folder.status()["label"] and folder.status()["state"] == "queued"
    manager.stop(first)
    wait(lambda: state(manager, second) == "finished")
    assert not manager.view(second).changes and "temperature=0.9" in folder.status()["command"]


def test_a_knob_turned_before_a_run_goes_on_is_a_change_of_it(manager):
    run, other = behind_another(manager)
    manager.turn(run, {"temperature": 0.9})
    assert RunFolder(manager.root / run).settings()["temperature"] == tiny_settings()["temperature"]
    manager.stop(other)
    wait(lambda: manager.view(run).changes)
    assert manager.view(run).changes[0]["values"] == {"temperature": 0.9}
    assert manager.status(run).settings["temperature"] == 0.9
    wait(lambda: state(manager, run) == "finished")


def test_every_worker_trains_on_a_gpu_of_its_own(tmp_path, tiny, monkeypatch):
    chosen = []
    monkeypatch.setattr("sslcore.training.build.load", lambda *_, **__: tiny)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("torch.cuda.set_device", chosen.append)
    jobs = JobManager(tmp_path)
    runs = [jobs.start(tiny_settings(steps=100_000)) for _ in range(2)]
    wait(lambda: all(jobs.view(run).step > 0 for run in runs))
    jobs.close()
    assert sorted(chosen) == [0, 1]


def test_only_the_owner_controls(manager):
    run = manager.start(tiny_settings(steps=100_000), owner="ada")
    wait(lambda: manager.view(run).step > 0)
    with pytest.raises(UserError, match="somebody else"):
        manager.stop(run, owner="bob")
    with pytest.raises(UserError, match="at most"):
        manager.turn(run, {"temperature": 99}, owner="ada")
    manager.turn(run, {"temperature": 0.9}, owner="ada")
    wait(lambda: manager.view(run).changes)
    manager.stop(run, owner="ada")
    wait(lambda: state(manager, run) == "stopped")
    with pytest.raises(UserError, match="somebody else"):
        manager.resume_folder(run, owner="bob")


def test_runs_sign_as_alive_while_they_wait_or_are_paused(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr("sslcore.training.build.load", lambda *_, **__: tiny)
    monkeypatch.setattr("sslcore.runs.jobs.SIGN_SECONDS", 0.02)
    jobs = JobManager(tmp_path, workers=1)
    held = jobs.start(tiny_settings(steps=100_000))
    wait(lambda: jobs.view(held).step > 0)
    jobs.pause(held)
    wait(lambda: state(jobs, held) == "paused")
    waiting = jobs.start(tiny_settings())

    def signed() -> list[float]:
        return [RunFolder(tmp_path / run).status()["updated"] for run in (held, waiting)]

    before = signed()
    wait(lambda: all(map(float.__gt__, signed(), before)))
    assert [RunFolder(tmp_path / run).status()["state"] for run in (held, waiting)] == ["paused", "queued"]
    jobs.close()


def test_a_run_nobody_watches_pauses(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr("sslcore.training.build.load", lambda *_, **__: tiny)
    jobs = JobManager(tmp_path, workers=1, patience=1.5)
    run = jobs.start(tiny_settings(steps=100_000))
    # the list of runs in every tab's sidebar is no look at each of them
    wait(lambda: jobs.fraction(run) < 1 and state(jobs, run) == "paused")
    assert "nobody" in jobs.status(run).message and jobs.fraction(run) > 0
    jobs.close()


def test_a_run_that_another_process_resumed_is_followed_there(manager):
    run = manager.start(tiny_settings())
    wait(lambda: state(manager, run) == "finished")
    manager.close()  # the worker has signed its end
    folder = RunFolder(manager.root / run)
    status = json.loads((folder.path / "status.json").read_text())
    (folder.path / "status.json").write_text(json.dumps(status | {"session": "another", "state": "stopped"}))
    (folder.path / "metrics.jsonl").write_text("")
    assert state(manager, run) == "stopped" and manager.view(run).step == 0


def test_a_failing_run_says_why_and_the_next_one_runs(manager):
    run = manager.start(tiny_settings(batch_size=65))
    wait(lambda: state(manager, run) == "failed")
    assert "batch_size" in manager.status(run).message
    after = manager.start(tiny_settings())
    wait(lambda: state(manager, after) == "finished")


@pytest.mark.parametrize("where", ["Trainer._update", "referee.Referee.evaluate"])
def test_too_little_memory_is_a_sentence(manager, monkeypatch, where):
    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    monkeypatch.setattr(f"sslcore.training.{where}", full)
    run = manager.start(tiny_settings())
    wait(lambda: state(manager, run) == "failed")
    assert "set batch_size" in manager.status(run).message and "allocate" not in manager.status(run).message


def test_a_run_that_cannot_even_begin_keeps_its_traceback(manager, monkeypatch):
    monkeypatch.setattr("sslcore.training.build.load", lambda *_, **__: 1 / 0)
    run = manager.start(tiny_settings())
    wait(lambda: state(manager, run) == "failed")
    assert "ZeroDivisionError" in manager.status(run).message
    assert "Traceback" in (manager.root / run / "log.txt").read_text()


def test_trouble_with_recording_is_told_until_the_end(manager, monkeypatch):
    def full(*_):
        raise OSError("No space left")

    signed = RunFolder.set_status
    monkeypatch.setattr(RunFolder, "save_snapshot", full)
    monkeypatch.setattr(RunFolder, "set_status", lambda folder, **changes: (
        full() if "trouble" in changes and "state" not in changes else signed(folder, **changes)
    ))  # fmt: skip
    run = manager.start(tiny_settings(), "me")
    wait(lambda: state(manager, run) == "finished")
    assert "No space left" in manager.status(run).trouble
    wait(lambda: RunFolder(manager.root / run).status()["state"] == "finished")
    manager.forget(run)
    assert "No space left" in manager.status(run).trouble, "also when only its folder is left"


def test_closing_leaves_a_run_that_resumes(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr("sslcore.training.build.load", lambda *_, **__: tiny)
    first = JobManager(tmp_path, workers=1)
    run = first.start(tiny_settings(steps=40))
    wait(lambda: first.view(run).step > 0)
    first.close()
    second = JobManager(tmp_path, workers=1)
    assert state(second, run) == "interrupted"
    second.resume_folder(run)
    wait(lambda: state(second, run) == "finished")
    assert second.view(run).step == 40
    with pytest.raises(UserError, match="finished"):
        second.resume_folder(run)
    with pytest.raises(UserError, match="no run"):
        second.view("nope")
    second.close()


def test_knobs_turned_one_after_the_other_are_judged_together(manager):
    run = manager.start(tiny_settings(steps=100_000))
    wait(lambda: manager.view(run).step > 0)
    manager.pause(run)
    manager.turn(run, {"crop_max": 0.5})
    with pytest.raises(UserError, match="crop_min"):
        manager.turn(run, {"crop_min": 0.8})
    manager.go_on(run)
    wait(lambda: manager.status(run).settings["crop_max"] == 0.5)
    manager.stop(run)
    wait(lambda: state(manager, run) == "stopped")


def test_a_paused_run_does_not_keep_others_waiting_for_ever(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr("sslcore.training.build.load", lambda *_, **__: tiny)
    jobs = JobManager(tmp_path, workers=1, patience=0.5)
    held = jobs.start(tiny_settings(steps=100_000))
    wait(lambda: jobs.view(held).step > 0)
    jobs.pause(held)
    wait(lambda: state(jobs, held) == "paused")
    time.sleep(0.8)  # longer than the patience, but nobody waits yet
    began, waiting = time.monotonic(), jobs.start(tiny_settings())
    wait(lambda: jobs.view(waiting) and state(jobs, held) == "stopped")
    assert "others were waiting" in jobs.status(held).message and time.monotonic() - began > 0.5
    wait(lambda: jobs.view(waiting) and state(jobs, waiting) == "finished")
    jobs.close()


def test_runs_that_are_over_are_let_go_of(manager, monkeypatch):
    monkeypatch.setattr("sslcore.runs.jobs.FOLLOWED", 1)
    runs = []
    for _ in range(3):
        runs.append(manager.start(tiny_settings(steps=1)))
        wait(lambda: state(manager, runs[-1]) == "finished")
    assert runs[0] not in manager._jobs and manager.view(runs[0]).step == 1
    manager.close()  # the worker has signed the last one's end
    shutil.rmtree(manager.root / runs[2])
    manager.forget(runs[2])
    with pytest.raises(UserError, match="no run"):
        manager.status(runs[2])
