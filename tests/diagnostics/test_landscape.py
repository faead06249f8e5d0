import pytest
import torch

from sslcore.diagnostics import COPY, CURVES, PULL, TOYS, plain_of, train_landscape
from sslcore.errors import UserError
from sslcore.registry import methods

HELD_UP = [name for name in TOYS if name not in (PULL, COPY)]
JOINT = [name for name in HELD_UP if plain_of(name) == PULL]
REBUILT = [name for name in HELD_UP if plain_of(name) == COPY]


def test_losses_are_those_of_methods():
    assert set(HELD_UP) <= set(methods())


def test_curves_are_what_they_are_called_and_fit_the_plane():
    t = torch.rand(100, generator=torch.Generator().manual_seed(0))
    x, y = CURVES["parabola"](t).unbind(1)
    assert torch.allclose(y, 2 * x.square() - 1, atol=1e-6)
    x, y = CURVES["circle"](t).unbind(1)
    assert torch.allclose(x.square() + y.square(), torch.ones(100), atol=1e-5)
    for curve in CURVES.values():
        assert curve(t).abs().max() <= 1


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("loss", JOINT)
def test_a_loss_that_holds_other_pairs_up_leaves_a_groove(loss, curve):
    found = train_landscape(loss, curve=curve, steps=200, resolution=21)
    assert found.energy.shape == (21, 21) and found.energy.min() >= 0 and found.energy.max() <= 2
    report = found.report
    # distances are what VICReg holds up, and embeddings far apart may still lie in like directions
    assert report.gap > 0.3 and report.compatible < 0.25 * report.incompatible
    assert report.auc > 0.75 and found.relief > 0.4 and found.barrier > 0.2


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("loss", REBUILT)
def test_a_code_that_cannot_copy_everything_leaves_a_groove(loss, curve):
    found, plain = (train_landscape(name, curve=curve, resolution=21) for name in (loss, COPY))
    assert found.energy.min() >= 0 and found.energy.max() <= 2
    report = found.report
    assert report.compatible < 0.25 * report.incompatible and report.auc > 0.75
    assert report.gap > 5 * plain.report.gap and found.barrier > 10 * plain.barrier
    assert plain.report.incompatible < 0.01 and plain.barrier < 0.01


@pytest.mark.parametrize("curve", CURVES)
def test_pulling_alone_leaves_a_plain(curve):
    found = train_landscape(PULL, curve=curve, steps=200, resolution=21)
    inside = found.side.abs() <= 1
    assert found.energy[inside][:, inside].max() < 0.1
    assert found.report.gap < 0.05 and found.relief < 0.05 and found.barrier < 0.05


def test_rows_are_y_and_columns_x():
    found = train_landscape("simclr", steps=200, resolution=41)
    x, y = found.curve[100]  # on the left arm of the parabola, where x and y are not to be exchanged
    column, row = ((found.side - value).abs().argmin() for value in (x, y))
    assert abs(x - y) > 0.6
    assert found.energy[row, column] < 0.3 * found.energy[column, row]


def test_the_same_arguments_give_the_same_landscape_and_leave_torch_alone():
    state = torch.get_rng_state()
    first = train_landscape("simclr", steps=5, resolution=5)
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(1)
    assert torch.equal(first.energy, train_landscape("simclr", steps=5, resolution=5).energy)
    assert not torch.equal(first.energy, train_landscape("simclr", steps=5, resolution=5, seed=1).energy)


@pytest.mark.parametrize(("loss", "curve"), [("rotation", "parabola"), ("simclr", "square")])
def test_what_there_is_not_is_named(loss, curve):
    with pytest.raises(UserError, match=r"choose one of (simclr|parabola)"):
        train_landscape(loss, curve=curve)
