import io
import shutil
import zipfile

from sslcore.runs import RunFolder
from ui import jobs
from ui.runs_page import _zip


def test_an_empty_server_says_what_to_do(page):
    app = page("runs")
    assert not app.exception
    assert any("No runs yet" in element.value for element in app.markdown)


def test_all_runs_are_listed_with_their_figures(page, finished):
    ids = [finished(seed=1), finished("rotation", seed=2)]
    app = page("runs")
    table = app.dataframe[0].value
    assert not app.exception
    assert list(table["State"]) == ["finished", "finished"]
    assert sorted(table["Id"]) == sorted(run[-6:] for run in ids)
    assert table["kNN"].between(0, 100).all()


def test_a_folder_that_was_cut_off_does_not_break_the_page(page, finished, server):
    finished()
    broken = server / "broken-1"
    broken.mkdir()
    (broken / "settings.json").write_text("{")
    app = page("runs")
    assert not app.exception
    assert len(app.dataframe[0].value) == 1


def test_results_leave_without_the_owners_key(finished):
    run = finished(owner="secret key")
    content = _zip(RunFolder(jobs.manager().root / run))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert f"{run}/metrics.jsonl" in archive.namelist()
        assert all(b"secret key" not in archive.read(name) for name in archive.namelist())


def test_results_leave_without_the_servers_paths(server, tiny):
    folder = RunFolder.create(server, tiny())
    folder.log(
        'Traceback:\n  File "/srv/secret/lib/torch/nn/modules/module.py", line 1, in call\nValueError: no'
    )
    with zipfile.ZipFile(io.BytesIO(_zip(folder))) as archive:
        log = archive.read(f"{folder.id}/log.txt").decode()
    assert 'File "nn/modules/module.py", line 1' in log and "secret" not in log


def test_only_who_sits_at_the_server_deletes_what_belongs_to_nobody(page, finished, monkeypatch):
    app = page("runs")
    run = finished()
    app.session_state["_runs_chosen"] = [run]
    app.run()
    monkeypatch.setattr("ui.owner.sits_here", lambda: False)
    next(button for button in app.button if button.label == "Yes, delete it").click().run()
    assert not app.exception and "only a browser on the server's own machine" in app.error[0].value
    assert (jobs.manager().root / run).exists()


def test_what_is_selected_stays_selected_when_another_run_comes(page, finished):
    first = finished(seed=1)
    app = page("runs")
    app.session_state["_runs_chosen"] = [first]
    finished(seed=2)
    app.run()
    assert not app.exception
    assert app.session_state["_runs_chosen"] == [first]
    assert any("seed 1" in element.value for element in app.markdown)


def test_a_deleted_run_is_gone_from_the_list_and_its_link(page, finished):
    app = page("runs")
    run = finished()
    app.session_state["_runs_chosen"] = [run]
    app.run()
    next(button for button in app.button if button.label == "Yes, delete it").click().run()
    assert not app.exception and any("No runs yet" in element.value for element in app.markdown)
    watched = page("train", run=run)
    assert not watched.exception and "There is no run" in watched.error[0].value


def test_a_page_whose_run_was_removed_by_hand_shows_no_exception(page, finished, server):
    run = finished()
    shutil.rmtree(server / run)
    assert not page("train", run=run).exception
