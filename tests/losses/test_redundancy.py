import pytest
import torch

from sslcore.errors import UserError
from sslcore.losses import vicreg


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
