import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sslcore.data import ImageData, Split
from sslcore.runs import RunFolder
from tests.app.conftest import charts, wait_for, words
from ui import jobs
from ui.embedding_colors import colored_figure, colorings
from ui.neighbours import others_nearest
from ui.projection_service import Map, ProjectionService

FOUND = Map(np.arange(8, dtype=np.float32).reshape(4, 2), "PCA", 5)


def made(labelled: bool = True) -> ImageData:
    labels = torch.tensor([0, 1, 0, 1]) if labelled else None
    factors = {"x": torch.tensor([0.1, 0.2, 0.3, 0.4]), "place": torch.tensor([1, 0, 0, 1])}
    factors |= {"style": torch.zeros(4, dtype=torch.int64)}
    split = Split(torch.zeros(4, 3, 8, 8, dtype=torch.uint8), labels, factors if labelled else {})
    names = {"x": None, "place": ("sea", "room"), "style": ("flat",)}
    return ImageData("toy", "Toy", ("cat", "dog") if labelled else (), split, split, split, names)


def chart(app) -> dict:
    (figure,) = charts(app).values()
    return figure


def test_a_server_without_runs_says_what_to_do(page):
    app = page("embedding")
    assert not app.exception
    assert "No run has a map yet" in words(app)


@pytest.mark.parametrize("run", ["nope", "../../etc", "<b>x</b>"])
def test_an_unknown_run_is_a_sentence(page, finished, run):
    finished()
    app = page("embedding", run=run)
    assert not app.exception
    assert "There is no run" in app.error[0].value


def test_the_newest_snapshot_is_mapped_by_class(page, finished):
    run = finished()
    app = page("embedding", run=run)
    last = RunFolder(jobs.manager().root / run).snapshot_steps()[-1]
    assert not app.exception
    assert f"at step {last}" in chart(app)["alt"]
    assert [trace["name"] for trace in chart(app)["traces"]] == [str(digit) for digit in range(10)]
    assert "How not to read" in " ".join(e.label for e in app.expander)
    assert chart(app)["layout"]["dragmode"] == "lasso" and "a drag lassos" in words(app)


def test_a_run_that_is_going_on_is_mapped_and_watched(page, tiny):
    run = jobs.manager().start(tiny(steps=0, seconds=600), "somebody else")
    wait_for(run, "running")
    folder, end = RunFolder(jobs.manager().root / run), time.monotonic() + 30
    while not folder.snapshot_steps():
        assert time.monotonic() < end
        time.sleep(0.05)
    job = jobs.manager()._jobs[run]
    job.awaited = False
    app = page("embedding", run=run)
    jobs.manager().stop(run, "somebody else")
    wait_for(run)
    assert not app.exception and "at step" in chart(app)["alt"]
    assert job.awaited, "it is being watched"


def test_images_without_labels_are_mapped_too(page, finished, colourful):
    app = page("embedding", run=finished(data=colourful, batch_size=4))
    assert not app.exception
    assert [trace["name"] for trace in chart(app)["traces"]] == ["images"]
    assert "image 0" in words(app) and "same class" not in words(app)


def test_the_slider_goes_back_to_the_untrained_network(page, finished):
    run = finished()
    app = page("embedding", run=run)
    app.select_slider(key=f"map_step_{run}").set_value(0).run()
    assert not app.exception and "at step 0" in chart(app)["alt"]


def test_play_goes_from_the_first_snapshot_to_the_last(page, finished):
    run = finished()
    app = page("embedding", run=run)
    steps, seen = RunFolder(jobs.manager().root / run).snapshot_steps(), []
    app.button(key="play").click().run()
    for _ in range(2 * len(steps)):
        seen.append(app.session_state[f"map_step_{run}"])
        if not app.session_state["_playing"]:
            break
        app.run()
    assert not app.exception
    assert seen == steps


def test_the_neighbours_of_an_image_are_shown(page, finished):
    app = page("embedding", run=finished())
    app.number_input(key="map_image").set_value(3).run()
    assert not app.exception
    captions = [image.caption for element in app.get("image") for image in element.proto.imgs]
    assert captions[0] == "number 3" and len(captions) == 9
    assert "of 8 are of the same class" in words(app)


def test_colours_and_spaces_can_be_chosen(page, finished):
    app = page("embedding", run=finished())
    app.selectbox(key="map_colour").select("Right or wrong").run()
    before = chart(app)["traces"]
    names = {trace["name"] for trace in before}
    assert names and names <= {"neighbours agree", "neighbours disagree"}
    app.session_state["map_space"] = "Projector output"
    app.run()
    assert not app.exception and chart(app)["traces"] != before


def test_what_is_known_of_images_can_be_coloured():
    assert list(colorings(made())) == ["Class", "Right or wrong", "X", "Place"]
    assert list(colorings(made(labelled=False))) == ["None"] == list(colorings(None))


def test_named_factors_are_groups_and_numbers_a_scale():
    looks = colorings(made())
    groups = colored_figure(FOUND, looks["Place"], [0] * 4)
    assert {trace["name"]: trace["customdata"] for trace in groups.traces} == {"sea": [1, 2], "room": [0, 3]}
    (scale,) = colored_figure(FOUND, looks["X"], [0] * 4).traces
    assert scale["marker"]["color"] == [0.1, 0.2, 0.3, 0.4] and scale["marker"]["showscale"]


def test_images_without_labels_have_one_colour():
    (trace,) = colored_figure(FOUND, colorings(made(labelled=False))["None"], [-1] * 4).traces
    assert trace["customdata"] == [0, 1, 2, 3]


def test_neighbours_are_ranked_by_cosine_not_by_distance():
    spread = np.array([[1, 0], [10, 1], [0.75, 0.5], [0, 0]])
    features = np.concatenate([spread, -spread[1:3], [[-1, 0]]])  # their mean is zero
    order, cosines = others_nearest(features, 0, 3)
    assert order == [1, 2, 3]
    assert cosines == pytest.approx([10 / np.sqrt(101), 0.75 / np.hypot(0.75, 0.5), 0], abs=1e-6)


def test_what_all_images_have_in_common_makes_no_neighbours():
    features = np.random.default_rng(0).normal(size=(30, 4))
    order, cosines = others_nearest(features, 7)
    shifted, same = others_nearest(features + 50, 7)
    assert shifted == order and same == pytest.approx(cosines, abs=1e-3)


def test_a_map_of_a_snapshot_is_pca_until_its_layout_comes():
    asked, answers = [], []
    layouts = SimpleNamespace(
        error="",
        poll=lambda: answers.pop() if answers else None,
        request=lambda key, features, previous=None, method="umap": asked.append((key, previous, method)),
    )
    service, features = ProjectionService(layouts), np.random.default_rng(0).normal(size=(20, 4))
    assert service.at("a", 0, features, "t-SNE").kind == "PCA"
    answers.append((asked[0][0], np.full((20, 2), 3.0)))
    assert service.at("a", 0, features, "t-SNE").kind == "t-SNE"
    assert service.at("a", 0, features, "UMAP").kind == "PCA"
    service.at("a", 9, features, "t-SNE")
    assert [method for *_, method in asked] == ["tsne", "umap", "tsne"]
    assert (asked[2][1] == 3).all(), "the next layout starts from the nearest one"
