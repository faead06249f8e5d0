import math

import pytest
import torch

from sslcore.errors import UserError
from sslcore.losses import (
    clip,
    coupling,
    decoupled_contrastive,
    info_nce,
    moco_info_nce,
    nnclr,
    nt_xent,
    supervised_contrastive,
    triplet,
)


def test_nt_xent_of_identical_embeddings_is_log_of_the_number_of_candidates_at_any_temperature():
    same = torch.ones(64, 16)
    for temperature in (0.05, 0.5, 5.0):
        assert nt_xent(same, same, temperature=temperature).item() == pytest.approx(math.log(127), abs=1e-5)


@pytest.mark.parametrize(("temperature", "value"), [(0.1, 0.02289), (0.2, 1.4898), (0.5, 4.2488)])
def test_nt_xent_of_orthogonal_images_has_its_closed_form(temperature, value):
    z = torch.eye(256)
    assert nt_xent(z, z, temperature=temperature).item() == pytest.approx(value, abs=1e-4)


def test_nt_xent_reaches_its_optimum_on_a_simplex_of_images():
    count, temperature = 16, 0.5
    z = torch.eye(count, dtype=torch.float64) - 1 / count
    optimum = math.log(1 + (2 * count - 2) * math.exp(-(1 + 1 / (count - 1)) / temperature))
    assert nt_xent(z, z, temperature=temperature).item() == pytest.approx(optimum, abs=1e-9)


def test_nt_xent_of_random_embeddings_is_near_its_expectation():
    generator = torch.Generator().manual_seed(0)
    z1, z2 = torch.randn(2, 256, 128, generator=generator)
    expected = math.log(511) + 1 / (2 * 128 * 0.5**2)
    assert nt_xent(z1, z2, temperature=0.5).item() == pytest.approx(expected, abs=0.1)


def test_nt_xent_agrees_with_the_formula_written_as_loops(views):
    z = torch.nn.functional.normalize(torch.cat(views), dim=1)
    count, total = len(views[0]), 0.0
    for i in range(2 * count):
        others = [math.exp(z[i] @ z[k] / 0.3) for k in range(2 * count) if k != i]
        total -= math.log(math.exp(z[i] @ z[(i + count) % (2 * count)] / 0.3) / sum(others))
    assert nt_xent(*views, temperature=0.3).item() == pytest.approx(total / (2 * count), abs=1e-10)


def test_info_nce_of_identical_embeddings_is_log_n():
    same = torch.ones(32, 8)
    assert info_nce(same, same, temperature=0.07).item() == pytest.approx(math.log(32), abs=1e-5)


def test_info_nce_vanishes_for_perfect_matches_at_low_temperature():
    z = torch.eye(32)
    assert info_nce(z, z, temperature=0.02).item() == pytest.approx(0, abs=1e-6)


def test_info_nce_of_two_pairs_is_the_logistic_loss(views):
    query, key = views[0][:2], views[1][:2]
    cosine = torch.nn.functional.cosine_similarity(query[:, None], key[None], dim=-1) / 0.5
    wrong_minus_right = torch.stack([cosine[0, 1] - cosine[0, 0], cosine[1, 0] - cosine[1, 1]])
    expected = torch.nn.functional.softplus(wrong_minus_right).mean()
    assert torch.allclose(info_nce(query, key, temperature=0.5), expected)


def test_info_nce_is_one_way(views):
    there, back = (info_nce(*pair, temperature=0.2) for pair in (views, views[::-1]))
    assert not torch.allclose(there, back)


@pytest.mark.parametrize("loss", [nt_xent, info_nce])
def test_a_temperature_of_zero_is_refused(loss, views):
    with pytest.raises(UserError, match="temperature must be above 0"):
        loss(*views, temperature=0)


def test_moco_of_identical_vectors_is_log_of_queue_and_key():
    same = torch.ones(16, 8)
    loss = moco_info_nce(same, same, torch.ones(4096, 8), temperature=0.07)
    assert loss.item() == pytest.approx(math.log(4097), abs=1e-4)


def test_moco_with_the_other_keys_as_queue_is_info_nce(views):
    query, key = views
    rows = [
        moco_info_nce(query[[i]], key[[i]], key[[j for j in range(4) if j != i]], temperature=0.2)
        for i in range(4)
    ]
    assert torch.allclose(torch.stack(rows).mean(), info_nce(query, key, temperature=0.2))


def test_a_queue_of_another_width_is_refused(views):
    with pytest.raises(UserError, match="queue"):
        moco_info_nce(*views, torch.ones(5, 2), temperature=0.2)


def test_nnclr_of_one_shared_neighbour_and_identical_predictions_is_log_n():
    same = torch.ones(32, 8)
    assert nnclr(same, same, temperature=0.1).item() == pytest.approx(math.log(32), abs=1e-5)


def test_nnclr_whose_neighbours_are_the_views_is_info_nce(views):
    z, p = (torch.nn.functional.normalize(view, dim=1) for view in views)
    scores = (z @ p.T / 0.1).double()
    expected = (scores.logsumexp(1) - scores.diagonal()).mean().item()
    assert nnclr(*views, temperature=0.1).item() == pytest.approx(expected, rel=1e-5)


def test_decoupled_loss_of_identical_embeddings_has_one_candidate_less():
    same = torch.ones(256, 8)
    assert decoupled_contrastive(same, same, temperature=0.1).item() == pytest.approx(6.2344, abs=1e-3)


def test_nt_xent_is_the_softplus_of_the_decoupled_loss_of_each_anchor():
    # In a regular simplex all anchors are alike, so the identity holds for the means too.
    z = torch.eye(6, dtype=torch.float64) - 1 / 6
    decoupled = decoupled_contrastive(z, z, temperature=0.4)
    assert torch.allclose(nt_xent(z, z, temperature=0.4), torch.nn.functional.softplus(decoupled))


def test_decoupled_weights_average_one(views):
    z = torch.eye(4, 8)
    plain = decoupled_contrastive(z, z, temperature=0.3)
    assert torch.allclose(decoupled_contrastive(z, z, temperature=0.3, weight_sigma=0.5), plain)
    cosine = torch.nn.functional.cosine_similarity(*views)
    weight = 2 - 4 * (cosine / 0.5).softmax(0)
    shift = ((1 - weight) * cosine).mean() / 0.3
    weighted = decoupled_contrastive(*views, temperature=0.3, weight_sigma=0.5)
    assert torch.allclose(weighted, decoupled_contrastive(*views, temperature=0.3) + shift)


def test_decoupled_loss_needs_negatives():
    with pytest.raises(UserError, match="at least 2"):
        decoupled_contrastive(torch.ones(1, 4), torch.ones(1, 4), temperature=0.1)


def test_supervised_contrast_of_single_images_is_nt_xent(views):
    loss = supervised_contrastive(torch.cat(views), torch.arange(4).repeat(2), temperature=0.3)
    assert torch.allclose(loss, nt_xent(*views, temperature=0.3))


def test_supervised_contrast_of_identical_embeddings_is_log_of_the_others():
    loss = supervised_contrastive(torch.ones(20, 4), torch.arange(20) % 3, temperature=0.1)
    assert loss.item() == pytest.approx(math.log(19), abs=1e-5)


def test_anchors_without_a_positive_count_as_zero(views):
    z = views[0]
    pair = -torch.stack([_log_p(z, 0, 1), _log_p(z, 1, 0)]).sum() / 4
    loss = supervised_contrastive(z, torch.tensor([0, 0, 1, 2]), temperature=0.5)
    assert torch.allclose(loss, pair)


def _log_p(z, i, j):
    cosine = torch.nn.functional.cosine_similarity(z[[i]], z) / 0.5
    return cosine[j] - torch.cat([cosine[:i], cosine[i + 1 :]]).logsumexp(0)


def test_labels_must_match_the_rows():
    with pytest.raises(UserError, match="one label each"):
        supervised_contrastive(torch.ones(4, 2), torch.arange(3), temperature=0.1)


def test_triplet_at_collapse_is_its_margin():
    same = torch.ones(8, 4)
    assert triplet(same, same, same, margin=0.2).item() == pytest.approx(0.2)


def test_triplet_of_satisfied_and_violated_triplets():
    x, y = torch.eye(2)[[0]], torch.eye(2)[[1]]
    assert triplet(x, x, y, margin=0.2) == 0
    assert triplet(x, x, y, margin=2.5).item() == pytest.approx(0.5)
    assert triplet(x, -x, x, margin=0.2).item() == pytest.approx(4.2)


def test_triplet_agrees_with_torch(views):
    normal = [torch.nn.functional.normalize(v, dim=1) for v in (*views, views[0].roll(1, 0))]

    def squared(a, b):
        return (a - b).pow(2).sum(1)

    theirs = torch.nn.functional.triplet_margin_with_distance_loss(
        *normal, distance_function=squared, margin=0.3
    )
    assert torch.allclose(triplet(*views, views[0].roll(1, 0), margin=0.3), theirs)


@pytest.mark.parametrize("temperature", [0.5, 0.1, 0.01])
def test_info_nce_with_one_negative_is_a_triplet_with_a_soft_corner(temperature):
    generator = torch.Generator().manual_seed(0)
    anchor, right, wrong = torch.randn(3, 200, 8, dtype=torch.float64, generator=generator)
    for row in range(len(anchor)):
        a, p, n = anchor[[row]], right[[row]], wrong[[row]]
        soft = 2 * temperature * moco_info_nce(a, p, n, temperature=temperature)
        hard = triplet(a, p, n, margin=0.0)
        # softplus(x) - max(0, x) lies in [0, ln 2], and is largest in the corner
        assert -1e-12 <= soft - hard <= 2 * temperature * math.log(2)


def test_coupling_at_collapse_and_once_every_partner_is_certain():
    same, apart = torch.ones(8, 4), torch.eye(8)
    assert torch.allclose(coupling(same, same, temperature=0.1), torch.tensor(14 / 15))
    assert torch.allclose(coupling(apart, apart, temperature=0.02), torch.tensor(0.0), atol=1e-6)


def test_coupling_is_the_share_of_the_decoupled_gradient_that_nt_xent_keeps():
    # Every view is orthogonal to all but its partner: all anchors are alike, and one factor relates the gradients.
    cosine = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    base = torch.eye(12, dtype=torch.float64)
    z1, z2 = base[:6], cosine * base[:6] + (1 - cosine**2).sqrt() * base[6:]
    (plain,) = torch.autograd.grad(nt_xent(z1, z2, temperature=0.4), cosine, retain_graph=True)
    (decoupled,) = torch.autograd.grad(
        decoupled_contrastive(z1, z2, temperature=0.4), cosine, retain_graph=True
    )
    kept = coupling(z1.detach(), z2.detach(), temperature=0.4)
    assert torch.allclose(kept * decoupled, plain)


def test_clip_of_identical_embeddings_is_log_n_at_any_scale():
    same = torch.ones(64, 8)
    for scale in (1, 100):
        assert clip(same, same, logit_scale=scale).item() == pytest.approx(math.log(64), abs=1e-4)


def test_clip_of_orthogonal_matches_vanishes_at_full_scale():
    assert clip(torch.eye(64), torch.eye(64), logit_scale=100.0).item() == pytest.approx(0, abs=1e-6)


def test_clip_is_info_nce_both_ways(views):
    both = (info_nce(*views, temperature=0.2) + info_nce(*views[::-1], temperature=0.2)) / 2
    assert torch.allclose(clip(*views, logit_scale=5.0), both)


def test_clip_learns_its_scale(views):
    log_scale = torch.tensor(math.log(1 / 0.07), dtype=torch.float64, requires_grad=True)
    clip(*views, logit_scale=log_scale.exp()).backward()
    assert log_scale.grad != 0
