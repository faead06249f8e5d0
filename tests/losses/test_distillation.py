import pytest
import torch

from sslcore.losses import negative_cosine, normalized_mse


def test_negative_cosine_spans_minus_one_to_one():
    z = torch.eye(5)
    assert negative_cosine(z, z).item() == pytest.approx(-1)
    assert negative_cosine(z, z.roll(1, 0)).item() == pytest.approx(0)
    assert negative_cosine(z, -z).item() == pytest.approx(1)


def test_collapse_reaches_the_minimum_of_both_losses():
    same = torch.full((8, 4), 0.3)
    assert negative_cosine(same, same).item() == pytest.approx(-1)
    assert normalized_mse(same, same).item() == pytest.approx(0, abs=1e-6)


def test_normalized_mse_is_the_squared_distance_on_the_sphere(views):
    p, z = (torch.nn.functional.normalize(v, dim=1) for v in views)
    assert torch.allclose(normalized_mse(*views), (p - z).pow(2).sum(1).mean())


def test_random_rows_in_many_dimensions_are_nearly_orthogonal():
    p, z = torch.randn(2, 200, 512, generator=torch.Generator().manual_seed(0))
    assert abs(negative_cosine(p, z).item()) < 4 / (200 * 512) ** 0.5


def test_the_stop_gradient_is_the_callers(views):
    prediction, target = (v.requires_grad_() for v in views)
    negative_cosine(prediction, target).backward()
    assert target.grad is not None
    target.grad = None
    negative_cosine(prediction, target.detach()).backward()
    assert target.grad is None
