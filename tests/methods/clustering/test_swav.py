import math

import pytest
import torch

from sslcore.losses import sinkhorn, swav
from sslcore.methods.base import Progress
from tests.methods.test_conformance import batch_of, make, views_of


def test_without_small_views_it_is_the_published_loss():
    method = make("swav")
    views = views_of(method, batch_of(16))
    scores = [method.prototypes(z) for z in method.project_both(views)]
    expected = swav(*scores, temperature=method.knobs.temperature)
    assert torch.allclose(method.loss(views).total, expected, atol=1e-6)


@pytest.mark.parametrize("sinkhorn", [True, False])
def test_collapse_is_what_the_card_says(sinkhorn):
    method = make("swav", prototypes=30, sinkhorn=sinkhorn, temperature=0.01, sinkhorn_epsilon=0.01)
    with torch.no_grad():  # prototypes at right angles, and every view at the first of them
        method.prototypes.weight.copy_(torch.eye(30, method.knobs.projector_output))
    point = torch.zeros(16, method.knobs.projector_output)
    point[:, 0] = 1.0
    method.project_crops = lambda views: [point] * 4
    loss = method.loss({}).total.item()
    expected = method.card.collapse(method.settings)
    if sinkhorn:  # the codes spread, so the least loss is that of spread answers: the point cannot reach it
        assert loss > expected
        with torch.no_grad():
            method.prototypes.weight.fill_(1.0)
        loss = method.loss({}).total.item()
    assert loss == pytest.approx(expected, abs=1e-5)


def test_the_queue_is_sorted_with_the_batch():
    method = make("swav", queue_size=64, prototypes=20)
    views = views_of(method, batch_of(8))
    method.loss(views)
    before = method.queue.rows.clone()
    method.after_step(Progress(1, 0.1))
    assert not torch.equal(method.queue.rows[:16], before[:16])
    assert torch.equal(method.queue.rows[16:], before[16:])
    with torch.no_grad():
        scores = method.prototypes(method.project(views["view1"]))
        together = torch.cat([scores, method.prototypes(method.queue.rows)])
    codes = method.sort(scores)
    expected = sinkhorn(together, epsilon=0.05, iterations=3)[:8]
    assert torch.equal(codes, expected) and not codes.requires_grad


def test_few_images_and_many_groups_cannot_be_sorted_without_a_queue():
    """Spread evenly, 4 images take all 100 groups: every image lies in 25 of them."""
    method = make("swav", prototypes=100)
    codes = method.sort(torch.randn(4, 100, generator=torch.Generator().manual_seed(0)).clamp(-1, 1))
    assert math.exp(torch.special.entr(codes).sum(1).mean().item()) > 5


def test_prototypes_learn():
    method = make("swav")
    method.loss(views_of(method, batch_of(8))).total.backward()
    assert method.prototypes.weight.grad.abs().sum() > 0
