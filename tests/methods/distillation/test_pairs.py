"""BYOL, SimSiam, MoCo v3, MSN: each view is compared with the target's answer to the other one, never with its own."""

import pytest
import torch

from sslcore.methods.base import Progress
from tests.methods.test_closed_forms import Says
from tests.methods.test_conformance import batch_of, make, views_of

FIRST, SECOND = (
    torch.eye(8)[:4],
    torch.eye(8)[4:],
)  # answers to the four images of the one view, and of the other


@pytest.mark.parametrize(("name", "knobs"), [("byol", {}), ("simsiam", {}), ("moco", {"version": "v3"})])
def test_each_view_is_compared_with_the_target_of_the_other(name, knobs):
    method = make(name, projector_output=8, batch_size=4, **knobs)
    method.project_both = lambda views: (FIRST, SECOND)
    views = dict.fromkeys(("view1", "view2"), torch.zeros(4, 1))
    swapped, straight = torch.cat([SECOND, FIRST]), torch.cat([FIRST, SECOND])

    def loss(predictions: torch.Tensor) -> float:
        method.predictor = Says(predictions)
        return method.loss(views).total.item()

    if name != "simsiam":
        method.target = Says(straight)
    best = method.card.best(method.settings)
    assert loss(swapped) == pytest.approx(best, abs=1e-4)  # each says what the target says of the other view
    assert loss(straight) > best + 0.5
    if name == "byol":
        assert loss(-swapped) == pytest.approx(8.0, abs=1e-4)


def test_msn_teaches_with_the_whole_second_view():
    method = make("msn")
    views = views_of(method, batch_of(4))
    seen = []
    target = method.target.forward
    method.target.forward = lambda images: seen.append(images) or target(images)
    method.loss(views)
    assert len(seen) == 1 and torch.equal(seen[0], views["view2"])


@pytest.mark.parametrize("name", ["byol", "msn", "dino", "ibot"])
def test_the_target_rises_to_rest(name):
    method = make(name, momentum=0.5)
    rates = [method.momentum(Progress(1, fraction)) for fraction in (0.0, 0.5, 1.0)]
    assert rates == pytest.approx([0.5, 0.75, 1.0])
