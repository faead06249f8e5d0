import pytest
import torch

from sslcore.diagnostics import prototype_usage


def test_everything_on_one_prototype_has_no_information():
    usage = prototype_usage(torch.eye(8)[[3] * 50])
    assert (usage.usage, usage.uncertainty, usage.information) == (0, 0, 0)
    assert usage.active == 1 / 8
    assert usage.perplexity == pytest.approx(1)


def test_undecided_samples_have_no_information():
    usage = prototype_usage(torch.full((50, 8), 1 / 8))
    assert usage.usage == pytest.approx(1)
    assert usage.uncertainty == pytest.approx(1)
    assert usage.information == pytest.approx(0, abs=1e-9)


def test_sure_and_balanced_samples_carry_all_information():
    usage = prototype_usage(torch.eye(8).repeat(5, 1))
    assert usage.information == pytest.approx(1)
    assert usage.active == 1
    assert usage.perplexity == pytest.approx(8)
