import math

import pytest
import torch

from sslcore.errors import UserError
from sslcore.losses import instance_discrimination, mean_shift, normalized_mse


@pytest.mark.parametrize("temperature", [0.07, 1.0])
def test_instance_discrimination_with_a_bank_of_equal_rows_is_log_n(temperature):
    z = torch.randn(5, 8, generator=torch.Generator().manual_seed(0))
    loss = instance_discrimination(z, torch.ones(100, 8), torch.arange(5), temperature=temperature)
    assert loss.item() == pytest.approx(math.log(100), abs=1e-5)


def test_instance_discrimination_vanishes_once_every_image_knows_its_entry():
    bank = torch.eye(64)
    index = torch.tensor([7, 3, 60])
    assert instance_discrimination(bank[index], bank, index, temperature=0.04).item() == pytest.approx(
        0, abs=1e-5
    )


def test_instance_discrimination_agrees_with_the_formula_written_as_loops(views):
    z, bank = (torch.nn.functional.normalize(v, dim=1) for v in (views[0][:2], views[1]))
    total = 0.0
    for i, y in enumerate((3, 1)):
        weights = [math.exp(z[i] @ bank[j] / 0.3) for j in range(4)]
        total -= math.log(weights[y] / sum(weights)) / 2
    loss = instance_discrimination(7 * z, 5 * bank, torch.tensor([3, 1]), temperature=0.3)
    assert loss.item() == pytest.approx(total, abs=1e-10)


def test_instance_discrimination_refuses_what_does_not_fit():
    with pytest.raises(UserError, match="N indices"):
        instance_discrimination(torch.ones(4, 3), torch.ones(9, 3), torch.arange(3), temperature=0.1)
    with pytest.raises(UserError, match="temperature"):
        instance_discrimination(torch.ones(4, 3), torch.ones(9, 3), torch.arange(4), temperature=0)


def test_mean_shift_with_one_neighbour_is_byol(views):
    prediction, target = views
    bank = torch.cat([target, -target])
    loss = mean_shift(prediction, target, bank, neighbours=1)
    assert torch.allclose(loss, normalized_mse(prediction, target))


def test_mean_shift_averages_over_the_nearest():
    target = torch.tensor([[1.0, 0.0]])
    bank = torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.6, 0.8], [-1.0, 0.0]])
    prediction = torch.tensor([[0.0, 3.0]])
    for neighbours, similarity in ((1, 0.0), (2, 0.4), (3, 1.8 / 3), (4, 1.8 / 4)):
        loss = mean_shift(prediction, target, bank, neighbours=neighbours)
        assert loss.item() == pytest.approx(2 - 2 * similarity)


@pytest.mark.parametrize(("prediction", "value"), [([1.0, 0.0], 0), ([0.0, 1.0], 2), ([-1.0, 0.0], 4)])
def test_mean_shift_spans_zero_to_four(prediction, value):
    one = torch.tensor([[1.0, 0.0]])
    loss = mean_shift(torch.tensor([prediction]), one, one.expand(9, 2), neighbours=5)
    assert loss.item() == pytest.approx(value)


def test_mean_shift_gives_a_gradient_to_the_prediction_only(views):
    prediction, target = (v.clone().requires_grad_() for v in views)
    bank = torch.eye(3, dtype=torch.float64, requires_grad=True)
    mean_shift(prediction, target, bank, neighbours=2).backward()
    assert prediction.grad.abs().sum() > 0 and target.grad is None and bank.grad is None


@pytest.mark.parametrize(("bank", "neighbours"), [((3, 3), 4), ((5, 2), 1), ((5, 3), 0)])
def test_mean_shift_refuses_a_bank_that_does_not_fit(bank, neighbours, views):
    with pytest.raises(UserError, match="neighbours need a bank"):
        mean_shift(*views, torch.ones(bank), neighbours=neighbours)
