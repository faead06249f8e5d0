import math

import pytest
import torch

from sslcore.errors import UserError
from sslcore.losses import coding_rate, sigreg


def normal(count, dimensions, seed=0):
    return torch.randn(count, dimensions, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def directions(count, dimensions, seed=1):
    return torch.nn.functional.normalize(normal(count, dimensions, seed), dim=1)


def test_sigreg_of_gaussian_samples_is_about_one():
    statistics = [
        sigreg(normal(n, d, seed), directions=directions(64, d, seed + 50)).item()
        for n, d in ((64, 4), (512, 16))
        for seed in range(20)
    ]
    assert sum(statistics) / len(statistics) == pytest.approx(1.0525, abs=0.1)


def test_sigreg_of_a_point_grows_with_the_batch():
    # int (1 - exp(-t^2/2))^2 exp(-t^2/2) dt = sqrt(2 pi) (1 - 2/sqrt(2) + 1/sqrt(3))
    whole = math.sqrt(2 * math.pi) * (1 - math.sqrt(2) + 1 / math.sqrt(3))
    point = torch.zeros(32, 5, dtype=torch.float64)
    exact = sigreg(point, directions=directions(7, 5), knots=1001, reach=12.0)
    assert exact.item() / 32 == pytest.approx(whole, abs=1e-5)
    assert sigreg(point, directions=directions(7, 5)).item() / 32 == pytest.approx(0.4020, abs=1e-4)


def test_sigreg_agrees_with_the_characteristic_function():
    z, a = normal(20, 3), directions(4, 3)
    t = torch.linspace(-3, 3, 33, dtype=torch.float64)
    phi = torch.exp(1j * t * (z @ a.T)[..., None]).mean(0)
    gauss = torch.exp(-(t**2) / 2)
    expected = 20 * torch.trapezoid((phi - gauss).abs() ** 2 * gauss, t).mean()
    assert torch.allclose(sigreg(z, directions=a), expected)


def test_sigreg_notices_scale_shift_and_missing_dimensions():
    z, a = normal(500, 8), directions(64, 8)
    fine = sigreg(z, directions=a)
    flat = z * (torch.arange(8) < 4)
    assert all(sigreg(other, directions=a) > 3 * fine for other in (2 * z, 0.5 * z, z + 1, flat))


def test_sigreg_turns_with_the_embedding():
    z, a = normal(50, 4), directions(9, 4)
    turn = torch.linalg.qr(normal(4, 4, 3))[0]
    assert torch.allclose(sigreg(z @ turn, directions=a @ turn), sigreg(z, directions=a))


def test_coding_rate_of_a_point():
    point = torch.ones(50, 128, dtype=torch.float64)
    assert coding_rate(point, epsilon=0.2).item() == pytest.approx(0.5 * math.log(1 + 128 / 0.2))


def test_coding_rate_of_rows_in_all_directions_is_the_most():
    spread = torch.eye(128, dtype=torch.float64).repeat(3, 1)
    assert coding_rate(spread, epsilon=0.2).item() == pytest.approx(64 * math.log(1 + 1 / 0.2))
    assert coding_rate(normal(384, 128), epsilon=0.2) < coding_rate(spread, epsilon=0.2)


def test_coding_rate_of_few_orthogonal_rows():
    few = torch.eye(128, dtype=torch.float64)[:10]
    assert coding_rate(few, epsilon=0.2).item() == pytest.approx(5 * math.log(1 + 128 / (10 * 0.2)))


@pytest.mark.parametrize("shape", [(20, 6), (6, 20)])
def test_coding_rate_agrees_with_the_determinant(shape):
    z = normal(*shape)
    unit = z / z.norm(dim=1, keepdim=True)
    inside = torch.eye(shape[1], dtype=torch.float64) + shape[1] / (shape[0] * 0.3) * unit.T @ unit
    assert torch.allclose(coding_rate(z, epsilon=0.3), torch.logdet(inside) / 2)
    assert torch.allclose(coding_rate(7 * z, epsilon=0.3), coding_rate(z, epsilon=0.3))


@pytest.mark.parametrize(
    "loss", [lambda z: sigreg(z, directions=directions(3, 4)), lambda z: coding_rate(z, epsilon=0.2)]
)
def test_gradients_agree_with_finite_differences(loss):
    assert torch.autograd.gradcheck(loss, (normal(6, 4).requires_grad_(),))


@pytest.mark.parametrize(
    "mistake",
    [
        lambda: sigreg(normal(5, 3), directions=directions(4, 2)),
        lambda: sigreg(normal(5, 3), directions=directions(4, 3), knots=1),
        lambda: sigreg(normal(5, 3), directions=directions(4, 3), reach=0.0),
        lambda: coding_rate(normal(5, 3), epsilon=0.0),
        lambda: coding_rate(torch.ones(3), epsilon=0.2),
    ],
)
def test_mistakes_are_refused(mistake):
    with pytest.raises(UserError):
        mistake()
