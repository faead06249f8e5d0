import pytest
import torch

from tests.methods.test_conformance import batch_of, make, views_of


def loss_of(method, z):
    method.project_all = lambda views: z
    return method.loss(views_of(method, batch_of(4)))


def normal(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_collapse_to_zero_is_what_the_card_says():
    method = make("lejepa", batch_size=32)
    zeros = torch.zeros(4, 32, method.knobs.projector_output)
    assert loss_of(method, zeros).total.item() == pytest.approx(method.card.collapse(method.settings))
    assert method.card.collapse(method.settings) == pytest.approx(0.05 * 32 * 0.4020, rel=1e-3)


@pytest.mark.parametrize("weight", [0.05, 0.5])
def test_a_gaussian_that_ignores_the_images_is_at_chance(weight):
    method = make("lejepa", batch_size=256, sigreg_weight=weight, directions=512)
    loss = loss_of(method, normal(4, 256, method.knobs.projector_output)).total.item()
    assert loss == pytest.approx(method.card.chance(method.settings), rel=0.05)


def test_views_that_agree_cost_nothing_but_the_test():
    method = make("lejepa")
    z = normal(1, 64, method.knobs.projector_output).repeat(4, 1, 1)
    terms = loss_of(method, z).terms
    assert terms["invariance"].item() == pytest.approx(0, abs=1e-10)
    assert terms["sigreg"] > 0


def test_directions_are_new_unit_vectors_every_time():
    method = make("lejepa")
    first, second = (views_of(method, batch_of(4), seed)["directions"] for seed in (0, 1))
    assert first.shape == (method.knobs.directions, method.knobs.projector_output)
    assert torch.allclose(first.norm(dim=1), torch.ones(len(first))) and not torch.equal(first, second)


@pytest.mark.parametrize("processes", [2, 3])
def test_the_mean_over_shares_of_the_directions_is_the_mean_over_all(processes, monkeypatch):
    """What several processes do: each tests along its own directions."""
    method = make("lejepa")
    views = views_of(method, batch_of(4))
    whole = method.loss(views).total
    monkeypatch.setattr("sslcore.methods.redundancy.lejepa.processes", lambda: processes)
    shares = views["directions"].tensor_split(processes)
    parts = [method.loss({**views, "directions": share}).total for share in shares]
    assert torch.allclose(sum(parts) / processes, whole, atol=1e-5)
