import pytest
import torch

from benchmarks.agreement import CASES, SOLO, compare, furthest
from benchmarks.agreement_equations import EQUATIONS
from benchmarks.agreement_inputs import draw, take
from sslcore import losses


@pytest.mark.parametrize("case", [c for c in CASES if c.library == SOLO], ids=lambda c: c.theirs)
def test_written_out_equations_agree_or_differ_for_a_reason(case):
    inputs = draw(seed=1)
    found = compare(case, inputs, take(EQUATIONS[case.theirs], inputs))
    assert found["equal to 1e-5"] == ("no" if case.reason else "yes"), found


def test_every_case_names_a_loss_of_ours():
    assert {name for case in CASES for name in case.loss.split(" + ")} <= set(losses.__all__)
    assert {case.theirs for case in CASES if case.library == SOLO} == set(EQUATIONS)


def test_a_difference_is_relative_where_figures_are_large():
    assert furthest(torch.tensor([100.0, 0.0]), torch.tensor([101.0, 0.0])) == pytest.approx(1 / 101)
    assert furthest(torch.tensor([0.5]), torch.tensor([0.25])) == pytest.approx(0.25)


def test_gradients_are_of_all_inputs_that_have_one():
    taken = take(lambda x: (x.z1 * x.z2.detach()).sum() * x.temperature, draw())
    assert set(taken["gradients"]) == {"z1"}
