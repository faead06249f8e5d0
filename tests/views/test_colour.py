import pytest
import torch
from torchvision.transforms.v2 import functional as reference

from sslcore.views.colour import adjust_hue, blend, grayscale, luma
from tests.views.helpers import pictures

FACTORS = torch.tensor([0.0, 0.2, 0.6, 0.99, 1.0, 1.3, 1.8, 3.0])


@pytest.mark.parametrize("channels", [1, 3])
def test_hue_equals_torchvisions_over_the_whole_wheel(channels):
    turn = torch.linspace(-0.5, 0.5, 21)
    images = pictures(len(turn), channels=channels)
    result = adjust_hue(images, turn)
    for image, changed, t in zip(images, result, turn, strict=True):
        torch.testing.assert_close(changed, reference.adjust_hue(image, float(t)), atol=1e-5, rtol=0)


def test_a_third_of_a_turn_moves_red_to_green_and_green_to_blue():
    pure = torch.eye(3).view(3, 3, 1, 1)
    turned = adjust_hue(pure, torch.full((3,), 1 / 3))
    torch.testing.assert_close(turned, pure.roll(-1, 0), atol=1e-6, rtol=0)


def test_gray_pixels_have_no_hue():
    gray = torch.linspace(0, 1, 11).view(1, 1, 1, 11).expand(1, 3, 1, 11)
    torch.testing.assert_close(adjust_hue(gray, torch.tensor([0.37])), gray)


def test_grayscale_equals_torchvisions():
    images = pictures(5)
    torch.testing.assert_close(grayscale(images), reference.rgb_to_grayscale(images, num_output_channels=3))
    assert torch.equal(luma(images[:, :1]), images[:, :1])


@pytest.mark.parametrize("channels", [1, 3])
def test_one_blend_is_three_operations_of_torchvision_at_once(channels):
    theirs = (reference.adjust_brightness, reference.adjust_contrast, reference.adjust_saturation)
    factor = FACTORS.repeat(3)
    kind = torch.arange(3).repeat_interleave(len(FACTORS))
    images = pictures(len(factor), 48, channels=channels)
    result = blend(images.clone(), factor, (kind == 1).float(), (kind == 2).float())
    for image, changed, k, f in zip(images, result, kind.tolist(), factor.tolist(), strict=True):
        torch.testing.assert_close(changed, theirs[k](image, f), atol=2e-6, rtol=0)
