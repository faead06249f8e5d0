from math import log

import pytest
import torch

from sslcore.errors import UserError
from sslcore.losses import (
    answering_nothing,
    discriminator_loss,
    fooling,
    latent_regression,
    masked_patch_mse,
    masked_pixel_mse,
    normalize_patches,
    soft_cross_entropy,
)


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


@pytest.fixture
def images():
    return torch.rand(4, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_pixels_outside_the_hole_do_not_count(images):
    hole = torch.zeros(4, 1, 8, 8)
    hole[..., 2:5, 3:6] = 1
    wrong = torch.where(hole.bool(), images, images + 7)
    assert masked_pixel_mse(wrong, images, hole) == 0
    assert masked_pixel_mse(images + 2 * hole, images, hole).item() == pytest.approx(4.0)


def test_the_mean_of_a_hole_costs_its_variance(images):
    hole = torch.ones(4, 1, 8, 8)
    mean = images.mean((0, 2, 3), keepdim=True).expand_as(images)
    variance = images.var((0, 2, 3), correction=0).mean()
    assert masked_pixel_mse(mean, images, hole).item() == pytest.approx(variance.item())


def test_every_image_counts_alike_however_large_its_hole(images):
    hole = torch.zeros(4, 1, 8, 8)
    hole[0, :, :1, :1] = 1
    hole[1] = 1
    assert masked_pixel_mse(images + 1, images, hole).item() == pytest.approx(2 / 4)


def test_a_hole_of_the_wrong_shape_is_refused(images):
    with pytest.raises(UserError, match="weight"):
        masked_pixel_mse(images, images, torch.ones(4, 3, 8, 8))


def test_the_uniform_answer_costs_log_q(images):
    target = images.softmax(1)
    assert soft_cross_entropy(torch.zeros_like(target), target).item() == pytest.approx(log(3))
    weight = torch.rand(4, 8, 8, dtype=torch.float64)
    weight /= weight.mean()
    assert soft_cross_entropy(torch.zeros_like(target), target, weight=weight).item() == pytest.approx(log(3))


def test_hard_targets_give_the_usual_cross_entropy(images):
    label = images.argmin(1)
    hard = torch.nn.functional.one_hot(label, 3).movedim(-1, 1).double()
    expected = torch.nn.functional.cross_entropy(images, label)
    assert soft_cross_entropy(images, hard).item() == pytest.approx(expected.item())


def test_the_best_answer_costs_the_entropy_of_the_targets(images):
    target = images.softmax(1)
    entropy = -(target * target.log()).sum(1).mean()
    assert soft_cross_entropy(images, target).item() == pytest.approx(entropy.item())


def test_pixels_of_weight_zero_do_not_count(images):
    target, weight = images.softmax(1), torch.zeros(4, 8, 8, dtype=torch.float64)
    weight[:, 0] = 8
    changed = images.clone()
    changed[:, :, 1:] = 9 * torch.rand(4, 3, 7, 8, dtype=torch.float64)
    first, second = (soft_cross_entropy(x, target, weight=weight) for x in (images, changed))
    assert first.item() == pytest.approx(second.item())
    with pytest.raises(UserError, match="weight"):
        soft_cross_entropy(images, target, weight=weight[:, :3])


def test_a_discriminator_that_cannot_tell_pays_two_log_two():
    undecided, sure = torch.zeros(5), torch.full((5,), 50.0)
    assert discriminator_loss(undecided, undecided).item() == pytest.approx(2 * log(2))
    assert discriminator_loss(sure, -sure).item() == pytest.approx(0.0, abs=1e-6)
    assert discriminator_loss(-sure, sure).item() == pytest.approx(100.0)


def test_fooling_pays_while_it_fails():
    assert fooling(torch.zeros(5)).item() == pytest.approx(log(2))
    assert fooling(torch.full((5,), 50.0)).item() == pytest.approx(0.0, abs=1e-6)
    found_out = torch.full((5,), -50.0, requires_grad=True)
    fooling(found_out).backward()
    assert torch.allclose(found_out.grad, torch.full((5,), -1 / 5)), "its gradient does not vanish"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_widened(dtype, images):
    narrow, target = images.to(dtype), images.float().softmax(1)
    assert soft_cross_entropy(narrow, target).dtype == torch.float32
    assert masked_pixel_mse(narrow, images.float(), torch.ones(4, 1, 8, 8)).dtype == torch.float32
    assert fooling(narrow).dtype == discriminator_loss(narrow, narrow).dtype == torch.float32


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
