import pytest
import torch

from sslcore.errors import UserError
from sslcore.losses import barlow_twins, vicreg, w_mse


def white(count: int = 64, dimensions: int = 8) -> torch.Tensor:
    """Embeddings with exactly zero mean and identity covariance."""
    z = torch.randn(count, dimensions, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    q, _ = torch.linalg.qr(z - z.mean(0))
    return q * (count - 1) ** 0.5


def test_vicreg_names_its_weighted_terms():
    assert list(vicreg(white(), white())) == ["invariance", "variance", "covariance"]


def test_vicreg_vanishes_for_identical_white_views():
    assert sum(vicreg(white(), white()).values()).item() == pytest.approx(0, abs=1e-9)


def test_vicreg_of_a_constant_embedding_is_its_variance_term():
    terms = vicreg(torch.ones(16, 8), torch.ones(16, 8))
    assert terms["variance"].item() == pytest.approx(25 * 0.99, abs=1e-4)
    assert terms["invariance"] == 0
    assert terms["covariance"] == 0


def test_copies_of_one_dimension_cost_the_covariance_term():
    z = white()[:, :1].repeat(1, 8)
    assert vicreg(z, z, covariance_weight=0.5)["covariance"].item() == pytest.approx(0.5 * 2 * 7)


def test_vicreg_invariance_is_the_mean_squared_error(views):
    expected = 10 * torch.nn.functional.mse_loss(*views)
    assert torch.allclose(vicreg(*views, invariance_weight=10)["invariance"], expected)


def test_vicreg_covariance_agrees_with_torch_cov(views):
    squares = [torch.cov(v.T).pow(2) for v in views]
    expected = sum(s.sum() - s.diagonal().sum() for s in squares) / 3
    assert torch.allclose(vicreg(*views)["covariance"], expected)


def test_vicreg_variance_and_covariance_ignore_the_mean(views):
    before, after = vicreg(*views), vicreg(*(v + 5 for v in views))
    for term in ("variance", "covariance"):
        assert torch.allclose(before[term], after[term])


def test_vicreg_needs_two_images():
    with pytest.raises(UserError, match="at least 2"):
        vicreg(torch.ones(1, 4), torch.ones(1, 4))


def test_barlow_twins_vanishes_for_identical_white_views():
    assert barlow_twins(white(), white(), redundancy_weight=1.0).item() == pytest.approx(0, abs=1e-6)


def test_barlow_twins_at_collapse_is_the_number_of_dimensions():
    assert barlow_twins(torch.ones(16, 8), torch.ones(16, 8), redundancy_weight=0.1).item() == 8


def test_barlow_twins_of_copies_is_the_redundancy_term():
    z = white()[:, :1].repeat(1, 8)
    assert barlow_twins(z, z, redundancy_weight=0.1).item() == pytest.approx(0.1 * 8 * 7, rel=1e-4)


def test_barlow_twins_of_independent_views_is_near_its_expectation():
    z1, z2 = torch.randn(2, 512, 64, generator=torch.Generator().manual_seed(0))
    expected = 64 * (1 + 1 / 512) + 0.1 * 64 * 63 / 512
    assert barlow_twins(z1, z2, redundancy_weight=0.1).item() == pytest.approx(expected, rel=0.05)


def test_barlow_twins_ignores_scale_and_offset_of_each_dimension(views):
    moved = [v * torch.tensor([5.0, 9.0, 7.0]) + 3 for v in views]
    first, second = (barlow_twins(*pair, redundancy_weight=0.1) for pair in (views, moved))
    assert torch.allclose(first, second, rtol=1e-4)


def test_barlow_twins_agrees_with_batch_norm():
    z1, z2 = torch.randn(2, 32, 6, generator=torch.Generator().manual_seed(0))
    norm = torch.nn.BatchNorm1d(6, affine=False)
    c = norm(z1).T @ norm(z2) / 32
    expected = (c - torch.eye(6)).pow(2) * torch.where(torch.eye(6) > 0, 1.0, 0.2)
    assert torch.allclose(barlow_twins(z1, z2, redundancy_weight=0.2), expected.sum(), rtol=1e-5)


def correlated(count=64, dimensions=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(count, dimensions, dtype=torch.float64, generator=generator)
    return z @ torch.randn(dimensions, dimensions, dtype=torch.float64, generator=generator) + 2


def test_w_mse_of_identical_views_is_zero():
    assert w_mse(correlated(), correlated()).item() == pytest.approx(0, abs=1e-9)


def test_w_mse_of_unrelated_views_is_two():
    assert w_mse(correlated(2000), correlated(2000, seed=1)).item() == pytest.approx(2, abs=0.1)


def test_w_mse_agrees_with_an_explicit_inverse():
    z1, z2 = correlated(), correlated() + 0.3 * correlated(seed=1)
    white1, white2 = (
        (z - z.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(z.T))).T for z in (z1, z2)
    )
    assert torch.allclose(torch.cov(white1.T), torch.eye(6, dtype=torch.float64), atol=1e-9)
    expected = 2 - 2 * torch.nn.functional.cosine_similarity(white1, white2).mean()
    assert torch.allclose(w_mse(z1, z2), expected)


def test_w_mse_does_not_see_what_whitening_takes_out():
    z1, z2 = correlated(seed=0).double(), correlated(seed=1).double()
    lower = torch.tril(torch.rand(6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(2)), -1)
    value = w_mse(z1, z2)
    assert torch.allclose(w_mse(7 * z1 + 3, z2), value)
    assert torch.allclose(w_mse(z1 @ (lower + torch.eye(6, dtype=torch.float64)).T, z2), value)
    assert torch.allclose(w_mse(z2, z1), value)
    order = torch.randperm(len(z1), generator=torch.Generator().manual_seed(3))
    assert torch.allclose(w_mse(z1[order], z2[order]), value)


def test_w_mse_is_the_mean_over_sub_batches():
    z1, z2 = correlated(), correlated(seed=1)
    halves = [w_mse(z1[part], z2[part]) for part in (slice(0, 32), slice(32, 64))]
    assert torch.allclose(w_mse(z1, z2, sub_batch=32), sum(halves) / 2)


def test_w_mse_gradients_flow_through_the_whitening():
    inputs = tuple(correlated(6, 2, seed).requires_grad_() for seed in (0, 1))
    assert torch.autograd.gradcheck(w_mse, inputs)


@pytest.mark.parametrize("constant", [torch.zeros(32, 4), torch.full((32, 4), 0.1), torch.ones(32, 4)])
def test_w_mse_refuses_collapsed_embeddings(constant):
    with pytest.raises(UserError, match="cannot be whitened"):
        w_mse(constant, constant)


def test_w_mse_needs_more_rows_than_dimensions():
    with pytest.raises(UserError, match="larger batch, a smaller embedding"):
        w_mse(torch.randn(4, 4), torch.randn(4, 4))


def test_w_mse_with_shrinkage_whitens_fewer_rows_than_dimensions():
    z1, z2 = torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    white1, white2 = (
        (z - z.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(0.9 * torch.cov(z.T) + 0.1 * torch.eye(6))).T
        for z in (z1, z2)
    )
    expected = 2 - 2 * torch.nn.functional.cosine_similarity(white1, white2).mean()
    assert torch.allclose(w_mse(z1, z2, epsilon=0.1), expected)
