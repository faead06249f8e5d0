import os

from sslcore.runs import RunFolder
from sslcore.runs.folder import encode
from sslcore.settings import RunSettings
from sslcore.training.events import Evaluation
from ui.records import record_of, records


def test_what_is_asked_of_a_run_in_the_queue_later_shows(tmp_path):
    settings = RunSettings.build("simclr")
    folder = RunFolder.create(tmp_path, settings)
    before = record_of(folder)
    folder.ask(settings.change(temperature=0.9))
    os.utime(folder.path / "settings.json", (before.created + 1, before.created + 1))
    after = record_of(folder)
    assert "temperature 0.9" in after.label and "temperature" not in before.label


def test_of_a_run_that_goes_on_only_what_is_new_is_read(tmp_path):
    folder = RunFolder.create(tmp_path, RunSettings.build("simclr"))
    file = folder.path / "metrics.jsonl"
    first = encode(Evaluation(5, 1.0, 0.5, 0.6, {}))
    file.write_bytes(first + b'{"event": "evalu')
    assert (record_of(folder).knn, record_of(folder).seconds) == (0.5, 1.0)
    file.write_bytes(b"x" * (len(first) - 1) + b"\n" + encode(Evaluation(9, 2.0, 0.7, None, {})))
    after = record_of(folder)
    assert (after.knn, after.linear, after.seconds) == (0.7, 0.6, 2.0)


def test_the_untrained_network_is_not_the_result_of_a_run(tmp_path):
    folder = RunFolder.create(tmp_path, RunSettings.build("simclr"))
    (folder.path / "metrics.jsonl").write_bytes(encode(Evaluation(0, 0.0, 0.3, None, {})))
    assert record_of(folder).knn is None


def test_rows_that_a_resumed_run_took_back_are_forgotten(tmp_path):
    folder = RunFolder.create(tmp_path, RunSettings.build("simclr"))
    file = folder.path / "metrics.jsonl"
    rows = [encode(Evaluation(step, step / 5, step / 10, None, {})) for step in (5, 9)]
    file.write_bytes(b"".join(rows))
    assert record_of(folder).knn == 0.9
    os.truncate(file, len(rows[0]))
    assert record_of(folder).knn == 0.5


def test_runs_are_listed_newest_first_and_each_status_is_read_once(tmp_path, monkeypatch):
    for created in (1.0, 3.0, 2.0):
        RunFolder.create(tmp_path, RunSettings.build("simclr")).set_status(created=created)
    read, status = [], RunFolder.status
    monkeypatch.setattr(RunFolder, "status", lambda folder: read.append(folder.id) or status(folder))
    assert [record.created for record in records(tmp_path)] == [3.0, 2.0, 1.0]
    assert len(read) == 3
