import pytest
import torch
from torchvision.transforms.v2 import functional as reference

from sslcore.views.colour import (
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    blend,
    grayscale,
    luma,
)
from tests.views.helpers import pictures

FACTORS = torch.tensor([0.0, 0.2, 0.6, 0.99, 1.0, 1.3, 1.8, 3.0])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (adjust_brightness, reference.adjust_brightness),
        (adjust_contrast, reference.adjust_contrast),
        (adjust_saturation, reference.adjust_saturation),
    ],
)
def test_blends_equal_torchvisions(ours, theirs, channels):
    images = pictures(len(FACTORS), 48, channels=channels)
    result = ours(images, FACTORS)
    for image, changed, factor in zip(images, result, FACTORS, strict=True):
        torch.testing.assert_close(changed, theirs(image, float(factor)), atol=1e-6, rtol=0)


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
def test_one_blend_does_three_operations_at_once(channels):
    images = pictures(9, channels=channels)
    factor = torch.tensor([0.5, 1.0, 1.6]).repeat(3)
    kind = torch.arange(3).repeat_interleave(3)
    expected = torch.cat(
        [
            adjust_brightness(images[:3], factor[:3]),
            adjust_contrast(images[3:6], factor[3:6]),
            adjust_saturation(images[6:], factor[6:]),
        ]
    )
    result = blend(images.clone(), factor, (kind == 1).float(), (kind == 2).float())
    torch.testing.assert_close(result, expected, atol=1e-6, rtol=0)
