from math import log

import pytest
import torch

from sslcore.methods.base import Batch, classification
from sslcore.views import apply_permutation, inverse_permutation, rgb_to_lab
from tests.methods.test_closed_forms import silence
from tests.methods.test_conformance import batch_of, make, views_of

WEIGHTS = ("order_weight", "missing_weight", "colour_weight")
STILL = {"crop_min": 1, "flip": 0, "jitter": 0, "grayscale": 0}


def test_what_is_seen_is_gray_and_one_tile_is_blank():
    views = views_of(make("damaged_jigsaw"), batch_of(8))
    assert (views["blank"].sum(1) == 1).all()
    seen = views["seen"]
    assert torch.allclose(seen[:, :, 0], seen[:, :, 2])
    blank = seen[views["blank"]]
    assert (blank == blank.flatten()[0]).all()
    assert (seen[~views["blank"]].flatten(1).std(1) > 0.01).all()


def test_the_blank_tile_leaks_nothing():
    method = make("damaged_jigsaw", gap=0, tile_jitter=False, **STILL)
    batch = batch_of(8)
    views = views_of(method, batch)
    order = method.permutation_set[views["target"]]
    lost = order[views["blank"]]  # which tile of each image is lost
    changed = batch.images.clone()
    for image, place in zip(changed, lost.tolist(), strict=True):
        row, column = divmod(place, 2)
        image[:, 16 * row : 16 * row + 16, 16 * column : 16 * column + 16] = 0.9
    again = views_of(method, Batch(changed, None, batch.index))
    assert torch.equal(again["seen"], views["seen"])
    assert not torch.equal(again["truth"], views["truth"])


def test_the_lost_tile_is_painted_and_not_coloured():
    method = make("damaged_jigsaw").eval()
    views = views_of(method, batch_of(8))
    truth = torch.where(views["blank"][:, :, None, None, None], 1 - views["truth"], views["truth"])
    first, second = method.loss(views).terms, method.loss({**views, "truth": truth}).terms
    assert torch.equal(first["colours"], second["colours"])
    assert not torch.equal(first["missing"], second["missing"])


@pytest.mark.parametrize("alone", WEIGHTS)
def test_one_weight_alone_leaves_one_task(alone):
    method = make("damaged_jigsaw", **{name: float(name == alone) for name in WEIGHTS})
    views = views_of(method, batch_of(8))
    losses = method.loss(views)
    term = alone.removesuffix("_weight").replace("colour", "colours")
    assert torch.equal(losses.total, losses.terms[term])
    if alone == "order_weight":
        logits, _, _ = method.answers(views["seen"])
        expected = classification(logits, views["target"]).total
        assert torch.allclose(losses.total, expected)


def test_by_default_no_picture_loses_the_colours_it_is_asked_for():
    colours = batch_of(40)
    truth = views_of(make("damaged_jigsaw"), colours)["truth"]
    assert (truth.flatten(3).std(2) > 1e-3).any(2).any(1).all()


def test_silent_heads_are_at_chance():
    method = make("damaged_jigsaw", missing_weight=0.0)
    silence(method.head)
    silence(method.colourer)
    loss = method.loss(views_of(method, batch_of(8))).total.item()
    assert loss == pytest.approx(log(24) + 0.3 * log(76), abs=1e-4)
    assert loss == pytest.approx(method.card.chance(method.settings), abs=1e-4)


def test_painting_the_mean_costs_the_variance():
    method = make("damaged_jigsaw")
    for part in (method.head, method.colourer, method.painter):
        silence(part)
    views = views_of(method, batch_of(64))
    noise = torch.randn(views["truth"].shape, generator=torch.Generator().manual_seed(0))
    views["truth"] = 0.5 + 0.25 * noise  # normal once it is standardised
    loss = method.loss(views).total.item()
    assert loss == pytest.approx(log(24) + 1 + 0.3 * log(76), abs=2e-2)
    assert loss == pytest.approx(method.card.chance(method.settings), abs=2e-2)


def test_a_finished_puzzle_has_the_lightness_of_the_picture():
    method = make("damaged_jigsaw", gap=0, tile_jitter=False, **STILL).eval()
    views = views_of(method, batch_of(4))
    shown = rgb_to_lab(method.preview(views)[1].images)[:, 0]
    order = method.answers(views["seen"])[0].argmax(1)
    truth = apply_permutation(views["truth"], inverse_permutation(method.permutation_set[order]))
    blank = apply_permutation(views["blank"], inverse_permutation(method.permutation_set[order]))
    light = rgb_to_lab(truth.flatten(0, 1))[:, 0].unflatten(0, (4, 4))
    painted = torch.stack(
        [part.flatten() for part in shown.unfold(1, 16, 16).unfold(2, 16, 16).flatten(1, 2).flatten(0, 1)]
    )
    kept = (~blank).flatten()
    # colours that no screen shows are cut off, which changes lightness a little
    assert (painted[kept] - light.flatten(0, 1).flatten(1)[kept]).abs().median() < 1


def test_the_representation_sees_no_colour():
    method, batch = make("damaged_jigsaw").eval(), batch_of(4)
    gray = views_of(method, batch)["seen"]
    assert gray.shape[2] == 3
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).expand(2, 3, 32, 32)
    as_light = torch.full((2, 3, 32, 32), 0.5324)
    assert torch.allclose(method.encode(red), method.encoder(as_light), atol=1e-2)
