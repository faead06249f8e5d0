import pytest
import torch

from sslcore.errors import UserError
from sslcore.losses import masked_patch_mse, normalize_patches


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
