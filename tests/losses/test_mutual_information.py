import math

import pytest
import torch

from sslcore.errors import UserError
from sslcore.losses import cpc, info_nce, jensen_shannon, local_info_nce, pair_scores, reversed_gradient


def scores_of(right: float, wrong: float, count: int = 5, places: int = 3) -> torch.Tensor:
    own = torch.eye(count).bool()[..., None].expand(count, count, places)
    return torch.where(own, float(right), float(wrong))


@pytest.mark.parametrize(("right", "wrong", "value"), [(0, 0, 0), (50, -50, -2 * math.log(2))])
def test_jensen_shannon_of_no_and_of_full_information(right, wrong, value):
    assert jensen_shannon(scores_of(right, wrong)).item() == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize("constant", [-3.0, -0.5, 2.0])
def test_constant_scores_never_beat_zero(constant):
    assert jensen_shannon(scores_of(constant, constant)) > 0


def test_jensen_shannon_agrees_with_the_formula_written_as_loops():
    scores = torch.randn(4, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    right = [math.log1p(math.exp(-scores[i, i, k])) for i in range(4) for k in range(3)]
    wrong = [
        math.log1p(math.exp(scores[i, j, k])) for i in range(4) for j in range(4) if i != j for k in range(3)
    ]
    expected = sum(right) / len(right) + sum(wrong) / len(wrong) - 2 * math.log(2)
    assert jensen_shannon(scores).item() == pytest.approx(expected)


@pytest.mark.parametrize("constant", [0.0, 4.0])
def test_local_info_nce_of_constant_scores_counts_the_places_of_other_images(constant):
    loss = local_info_nce(scores_of(constant, constant, count=8, places=16))
    assert loss.item() == pytest.approx(math.log(1 + 7 * 16), abs=1e-5)


def test_local_info_nce_vanishes_for_perfect_scores():
    assert local_info_nce(scores_of(20, -20)).item() == pytest.approx(0, abs=1e-6)


def test_local_info_nce_of_one_place_is_info_nce(views):
    normal = [torch.nn.functional.normalize(v, dim=1) for v in views]
    scores = pair_scores(normal[0], normal[1][:, None]) / 0.3
    assert torch.allclose(local_info_nce(scores), info_nce(*views, temperature=0.3))


def test_the_other_places_of_an_image_are_no_negatives():
    scores = torch.randn(4, 4, 3, generator=torch.Generator().manual_seed(0))
    alone = torch.stack([local_info_nce(scores[..., [k]]) for k in range(3)])
    assert local_info_nce(scores) > alone.mean()  # more negatives, from other images
    raised = scores.clone().requires_grad_()
    local_info_nce(raised).backward()
    own = raised.grad.diagonal()
    assert (own < 0).all()  # as a negative, a place of the own image would be pushed down somewhere


def test_pair_scores_are_dot_products():
    queries, places = torch.randn(3, 5), torch.randn(3, 2, 5)
    assert torch.allclose(pair_scores(queries, places)[1, 2, 0], queries[1] @ places[2, 0], atol=1e-6)


@pytest.mark.parametrize("loss", [jensen_shannon, local_info_nce])
@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 4, 2), (3, 3)])
def test_scores_of_another_shape_are_refused(loss, shape):
    with pytest.raises(UserError, match="shape"):
        loss(torch.zeros(shape))


@pytest.mark.parametrize("loss", [jensen_shannon, local_info_nce])
def test_gradients_of_scores_agree_with_finite_differences(loss):
    scores = torch.randn(3, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(loss, scores.requires_grad_())


def test_cpc_of_nothing_is_log_of_the_candidates():
    assert cpc(torch.zeros(3, 28, 8), torch.randn(3, 28, 8)).item() == pytest.approx(math.log(28), abs=1e-5)


def test_cpc_vanishes_for_perfect_predictions():
    z = 10 * torch.eye(16)[None]
    assert cpc(z, z).item() == pytest.approx(0, abs=1e-6)


def test_cpc_of_unit_rows_is_info_nce_in_each_group(views):
    normal = torch.stack([torch.nn.functional.normalize(v, dim=1) for v in views])
    expected = (info_nce(*normal, temperature=1) + info_nce(*normal.flip(0), temperature=1)) / 2
    assert torch.allclose(cpc(normal, normal.flip(0)), expected)


def test_cpc_refuses_what_does_not_pair():
    with pytest.raises(UserError, match="same shape"):
        cpc(torch.zeros(2, 3, 4), torch.zeros(2, 4, 4))


def test_a_reversed_gradient_deceives_what_follows():
    x = torch.randn(4, 3, requires_grad=True)
    y = reversed_gradient(x)
    y.square().sum().backward()
    assert torch.equal(y, x) and torch.allclose(x.grad, -2 * x)
