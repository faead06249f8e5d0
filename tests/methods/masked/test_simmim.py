from math import ceil

import pytest
import torch

from sslcore.errors import UserError
from sslcore.methods.masked_tokens import hidden
from tests.conftest import tiny_settings
from tests.methods.test_closed_forms import Says, silence
from tests.methods.test_conformance import batch_of, make, views_of


@pytest.mark.parametrize("ratio", [0.05, 0.5, 0.6, 0.95])
def test_squares_are_hidden_whole(ratio):
    method = make("simmim", mask_ratio=ratio)
    mask = views_of(method, batch_of(6))["mask"].view(6, 4, 2, 4, 2)
    squares = mask.any(4).any(2)
    assert torch.equal(squares, mask.all(4).all(2))
    assert (squares.sum((1, 2)) == min(ceil(16 * ratio), 15)).all()


def test_an_answer_of_zero_is_at_chance_on_normal_pixels():
    method = make("simmim", jitter=0, crop_min=1)
    silence(method.pixels)
    generator = torch.Generator().manual_seed(0)
    views = views_of(method, batch_of(64))
    views["images"] = 0.5 + 0.25 * torch.randn(views["images"].shape, generator=generator)
    loss = method.loss(views).total.item()
    assert loss == pytest.approx(method.card.chance(method.settings), abs=0.01)


def test_hidden_pixels_are_not_seen_and_visible_ones_do_not_count():
    method = make("simmim").eval()
    views = views_of(method, batch_of(4))
    covered = views["mask"].view(4, 1, 8, 8).repeat_interleave(4, 2).repeat_interleave(4, 3)
    hidden_gone = {**views, "images": torch.where(covered, 0.0, views["images"])}
    assert torch.allclose(method.see(views), method.see(hidden_gone))
    silence(method.pixels)
    visible_gone = {**views, "images": torch.where(covered, views["images"], 0.0)}
    assert torch.allclose(method.loss(views).total, method.loss(visible_gone).total)
    assert not torch.allclose(method.loss(views).total, method.loss(hidden_gone).total)


def test_the_truth_costs_nothing():
    method = make("simmim")
    views = views_of(method, batch_of(4))
    method.pixels = Says(hidden(method.patches(views["images"]), views["mask"]))
    assert method.loss(views).total.item() == method.card.best(method.settings) == 0


@pytest.mark.parametrize("wrong", [{"mask_unit": 6}, {"encoder": "resnet18"}])
def test_settings_that_cannot_work_are_a_sentence(wrong):
    with pytest.raises(UserError, match=r"mask_unit|vit"):
        tiny_settings("simmim", **wrong)


def test_squares_must_fit_the_image():
    with pytest.raises(UserError, match="do not divide"):
        make("simmim", size=48, mask_unit=32)
    with pytest.raises(UserError, match="do not divide"):
        make("simmim", mask_unit=32)
