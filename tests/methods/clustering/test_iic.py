import pytest
import torch

from tests.methods.test_conformance import batch_of, make, views_of


def loss_of(method, logits):
    method.project_both = lambda views: (logits, logits)
    return method.loss(views_of(method, batch_of(4))).total.item()


def sure(method, groups):
    """Logits of all heads that put image i into groups[i], modulo the number of groups of each head."""
    knobs = method.knobs
    one_hot = [torch.eye(c)[groups % c] for c in (knobs.clusters, knobs.extra_clusters)]
    return 100 * torch.cat(one_hot, 1).repeat(1, knobs.sub_heads)


@pytest.mark.parametrize("entropy_weight", [1.0, 1.5])
def test_sure_balanced_agreement_is_the_best(entropy_weight):
    method = make("iic", clusters=4, extra_clusters=6, entropy_weight=entropy_weight)
    loss = loss_of(method, sure(method, torch.arange(48)))
    assert loss == pytest.approx(method.card.best(method.settings), abs=1e-4)


@pytest.mark.parametrize("entropy_weight", [0.0, 1.0])
def test_one_group_for_all_is_collapse(entropy_weight):
    method = make("iic", clusters=4, extra_clusters=6, entropy_weight=entropy_weight)
    loss = loss_of(method, sure(method, torch.full((48,), 2)))
    assert loss == pytest.approx(method.card.collapse(method.settings), abs=1e-4)


@pytest.mark.parametrize("entropy_weight", [0.0, 1.0])
def test_undecided_images_are_at_chance(entropy_weight):
    method = make("iic", clusters=4, extra_clusters=6, entropy_weight=entropy_weight)
    loss = loss_of(method, torch.zeros_like(sure(method, torch.arange(48))))
    assert loss == pytest.approx(method.card.chance(method.settings), abs=1e-4)


def test_heads_have_their_groups():
    method = make("iic", clusters=4, extra_clusters=6, sub_heads=3)
    main, extra = method.groups(torch.randn(5, 30))
    assert main.shape == (3, 5, 4) and extra.shape == (3, 5, 6)
    assert torch.allclose(main.sum(2), torch.ones(3, 5)) and torch.allclose(extra.sum(2), torch.ones(3, 5))
