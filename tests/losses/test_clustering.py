import math

import pytest
import torch

from sslcore.errors import UserError
from sslcore.losses import iic, mean_entropy_gap, sinkhorn, swapped_prediction, swav


def cosines(count=256, prototypes=64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    z, c = (
        torch.nn.functional.normalize(torch.randn(n, 32, generator=generator)) for n in (count, prototypes)
    )
    return z @ c.T


@pytest.mark.parametrize("iterations", [1, 3])
def test_codes_of_every_sample_sum_to_one(iterations):
    codes = sinkhorn(cosines(), epsilon=0.05, iterations=iterations)
    assert torch.allclose(codes.sum(1), torch.ones(256))


def test_prototypes_get_equal_shares_as_iterations_grow():
    shares = [sinkhorn(cosines(), epsilon=0.05, iterations=n).sum(0) / 4 - 1 for n in (1, 3, 100)]
    deviations = [share.abs().mean().item() for share in shares]
    assert deviations[0] > deviations[1] > deviations[2]
    assert deviations[2] == pytest.approx(0, abs=1e-3)


def test_codes_agree_with_the_published_algorithm():
    q = (cosines().double() / 0.05).exp().T
    q /= q.sum()
    for _ in range(3):
        q /= q.sum(1, keepdim=True) * 64
        q /= q.sum(0, keepdim=True) * 256
    assert torch.allclose(sinkhorn(cosines().double(), epsilon=0.05, iterations=3), 256 * q.T)


def test_equal_scores_have_uniform_codes():
    assert torch.allclose(sinkhorn(torch.ones(8, 4), epsilon=0.05, iterations=3), torch.full((8, 4), 0.25))


def test_large_scores_do_not_overflow():
    assert sinkhorn(1000 * cosines(), epsilon=0.05, iterations=3).isfinite().all()


def test_codes_carry_no_gradient():
    assert not sinkhorn(cosines().requires_grad_(), epsilon=0.05, iterations=3).requires_grad


@pytest.mark.parametrize(("epsilon", "iterations"), [(0, 3), (0.05, 0)])
def test_hyperparameters_out_of_range_are_refused(epsilon, iterations):
    with pytest.raises(UserError):
        sinkhorn(cosines(), epsilon=epsilon, iterations=iterations)


def test_swav_at_collapse_is_log_of_the_prototypes():
    same = torch.ones(16, 30)
    assert swav(same, same, temperature=0.1).item() == pytest.approx(math.log(30), abs=1e-5)


def test_swav_predicts_the_code_of_the_other_view():
    s1, s2 = cosines(seed=0), cosines(seed=1)
    q1, q2 = (sinkhorn(s, epsilon=0.1, iterations=2) for s in (s1, s2))
    expected = -(q2 * (s1 / 0.2).log_softmax(1) + q1 * (s2 / 0.2).log_softmax(1)).sum(1).mean() / 2
    assert torch.allclose(swav(s1, s2, temperature=0.2, epsilon=0.1, iterations=2), expected)


def test_swav_of_sure_balanced_agreement_vanishes():
    scores = torch.eye(8).repeat(4, 1)
    assert swav(scores, scores, temperature=0.02).item() == pytest.approx(0, abs=1e-6)


def test_a_swapped_prediction_is_the_log_likelihood_of_a_sure_code():
    scores, sure = cosines(), torch.eye(cosines().shape[1])[torch.arange(len(cosines())) % cosines().shape[1]]
    likelihood = (scores / 0.3).softmax(1)[sure.bool()]
    assert torch.allclose(swapped_prediction(scores, sure, temperature=0.3), -likelihood.log().mean())
    assert swapped_prediction(
        torch.ones(4, 8), sure[:4, :8].softmax(1), temperature=0.3
    ).item() == pytest.approx(math.log(8))


def test_swav_learns_as_if_its_codes_were_given():
    """Finite differences see a loss that moves with its codes, too; the gradient must not."""
    scores = [cosines(seed=seed).double().requires_grad_() for seed in (0, 1)]
    codes = [sinkhorn(s, epsilon=0.05, iterations=3) for s in scores]

    def given(s1, s2):
        one, two = (swapped_prediction(s, q, temperature=0.3) for s, q in ((s1, codes[1]), (s2, codes[0])))
        return (one + two) / 2

    assert torch.autograd.gradcheck(given, scores)
    expected = torch.autograd.grad(given(*scores), scores)
    for found, slope in zip(
        torch.autograd.grad(swav(*scores, temperature=0.3), scores), expected, strict=True
    ):
        assert torch.allclose(found, slope)


def test_swav_teaches_both_views():
    s1, s2 = cosines(seed=0).requires_grad_(), cosines(seed=1).requires_grad_()
    swav(s1, s2, temperature=0.1).backward()
    assert s1.grad.abs().sum() > 0
    assert s2.grad.abs().sum() > 0


def test_iic_of_sure_balanced_agreement_is_minus_log_of_the_clusters():
    p = torch.eye(10).repeat(5, 1)
    assert iic(p, p).item() == pytest.approx(-math.log(10), abs=1e-5)


@pytest.mark.parametrize("p", [torch.full((20, 10), 0.1), torch.eye(10)[[3] * 20]])
def test_iic_of_both_collapses_is_zero(p):
    assert iic(p, p).item() == pytest.approx(0, abs=1e-5)


def test_iic_lies_between_minus_log_c_and_zero():
    p1, p2 = torch.randn(2, 100, 6, generator=torch.Generator().manual_seed(0)).mul(3).softmax(2)
    assert -math.log(6) < iic(p1, p2).item() < 0


def test_iic_is_minus_the_mutual_information():
    p1, p2 = torch.randn(2, 100, 4, generator=torch.Generator().manual_seed(0)).double().softmax(2)
    joint = torch.stack([torch.outer(a, b) for a, b in zip(p1, p2, strict=True)]).mean(0)
    joint = (joint + joint.T) / 2
    margins = torch.outer(joint.sum(1), joint.sum(0))
    assert iic(p1, p2).item() == pytest.approx(-(joint * (joint / margins).log()).sum().item())


@pytest.mark.parametrize("p", [torch.eye(8), torch.full((3, 8), 1 / 8)])
def test_groups_used_alike_have_no_entropy_gap(p):
    assert mean_entropy_gap(p).item() == pytest.approx(0, abs=1e-6)


def test_one_group_for_all_has_the_largest_entropy_gap():
    p = torch.eye(8)[[2] * 5].requires_grad_()
    gap = mean_entropy_gap(p)
    gap.backward()
    assert gap.item() == pytest.approx(math.log(8), abs=1e-6)
    assert not p.grad.isnan().any()


def test_entropy_gap_is_the_divergence_from_equal_shares():
    p = torch.randn(20, 6, generator=torch.Generator().manual_seed(0)).double().softmax(1)
    share = p.mean(0)
    assert mean_entropy_gap(p).item() == pytest.approx((share * (share * 6).log()).sum().item())


def test_assignments_must_be_a_matrix():
    with pytest.raises(UserError, match="matrix"):
        mean_entropy_gap(torch.ones(3))
