import pytest
import torch

from tests.methods.test_conformance import batch_of, make, views_of


def loss_of(method, z1, z2):
    method.project_both = lambda views: (z1, z2)
    return method.loss(views_of(method, batch_of(4)))


def test_collapse_costs_one_per_dimension():
    method = make("barlow_twins")
    point = torch.ones(64, method.knobs.projector_output)
    assert loss_of(method, point, point).total.item() == method.card.collapse(method.settings)


def test_unrelated_views_are_at_chance():
    method = make("barlow_twins", batch_size=256, redundancy_weight=0.05)
    z1, z2 = torch.randn(2, 256, method.knobs.projector_output, generator=torch.Generator().manual_seed(0))
    chance = method.card.chance(method.settings)
    assert loss_of(method, z1, z2).total.item() == pytest.approx(chance, rel=0.03)


def test_metrics_tell_the_diagonal_from_the_rest():
    z = torch.randn(2000, 8, generator=torch.Generator().manual_seed(0))
    metrics = loss_of(make("barlow_twins"), z, z).metrics
    assert metrics["same_dimension"].item() == pytest.approx(1, abs=1e-3)
    assert metrics["other_dimensions"].item() < 0.05
    copies = z[:, :1].repeat(1, 8)
    assert loss_of(make("barlow_twins"), copies, copies).metrics["other_dimensions"].item() > 0.99
