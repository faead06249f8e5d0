import io
import sys
import time

import numpy as np
import pytest
from PIL import Image

from sslcore.runs import RunFolder
from sslcore.settings import RunSettings
from tests.app.conftest import charts, wait_for
from ui import downloads, forms, jobs
from ui.embedding_colors import Coloring

TINY = {
    "data": "digits",
    "steps": "3",
    "batch_size": "16",
    "width": "4",
    "device": "cpu",
    "precision": "fp32",
}
KINDS = ("code", "caption", "markdown", "info", "error", "warning", "dataframe")


def texts(elements) -> str:
    return " ".join(str(element.value) for element in elements)


def with_settings(app):
    """The page with all settings opened."""
    app.session_state["all_settings"] = True
    return app.run()


def test_the_page_without_a_run_invites_to_start(page):
    app = page("train")
    assert not app.exception
    assert "Start" in [button.label for button in app.button]
    assert "Press **Start**" in texts(app.info)


def test_every_widget_has_a_label_and_help(page):
    app = with_settings(page("train"))
    kinds = ("selectbox", "slider", "select_slider", "number_input", "toggle", "text_input", "button")
    widgets = [widget for kind in kinds for widget in app.get(kind)]
    assert len(widgets) > 10
    for widget in widgets:
        assert widget.label and widget.help, widget


def test_the_url_fills_the_form(page):
    app = with_settings(page("train", method="byol", seed="7", jitter="0.3"))
    assert app.selectbox(key="method").value == "byol"
    assert app.number_input(key="seed").value == 7
    assert app.slider(key="set_jitter").value == 0.3
    assert not app.warning


def test_values_that_the_url_may_not_ask_for_are_replaced_and_named(page):
    app = page("train", method="nonsense", temperature="99", optimiser="zzz")
    said = texts(app.warning)
    with_settings(app)
    assert not app.exception
    assert (
        "nonsense" in said and "temperature must be at most 5" in said and "optimiser must be one of" in said
    )
    assert app.selectbox(key="method").value == "simclr"
    assert app.select_slider(key="set_temperature").value == 5


def test_a_folder_of_the_server_cannot_be_reached_through_the_url(page, tmp_path):
    app = page("train", data=f"folder:{tmp_path}")
    assert app.selectbox(key="data").value == "toybox"
    assert "no dataset called" in texts(app.warning)


def test_a_mix_is_put_together_without_typing(page):
    app = with_settings(page("train", method="hybrid"))
    app.multiselect(key="_mix_parts").select("vicreg").run()
    app.number_input(key="_mix_weight_vicreg").set_value(0.1).run()
    assert not app.exception
    assert app.text_input(key="set_mix").value == "simclr:1,rotation:0.5,vicreg:0.1"
    assert app.query_params["mix"] == "simclr:1,rotation:0.5,vicreg:0.1"
    app.multiselect(key="_mix_parts").set_value(["rotation"]).run()
    assert app.text_input(key="set_mix").value == "rotation:0.5"


def test_the_tasks_of_a_multitask_run_are_picked(page):
    app = with_settings(page("train", method="multitask"))
    app.multiselect(key="_tasks_parts").set_value(["jigsaw", "rotation"]).run()
    assert not app.exception and app.text_input(key="set_tasks").value == "jigsaw,rotation"


def test_a_mix_in_the_url_that_cannot_be_is_explained(page):
    app = page("train", method="hybrid", mix="simclr:1,supcon:1")
    assert not app.exception and "labels" in texts(app.warning)
    assert with_settings(app).text_input(key="set_mix").value == "simclr:1,rotation:0.5"


def test_own_images_stay_on_offer_when_others_are_chosen(page):
    app = page("train", **TINY)
    app.get("file_uploader")[0].set_value([(f"{i}.png", drawn(i), "image/png") for i in range(10)]).run()
    press(app, "Use these")
    own = app.selectbox(key="data").value
    app.selectbox(key="data").select("digits").run()
    assert app.selectbox(key="data").value == "digits"
    app.selectbox(key="data").select(own).run()
    assert not app.exception and app.selectbox(key="data").value == own


def test_an_upload_is_shared_without_the_place_where_it_lies(page, server):
    app = page("train", **TINY)
    app.get("file_uploader")[0].set_value([(f"{i}.png", drawn(i), "image/png") for i in range(10)]).run()
    app.number_input(key="seconds").set_value(None)
    press(app, "Use these")
    upload = app.query_params["data"]
    assert not app.exception and upload.startswith("upload:")
    assert page("train", data=upload).selectbox(key="data").value == app.selectbox(key="data").value
    press(app, "Start")
    wait_for(next(server.glob("simclr-*")).name)
    for shown in (app.run(), page("runs")):
        assert not shown.exception and str(server) not in " ".join(texts(getattr(shown, k)) for k in KINDS)
    assert "folder:YOUR_IMAGES.zip" in texts(app.code)


def test_data_that_are_not_here_can_be_downloaded_from_the_form(page, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_PLAYGROUND_CACHE", str(tmp_path / "cache"))
    said = "MNIST could not be downloaded."
    script = f"import sys; print({said!r}, file=sys.stderr); sys.exit(2)"
    monkeypatch.setattr(downloads, "COMMAND", (sys.executable, "-c", script))
    monkeypatch.setattr(downloads.downloads, "made", None)
    for name, values in (("train", {"data": "mnist"}), ("augmentations", {"picture": "MNIST"})):
        app = page(name, **values)
        assert not app.exception and "MNIST" in texts(app.markdown) and "12 MB" in texts(app.markdown)
        if name == "train":
            assert next(button for button in app.button if button.label == "Start").disabled
        press(app, "Download")
        for _ in range(200):
            if not downloads.downloads().going("mnist"):
                break
            time.sleep(0.05)
        assert said in texts(app.run().error) and not app.exception


def drawn(seed: int) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((40, 40), 10 + seed).save(file, "PNG")
    return file.getvalue()


def test_knobs_of_another_method_are_named(page):
    app = page("train", method="rotation", temperature="0.1")
    assert "has no setting called 'temperature'" in texts(app.warning)
    assert "temperature" not in app.query_params


def test_names_that_mean_nothing_are_told_and_leave_the_address(page):
    app = page("train", method="nope", data="nope", nope="1", seed="3")
    said = texts(app.warning)
    assert "no method called 'nope'" in said and "no dataset called 'nope'" in said
    assert "no setting called 'nope'" in said
    assert "nope" not in [*app.query_params.keys(), *map(str, app.query_params.values())]
    assert app.number_input(key="seed").value == 3
    assert not app.run().warning


def test_the_form_takes_over_the_settings_of_a_run_that_is_opened(page, finished):
    run = finished("byol", seed=5, learning_rate=0.01)
    app = page("train", run=run)
    assert app.selectbox(key="method").value == "byol" and app.selectbox(key="data").value == "digits"
    with_settings(app)
    assert app.select_slider(key="set_learning_rate").value == 0.01
    app.number_input(key="seed").set_value(6).run()
    assert app.number_input(key="seed").value == 6, "what is changed afterwards stays"
    assert page("train", run=run, method="byol", seed="8").number_input(key="seed").value == 8
    assert page("train", run=run, method="simclr").selectbox(key="method").value == "simclr"


def test_images_of_others_do_not_get_into_the_form_with_their_run(page, finished, tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for number in range(10):
        (folder / f"{number}.png").write_bytes(drawn(number))
    run = finished(data=f"folder:{folder}", batch_size=4, owner="somebody else")
    app = page("train", run=run)
    assert not app.exception and not app.warning
    assert app.selectbox(key="data").value == "toybox"
    assert with_settings(app).number_input(key="set_batch_size").value == 4


def test_a_label_names_the_default_where_another_value_is_set(page):
    app = with_settings(page("train", temperature="0.5", seed="3"))
    labels = {key: app.select_slider(key=f"set_{key}").label for key in ("temperature", "learning_rate")}
    usual = RunSettings.build("simclr")["temperature"]
    assert labels == {
        "temperature": f"Temperature :gray[(default {usual})]",
        "learning_rate": "Learning rate",
    }
    press(app, "Defaults")
    assert (
        app.select_slider(key="set_temperature").label == "Temperature"
        and app.number_input(key="seed").value == 0
    )
    assert page("augmentations", side="32", noise="0.1").slider(key="noise").label.endswith("(default 0)]")


def test_changing_the_method_keeps_what_was_changed_on_purpose(page):
    app = with_settings(page("train", method="simclr", seed="5", temperature="0.5"))
    app.selectbox(key="method").select("vicreg").run()
    usual = RunSettings.build("vicreg").flat()
    assert not app.exception and not app.warning and "temperature" not in app.query_params
    assert app.number_input(key="seed").value == 5
    assert app.select_slider(key="set_learning_rate").value == usual["learning_rate"]


@pytest.mark.parametrize(("seconds", "said"), [(60.0, "hides patches from a transf"), (-5.0, "at least 0.1")])
def test_what_does_not_fit_the_new_method_costs_neither_data_nor_seed(page, seconds, said):
    app = page("train", method="simclr", data="digits", seed="5", encoder="resnet18")
    app.number_input(key="seconds").set_value(seconds)
    app.selectbox(key="method").select("mae").run()
    assert not app.exception and said in texts(app.warning)
    assert app.selectbox(key="data").value == "digits" and app.number_input(key="seed").value == 5
    assert with_settings(app).session_state["set_encoder"] == "vit"


def test_a_preset_on_settings_that_do_not_fit_keeps_data_and_seed(page):
    app = with_settings(page("train", method="moco", data="digits", seed="5"))
    app.number_input(key="set_batch_size").set_value(100).run()
    press(app, "Quick look")
    assert "whole batches of 100" in texts(app.warning)
    assert app.selectbox(key="data").value == "digits" and app.number_input(key="seed").value == 5
    assert app.number_input(key="seconds").value == 15


def test_a_link_to_a_method_means_its_defaults_and_coming_back_keeps_the_form(page):
    app = page("train", method="simsiam")
    next(
        button for button in app.button if "stop" in button.label and "gradient" in button.label
    ).click().run()
    assert app.query_params["stop_gradient"] == "false"
    for asked, after in (({}, False), ({"method": "simsiam"}, True)):
        app.query_params.clear()
        for name, value in asked.items():
            app.query_params[name] = value
        app.session_state["_arrived"] = True
        app.run()
        assert forms_value(app, "stop_gradient") is after


def forms_value(app, name: str):
    return app.session_state[forms.VALUES][name]


def test_a_preset_that_breaks_the_method_throws_its_switch(page):
    app = page("train", method="simsiam", seed="3")
    button = next(button for button in app.button if "stop" in button.label and "gradient" in button.label)
    button.click().run()
    assert with_settings(app).toggle(key="set_stop_gradient").value is False
    assert app.number_input(key="seed").value == 3


def test_start_trains_and_the_page_shows_the_result(page):
    app = page("train", **TINY)
    next(button for button in app.button if button.label == "Start").click().run()
    run = app.query_params["run"]
    run = run[0] if isinstance(run, list) else run
    wait_for(run)
    app.run()
    assert not app.exception
    assert jobs.manager().status(run).state == "finished"
    assert {"Loss", "Accuracy", "PCA"} <= charts(app).keys()
    assert {metric.label for metric in app.metric} >= {"kNN accuracy", "Linear probe", "Loss", "Spread"}
    assert app.table[0].value is not None
    assert "python -m sslcore train simclr --data digits --steps 3" in texts(app.code)


def test_pairs_of_pictures_have_their_energy_drawn(page, finished):
    app = page("train", run=finished("vicreg"))
    app.session_state["detail"] = "Energy of pairs"
    app.run()
    assert not app.exception
    assert {"Energy", "Telling"} <= charts(app).keys()


def test_the_map_has_the_colours_that_its_images_allow(page, finished, colourful):
    app = page("train", run=finished())
    app.session_state["map_color"] = "Place"  # chosen for a run on other images
    app.run()
    assert not app.exception
    assert [trace["name"] for trace in charts(app)["PCA"]["traces"]] == [str(digit) for digit in range(10)]
    app.session_state["map_color"] = "Right or wrong"
    app.run()
    assert "Neighbours vote for the right class of" in texts(app.caption)
    app = page("train", run=finished(data=colourful, batch_size=4))
    assert not app.exception
    assert [trace["name"] for trace in charts(app)["PCA"]["traces"]] == ["images"]


def test_where_things_are_is_a_colour_of_the_map_where_it_is_known(page, finished, monkeypatch):
    known = {
        "Class": Coloring("Class", np.arange(500) % 2, ("cat", "dog")),
        "Place": Coloring("Place", np.arange(500) % 2, ("sea", "room")),
        "X": Coloring("X", np.arange(500.0)),
    }
    monkeypatch.setattr("ui.live_map.colorings_of", lambda *_: known)
    app = page("train", run=finished())
    assert [trace["name"] for trace in charts(app)["PCA"]["traces"]] == ["cat", "dog"]
    assert "try the colour Place" in texts(app.caption)
    app.session_state["map_color"] = "Place"
    app.run()
    assert not app.exception and "try the colour" not in texts(app.caption)
    assert [trace["name"] for trace in charts(app)["PCA"]["traces"]] == ["sea", "room"]


def test_a_second_browser_may_watch_but_not_control(page, tiny):
    run = jobs.manager().start(tiny(steps=0, seconds=600), "somebody else")
    wait_for(run, "running")
    app = page("train", run=run)
    state = {button.label: button.disabled for button in app.button}
    assert state["Pause"] and state["Stop"] and state["Step"]
    assert "You are watching" in texts(app.caption)
    jobs.manager().stop(run, "somebody else")


def test_a_run_in_the_queue_can_be_stopped_but_not_paused(page, tiny):
    first, second = (jobs.manager().start(tiny(steps=100000)) for _ in range(2))
    wait_for(first, "running")
    buttons = {button.label: button for button in page("train", run=second).button}
    assert buttons["Pause"].disabled and buttons["Step"].disabled and not buttons["Stop"].disabled
    assert "another run" in buttons["Pause"].help
    for run in (second, first):
        jobs.manager().stop(run)


def test_pause_step_resume_and_stop(page):
    app = page("train", **TINY | {"steps": "100000"})
    press(app, "Start")
    run = jobs.manager().active()[0].id
    wait_for(run, "running")
    app.run()
    press(app, "Pause")
    wait_for(run, "paused")
    before = jobs.manager().view(run).step
    app.run()
    press(app, "Step")
    wait_for_step(run, before + 1)
    wait_for(run, "paused")
    assert jobs.manager().view(run).step == before + 1
    app.run()
    press(app, "Resume")
    wait_for_step(run, before + 2)
    app.run()
    press(app, "Stop")
    wait_for(run)
    assert jobs.manager().status(run).state == "stopped"


def test_an_accuracy_that_is_missing_says_why(page):
    app = page("train", **TINY | {"steps": "100000"})
    press(app, "Start")
    run = jobs.manager().active()[0].id
    wait_for_step(run, 1)
    metrics = {metric.label: metric for metric in app.run().metric}
    assert metrics["Linear probe"].delta == "measured later"
    press(app, "Stop")
    wait_for(run)
    metrics = {metric.label: metric for metric in app.run().metric}
    assert metrics["Linear probe"].value == "–"
    assert metrics["Linear probe"].delta == "ended before it was measured"


def test_reset_goes_back_to_the_form(page, finished):
    app = page("train", run=finished())
    press(app, "Reset")
    assert "run" not in app.query_params
    assert "Press **Start**" in texts(app.info)


def test_an_unknown_run_is_a_sentence(page):
    app = page("train", run="<b>nope</b>")
    assert not app.exception
    assert "no run" in app.error[0].value
    assert any(link.proto.label == "All runs" for link in app.get("page_link"))


def test_a_link_does_not_lead_out_of_the_folder_of_runs(page, tiny, tmp_path_factory):
    other = RunFolder.create(tmp_path_factory.mktemp("elsewhere"), tiny())
    app = page("train", run=str(other.path))
    assert not app.exception
    assert "no run" in app.error[0].value


def test_settings_that_do_not_fit_the_data_are_a_sentence(page):
    app = page("train", **TINY | {"batch_size": "8000"})
    press(app, "Start")
    run = next(jobs.manager().root.glob("simclr-*")).name
    wait_for(run)
    app.run()
    assert not app.exception
    assert "batch" in texts(app.error)


@pytest.mark.parametrize(("name", "value"), [("seconds", -5.0), ("seed", -1), ("batch_size", 0)])
def test_a_number_out_of_range_is_a_sentence_when_start_is_pressed(page, server, name, value):
    app = with_settings(page("train", data="digits"))
    app.number_input(key=name if name in forms.QUICK else f"set_{name}").set_value(value)
    press(app, "Start")
    assert f"{name} must be at least" in texts(app.error).replace("\\", "")
    assert not list(server.glob("simclr-*")) and "run" not in app.query_params


def test_the_form_reads_what_it_wrote(page):
    app = page("train", method="mae", seed="4")
    for opened in (False, True):
        app.session_state["all_settings"] = opened
        values = app.run().session_state[forms.VALUES]
        assert bool(app.select_slider) == opened
        assert RunSettings.build("mae", **values) == RunSettings.build("mae", seed=4)


def test_what_was_turned_is_kept_and_in_the_url_when_the_settings_are_closed(page):
    app = with_settings(page("train"))
    app.select_slider(key="set_temperature").set_value(0.5).run()
    assert app.query_params["temperature"] == "0.5"
    app.session_state["all_settings"] = False
    app.run()
    assert not app.select_slider and app.query_params["temperature"] == "0.5"
    press(app, "Quick look")
    assert app.number_input(key="seconds").value == 15
    assert with_settings(app).select_slider(key="set_temperature").value == 0.5
    press(app, "Defaults")
    assert app.select_slider(key="set_temperature").value == RunSettings.build("simclr")["temperature"]
    assert "temperature" not in app.query_params


def test_the_command_is_that_of_the_settings_asked_for(page, tiny):
    run = jobs.manager().start(tiny(steps=100000))
    wait_for_step(run, 1)
    jobs.manager().turn(run, {"temperature": 0.77})
    end = time.monotonic() + 30
    while not jobs.manager().view(run).changes:
        assert time.monotonic() < end
        time.sleep(0.02)
    app = page("train", run=run)
    assert "temperature" not in texts(app.code) and "(temperature to 0.77)" in texts(app.caption)
    jobs.manager().stop(run)


def test_a_knob_that_is_refused_goes_back_and_says_why(page):
    app = page("train", **TINY | {"steps": "100000"})
    press(app, "Start")
    run = jobs.manager().active()[0].id
    wait_for(run, "running")
    app.session_state["turn_knobs"] = True
    app.run()
    app.slider(key=f"live_{run}_crop_max").set_value(0.1).run()
    assert not app.exception and "swap them" in texts(app.error)
    assert (
        app.slider(key=f"live_{run}_crop_max").value == jobs.manager().status(run).settings["crop_max"] == 1.0
    )
    assert "swap them" in texts(app.run().error), "it is not gone a second later"
    app.slider(key=f"live_{run}_crop_max").set_value(0.9).run()
    assert not app.error and jobs.manager().status(run).settings["crop_max"] == 0.9
    press(app, "Stop")


def test_a_live_knob_keeps_its_kind_of_widget(page):
    app = page("train", **TINY | {"method": "vicreg", "steps": "100000"})
    press(app, "Start")
    run = jobs.manager().active()[0].id
    wait_for(run, "running")
    app.session_state["turn_knobs"] = True
    app.run()
    for value in (0.0, 25.0):
        app.number_input(key=f"live_{run}_variance_weight").set_value(value).run()
        assert jobs.manager().status(run).settings["variance_weight"] == value
        app.run()
    press(app, "Stop")


def test_the_weights_of_a_mix_turn_one_by_one_while_it_runs(page):
    app = page("train", **TINY | {"method": "hybrid", "steps": "100000"})
    press(app, "Start")
    run = jobs.manager().active()[0].id
    wait_for(run, "running")
    app.session_state["turn_knobs"] = True  # opened
    app.run()
    app.number_input(key=f"live_{run}_mix_rotation").set_value(0.25).run()
    assert not app.exception and not app.error
    end = time.monotonic() + 30
    while jobs.manager().status(run).settings["mix"] != "simclr:1,rotation:0.25":
        assert time.monotonic() < end
        time.sleep(0.02)
    press(app, "Stop")


def press(app, label: str) -> None:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception


def wait_for_step(run: str, step: int) -> None:
    end = time.monotonic() + 30
    while jobs.manager().view(run).step < step:
        assert time.monotonic() < end
        time.sleep(0.02)
