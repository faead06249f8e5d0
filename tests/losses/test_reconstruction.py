import pytest
import torch

from sslcore.errors import UserError
from sslcore.losses import answering_nothing, latent_regression, masked_patch_mse, normalize_patches


@pytest.fixture
def patches():
    return torch.rand(3, 16, 48, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_visible_patches_do_not_count(patches):
    mask = torch.zeros(3, 16, dtype=torch.bool)
    mask[:, ::4] = True
    prediction = patches.clone()
    prediction[~mask] = 99
    assert masked_patch_mse(prediction, patches, mask) == 0


def test_the_error_is_averaged_over_masked_patches(patches):
    mask = torch.zeros(3, 16)
    mask[0, :2] = 1
    prediction = patches.clone()
    prediction[0, 0] += 3
    assert masked_patch_mse(prediction, patches, mask).item() == pytest.approx(9 / 2)


def test_nothing_masked_costs_nothing(patches):
    assert masked_patch_mse(patches + 1, patches, torch.zeros(3, 16)) == 0


def test_normalized_patches_have_zero_mean_and_unit_variance(patches):
    normal = normalize_patches(patches)
    assert torch.allclose(normal.mean(-1), torch.zeros(3, 16, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(normal.var(-1), torch.ones(3, 16, dtype=torch.float64), atol=1e-4)


def test_predicting_the_mean_of_every_normalized_patch_costs_47_of_48(patches):
    target = normalize_patches(patches)
    loss = masked_patch_mse(torch.zeros_like(target), target, torch.ones(3, 16))
    assert loss.item() == pytest.approx(47 / 48, abs=1e-4)


def test_a_flat_patch_stays_flat():
    assert normalize_patches(torch.full((1, 4, 12), 0.7)).abs().max() < 1e-3


def test_a_mask_of_the_wrong_shape_is_refused(patches):
    with pytest.raises(UserError, match="mask"):
        masked_patch_mse(patches, patches, torch.ones(3, 15))


def test_latent_regression_is_square_near_and_absolute_far():
    zero = torch.zeros(3)
    target = torch.tensor([0.5, 2.0, -6.0])
    assert latent_regression(zero, target, beta=2.0).item() == pytest.approx((0.25 / 4 + 1 + 5) / 3)
    assert latent_regression(target, target, beta=2.0) == 0


@pytest.mark.parametrize(("beta", "expected"), [(1.0, 0.4247), (1e-6, 0.7979)])
def test_cost_of_answering_nothing(beta, expected):
    assert answering_nothing(beta) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("beta", [0.5, 2.0, 5.0])
def test_cost_of_answering_nothing_is_the_mean_over_a_normal(beta):
    x = torch.linspace(-12, 12, 20001, dtype=torch.float64)
    loss = torch.where(x.abs() < beta, x**2 / (2 * beta), x.abs() - beta / 2)
    density = torch.exp(-(x**2) / 2) / (2 * torch.pi) ** 0.5
    assert answering_nothing(beta) == pytest.approx(torch.trapezoid(loss * density, x).item(), abs=1e-5)


def test_latent_regression_refuses_what_does_not_fit():
    with pytest.raises(UserError, match="same shape"):
        latent_regression(torch.zeros(2, 3), torch.zeros(3, 2), beta=1.0)
    with pytest.raises(UserError, match="beta"):
        latent_regression(torch.zeros(2), torch.zeros(2), beta=0.0)
