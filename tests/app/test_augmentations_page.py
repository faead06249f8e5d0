import io
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from sslcore.errors import UserError
from sslcore.knobs import knobs_of
from sslcore.registry import methods
from sslcore.runs import RunFolder
from sslcore.views import ViewSettings
from sslcore.views.lab import lab_to_rgb
from tests.app.conftest import words
from ui import jobs, trained
from ui.augment_kinds import kinds
from ui.augment_methods import DRAWS, method_views
from ui.augment_page import PRESETS
from ui.augment_source import _scene, _scenes, company, dataset_picture
from ui.trained import runs_with_weights, similarity

IMAGE = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
OTHERS = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
HIDING = ("context_encoder", "mae", "beit", "simmim", "maskfeat", "data2vec", "ijepa", "msn", "ibot")


def captions(app) -> str:
    return " ".join(str(c) for element in app.get("image") for c in [i.caption for i in element.proto.imgs])


def test_views_come_with_what_was_drawn(page):
    app = page("augmentations", side="32")
    assert not app.exception
    assert "crop" in captions(app) and "flipped" in captions(app)
    assert "once a run has finished" in words(app)


def test_the_address_holds_the_whole_picture(page):
    query = {"side": "32", "draw": "5", "crop_min": "0.1", "picture": "Digits", "number": "3"}
    first, same, other = page("augmentations", **query), page("augmentations", **query), page("augmentations")
    assert first.number_input(key="draw").value == 5 and first.selectbox(key="picture").value == "Digits"
    assert first.slider(key="crop_min").value == pytest.approx(0.1)
    assert captions(first) == captions(same) != captions(other)


def test_draw_again_takes_the_next_seed(page):
    app = page("augmentations", side="32", draw="5")
    before = captions(app)
    app.button(key="again").click().run()
    assert app.number_input(key="draw").value == 6
    assert captions(app) != before


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_of_view_is_drawn(page, kind):
    app = page("augmentations", side="32", kind=kind)
    assert not app.exception and not app.error
    assert app.get("image")


@pytest.mark.parametrize("name", methods())
def test_every_method_makes_something_of_a_picture(name):
    seen = [method_views(name, IMAGE, IMAGE.flip(2), OTHERS, {}, 5) for _ in range(2)]
    assert seen[0]
    for panel, again in zip(*seen, strict=True):
        assert panel.title and len(panel.images) and panel.images.shape[-3] == 3
        assert torch.equal(panel.images, again.images)


def test_views_of_a_method_are_of_the_picture_and_not_of_its_company():
    still = {"crop_min": 1.0, "crop_max": 1.0, "flip": 0.0, "jitter": 0.0, "grayscale": 0.0}
    (turns,) = method_views("rotation", IMAGE, IMAGE, OTHERS, still, 0)
    assert all(torch.allclose(turns.images[4 * i], IMAGE, atol=1e-5) for i in range(DRAWS))
    assert torch.allclose(turns.images[1], IMAGE.rot90(1, (1, 2)), atol=1e-5)
    pair = method_views("micle", IMAGE, IMAGE.flip(2), OTHERS, still | {"view_scale": 1.0}, 0)
    assert torch.allclose(pair[0].images[0], IMAGE, atol=1e-5)
    assert torch.allclose(pair[1].images[0], IMAGE.flip(2), atol=1e-5)


def test_settings_that_are_changed_replace_those_of_the_method():
    still = {"crop_min": 1.0, "flip": 1.0, "jitter": 0.0, "grayscale": 0.0, "view_scale": 1.0}
    for panel in method_views("simclr", IMAGE, IMAGE, OTHERS, still, 0):
        assert all(torch.allclose(view, IMAGE.flip(2), atol=1e-5) for view in panel.images)


@pytest.mark.parametrize("side", [64, 96])
def test_larger_pictures_are_cut_up_too(side):
    picture = torch.rand(3, side, side, generator=torch.Generator().manual_seed(0))
    for name in ("ijepa", "jigsaw", "cpc", "dino", "context_encoder"):
        assert method_views(name, picture, picture, picture[None].repeat(3, 1, 1, 1), {}, 0)


def test_a_scene_has_a_partner_of_the_same_individual_and_other_company():
    scenes = _scenes()
    source = dataset_picture("toybox", 3, 32)
    drawn = [i for i in range(len(scenes)) if torch.equal(_scene(i, 32), source.partner)]
    assert drawn and drawn != [3]
    assert all((scenes[i].toy, scenes[i].individual) == (scenes[3].toy, scenes[3].individual) for i in drawn)
    others = company(source)
    assert others.shape == (3, 3, 32, 32) and not any(torch.equal(image, source.image) for image in others)


def test_what_is_hidden_is_shown_beside_what_is_left():
    titles = {
        name: [panel.title for panel in method_views(name, IMAGE, IMAGE, OTHERS, {}, 0)] for name in HIDING
    }
    assert all("What is left of it" in found for found in titles.values())
    assert titles["ijepa"][-1] == "What is to be told from it, block by block"
    (left,) = (p for p in method_views("mae", IMAGE, IMAGE, OTHERS, {}, 0) if p.title == "What is left of it")
    assert ((left.images == 0.5).all(1).float().mean((1, 2)) >= 0.75).all()


def test_a_method_is_chosen_and_linked(page):
    app = page("augmentations", side="32", kind="By method", of="Masked autoencoder")
    assert not app.exception and not app.error
    assert app.selectbox(key="of").value == "Masked autoencoder"
    assert "Is asked for" in words(app) and "What is left of it" in words(app)
    app.selectbox(key="of").select("Jigsaw puzzle").run()
    assert not app.exception and "in the order in which the network gets them" in words(app)


@pytest.mark.parametrize("title", PRESETS)
def test_presets_set_every_view_knob(page, title):
    app = page("augmentations", side="32", crop_min="0.7", noise="0.1")
    app.button(key=f"preset_{title}").click().run()
    wanted = {name: knob.default for name, knob in knobs_of(ViewSettings).items()} | PRESETS[title][0]
    assert not app.exception
    assert {name: app.session_state[name] for name in wanted} == wanted


def test_knobs_that_do_not_fit_together_are_a_sentence(page):
    app = page("augmentations", side="32", crop_min="0.9", crop_max="0.5")
    assert not app.exception
    assert any("crop" in element.value for element in app.error)


def test_nonsense_in_the_address_does_no_harm(page):
    app = page("augmentations", draw="x", side="7", kind="nope", crop_min="99", picture="<b>")
    assert not app.exception


def test_names_that_mean_nothing_are_told_and_leave_the_address(page):
    app = page("augmentations", side="32", picture="Nope", kind="Nope", nonsense="1", noise="0.1")
    said = " ".join(element.value for element in app.warning)
    assert "no picture called 'Nope'" in said and "no kind called 'Nope'" in said and "'nonsense'" in said
    assert not {"picture", "kind", "nonsense"} & set(app.query_params) and "noise" in app.query_params
    assert not app.run().warning


def test_an_own_picture_that_is_none_is_a_sentence(page):
    app = page("augmentations", picture="Your own picture", side="32")
    assert "Choose a file" in words(app)
    app.get("file_uploader")[0].set_value(("a.png", b"no picture", "image/png")).run()
    assert not app.exception and "could not be read" in words(app)


def test_an_own_picture_is_augmented(page):
    file = io.BytesIO()
    Image.new("RGB", (50, 40), "red").save(file, "PNG")
    app = page("augmentations", picture="Your own picture", side="32")
    app.get("file_uploader")[0].set_value(("a.png", file.getvalue(), "image/png")).run()
    assert not app.exception and "crop" in captions(app)


def test_a_finished_run_judges_the_views(page, finished):
    finished()
    app = page("augmentations", side="32")
    assert not app.exception
    assert "cosine" in captions(app) and "Mean cosine" in words(app)


def test_the_best_run_judges_unless_another_is_chosen(page, finished, monkeypatch):
    good, poor = finished(seed=1), finished(seed=2)
    over = runs_with_weights(jobs.manager().root)
    rated = {poor: replace(over[poor], knn=0.25), good: replace(over[good], knn=0.3125)}
    monkeypatch.setattr("ui.augment_page.runs_with_weights", lambda root: rated)
    judge = page("augmentations", side="32").selectbox(key="judge")
    assert judge.value == good and f"kNN 31.3 % · finished · {good}" in judge.options[2]


def test_an_unchanged_view_has_cosine_one(finished):
    folder = jobs.manager().root / finished()
    image = (255 * IMAGE).to(torch.uint8)
    cosines, others = similarity(folder, image, torch.stack([image.float() / 255, 1 - image.float() / 255]))
    assert cosines[0] == pytest.approx(1, abs=1e-4)
    assert -1 <= cosines[1] < 1 and -1 <= others < 1


def test_what_all_images_have_in_common_makes_no_likeness(server, monkeypatch):
    image, others = (255 * IMAGE).to(torch.uint8), torch.arange(8 * 3072) * 37 % 251
    others = others.view(8, 3, 32, 32).to(torch.uint8)

    def judged(offset: float) -> tuple[list[float], float]:
        network = SimpleNamespace(encode=lambda images: images.flatten(1) + offset)
        monkeypatch.setattr(trained, "_judge", lambda folder, step: (network, 32, others))
        return similarity(server, image, 1 - IMAGE[None])

    (near, mean), (near_shifted, mean_shifted) = judged(0.0), judged(50.0)
    assert near_shifted == pytest.approx(near, abs=1e-3) and mean_shifted == pytest.approx(mean, abs=1e-3)


def test_a_method_with_an_encoder_of_its_own_judges_too(finished, colourful):
    folder = jobs.manager().root / finished("split_brain", data=colourful, batch_size=4)
    cosines, _ = similarity(folder, (255 * IMAGE).to(torch.uint8), IMAGE[None])
    assert cosines[0] == pytest.approx(1, abs=1e-3)


def test_the_network_that_judges_sees_what_probes_let_it_see(finished, colourful):
    folder = jobs.manager().root / finished(
        "colorization", data=colourful, batch_size=4
    )  # it never sees colours
    lab = torch.stack([30 + 40 * IMAGE[0], 15 * (2 * IMAGE[1] - 1), 15 * (2 * IMAGE[2] - 1)])
    image = (255 * lab_to_rgb(lab[None])[0]).round().to(torch.uint8)
    other_colours = lab_to_rgb((lab * torch.tensor([1.0, -1.0, -1.0]).view(3, 1, 1))[None])
    cosines, _ = similarity(folder, image, other_colours)
    assert cosines[0] == pytest.approx(1, abs=1e-4)


def test_a_run_without_weights_is_a_sentence(server, tiny):
    folder = RunFolder.create(server, tiny())
    with pytest.raises(UserError):
        similarity(folder.path, (255 * IMAGE).to(torch.uint8), IMAGE[None])


@pytest.mark.parametrize("kind", kinds())
def test_the_same_seed_makes_the_same_pictures(kind):
    made = kinds()[kind]
    values = {name: knob.default for name, knob in made.knobs.items()}

    def pictures() -> list[torch.Tensor]:
        panels = made.make(IMAGE, ViewSettings(), values, torch.Generator().manual_seed(3))
        return [panel.images for panel in panels]

    for first, second in zip(pictures(), pictures(), strict=True):
        assert torch.equal(first, second) and first.min() >= 0 and first.max() <= 1


def test_a_toybox_scene_is_the_same_at_any_size():
    small, large = dataset_picture("toybox", 7, 32).image, dataset_picture("toybox", 7, 64).image
    assert small.shape == (3, 32, 32) and large.shape == (3, 64, 64)
    halved = torch.nn.functional.avg_pool2d(large[None].float(), 2)[0]
    assert (halved - small).abs().mean() < 12
