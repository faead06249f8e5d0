import pytest
import torch

from sslcore.errors import UserError
from sslcore.losses import counting


@pytest.fixture
def counts():
    generator = torch.Generator().manual_seed(0)
    return [
        torch.rand(*shape, dtype=torch.float64, generator=generator) for shape in ((5, 3), (5, 4, 3), (5, 3))
    ]


@pytest.mark.parametrize("margin", [0.0, 10.0])
def test_counting_nothing_costs_the_margin(margin):
    nothing = torch.zeros(5, 3)
    assert counting(nothing, torch.zeros(5, 4, 3), nothing, margin=margin) == margin


def test_counts_that_add_up_and_differ_cost_nothing(counts):
    _, tiles, _ = counts
    total = tiles.sum(1)
    assert counting(total, tiles, total + 2, margin=10.0).item() == pytest.approx(0.0)  # 3 * 2^2 > 10


def test_the_hinge_is_on_the_squared_distance(counts):
    _, tiles, _ = counts
    total = tiles.sum(1)
    far = total.clone()
    far[:, 0] += 3
    assert counting(total, tiles, far, margin=10.0).item() == pytest.approx(1.0)
    assert counting(far, tiles, far, margin=10.0).item() == pytest.approx(10.0)


def test_counting_has_the_right_gradient(counts):
    inputs = [count.requires_grad_() for count in counts]
    assert torch.autograd.gradcheck(lambda *c: counting(*c, margin=10.0), inputs)


def test_counts_that_do_not_fit_are_refused(counts):
    whole, tiles, other = counts
    with pytest.raises(UserError, match="tiles"):
        counting(whole, tiles[:, :, :2], other, margin=1.0)
    with pytest.raises(UserError, match="tiles"):
        counting(whole, tiles, other[:3], margin=1.0)
