import math

import pytest
import torch

from sslcore.errors import UserError
from tests.conftest import tiny_settings
from tests.methods.test_closed_forms import Says
from tests.methods.test_conformance import batch_of, make, views_of


def spread_pixels(keep, side, patch=4):
    """(N, 1, H, W): which pixels belong to the patches that are kept."""
    kept = torch.zeros(len(keep), side**2, dtype=torch.bool).scatter(1, keep, True)
    return kept.view(-1, 1, side, side).repeat_interleave(patch, 2).repeat_interleave(patch, 3)


def test_missing_patches_do_not_count():
    method = make("msn", mask_ratio=0.5).eval()
    views = views_of(method, batch_of(4))
    assert views["keep"].shape == (4, 18)
    kept = spread_pixels(views["keep"], 6)
    changed = {**views, "view1": torch.where(kept, views["view1"], 0.0)}
    for one, other in zip(method.anchors(views), method.anchors(changed), strict=True):
        assert torch.allclose(one, other)


def loss_at(method, point):
    """The loss when the student and the teacher have the same embedding for every image."""
    method.anchors = lambda views: [method.prototypes(point)] * 3
    method.target = Says(point)
    return method.loss({"view2": None})


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_one_group_for_all_costs_the_spread(weight):
    method = make("msn", prototypes=8, spread_weight=weight, student_temperature=0.01, projector_output=8)
    with torch.no_grad():
        method.prototypes.weight.copy_(torch.eye(8))
    losses = loss_at(method, torch.eye(8)[[2] * 6])
    assert losses.total.item() == pytest.approx(weight * math.log(8), abs=1e-4)
    assert losses.total.item() == pytest.approx(method.card.collapse(method.settings), abs=1e-4)
    assert losses.metrics["groups"].item() == pytest.approx(1, abs=1e-3)


def test_undecided_images_cost_the_cross_entropy():
    method = make("msn", prototypes=8)
    losses = loss_at(method, torch.zeros(6, method.knobs.projector_output))
    assert losses.terms["cross_entropy"].item() == pytest.approx(math.log(8), abs=1e-5)
    assert losses.terms["spread"].item() == pytest.approx(0, abs=1e-5)


def test_sure_and_spread_images_cost_nothing():
    method = make("msn", prototypes=8, student_temperature=0.01, projector_output=8)
    with torch.no_grad():
        method.prototypes.weight.copy_(torch.eye(8))
    assert loss_at(method, torch.eye(8)).total.item() == pytest.approx(method.card.best(None), abs=1e-4)


@pytest.mark.parametrize("wrong", [{"encoder": "small"}, {"local_min": 0.9, "local_max": 0.2}])
def test_settings_that_cannot_work_are_a_sentence(wrong):
    with pytest.raises(UserError):
        tiny_settings("msn", **wrong)
