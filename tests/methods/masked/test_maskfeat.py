from dataclasses import replace

import pytest
import torch

from sslcore.errors import UserError
from sslcore.methods.masked_tokens import hidden
from sslcore.views import unpatchify
from tests.conftest import tiny_settings
from tests.methods.test_closed_forms import Says, silence
from tests.methods.test_conformance import batch_of, make, views_of


@pytest.mark.parametrize(
    "knobs", [{}, {"hog_bins": 6}, {"patch_size": 8}, {"hog_norm": False, "mask_ratio": 0.95}]
)
def test_an_answer_of_zero_is_at_chance(knobs):
    method = make("maskfeat", **knobs)
    silence(method.head)
    loss = method.loss(views_of(method, batch_of(32))).total.item()
    assert loss == pytest.approx(
        method.card.chance(method.settings), rel=2e-2 if "hog_norm" in knobs else 1e-4
    )


def test_the_target_of_a_ramp_is_its_one_direction():
    method, batch = make("maskfeat", patch_size=8), batch_of(3)
    ramp = torch.linspace(0, 1, 32).expand_as(batch.images)  # brighter to the right: bin 0 of 9
    target = views_of(method, replace(batch, images=ramp))["target"]
    assert target.shape == (3, 16, 4 * 27)
    histograms = unpatchify(target, 2).unflatten(1, (3, 9))
    assert torch.allclose(histograms[:, :, 0], torch.ones(()), atol=1e-3)
    assert histograms[:, :, 1:].abs().max() < 0.05


def test_the_truth_costs_nothing():
    method = make("maskfeat")
    views = views_of(method, batch_of(4))
    method.head = Says(hidden(views["target"], views["mask"]))
    assert method.loss(views).total.item() == method.card.best(method.settings) == 0


def test_cells_must_divide_patches():
    with pytest.raises(UserError, match="hog_cell"):
        tiny_settings("maskfeat", hog_cell=3)


@pytest.mark.parametrize(("size", "side"), [(32, 4), (40, 5)])
def test_collapse_is_judged_on_the_middle_place(size, side):
    method, images = make("maskfeat", size=size, patch_size=8).eval(), batch_of(3, size=size).floats
    tokens = method.encoder.tokens(method.encoder.standardise(images))
    middle = tokens.unflatten(1, (side, side))[:, side // 2, side // 2]
    assert torch.equal(method.project(images), middle - tokens.mean(1))
