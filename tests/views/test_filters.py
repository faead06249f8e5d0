import pytest
import torch
from torchvision.transforms.v2 import functional as reference

from sslcore.views.filters import add_noise, blur_kernel_size, erase, gaussian_blur, solarize
from tests.views.helpers import pictures


@pytest.mark.parametrize(("shape", "kernel_size"), [((32, 32), 3), ((48, 48), 9), ((64, 40), 23)])
def test_blur_equals_torchvisions(shape, kernel_size):
    images = pictures(5, *shape)
    sigma = torch.tensor([0.1, 0.5, 1.0, 2.0, 5.0])
    result = gaussian_blur(images, sigma, kernel_size=kernel_size)
    for image, blurred, s in zip(images, result, sigma, strict=True):
        theirs = reference.gaussian_blur(image, [kernel_size, kernel_size], [float(s)] * 2)
        torch.testing.assert_close(blurred, theirs, atol=1e-5, rtol=0)


def test_blur_kernels_are_a_tenth_of_the_image_and_odd():
    assert [blur_kernel_size(side) for side in (8, 32, 48, 64, 96, 224)] == [3, 3, 5, 7, 9, 23]


def test_solarize_equals_torchvisions():
    images = pictures(4)
    threshold = torch.tensor([0.0, 0.25, 0.5, 1.0])
    for image, inverted, t in zip(images, solarize(images, threshold), threshold, strict=True):
        torch.testing.assert_close(inverted, reference.solarize(image, float(t)))


def test_noise_has_the_strength_asked_for_and_stays_in_range():
    gray = torch.full((3, 3, 64, 64), 0.5)
    noisy = add_noise(gray, torch.tensor([0.0, 0.05, 0.1]), seed=1)
    assert torch.equal(noisy[0], gray[0])
    assert noisy[1].std().item() == pytest.approx(0.05, rel=0.05)
    assert noisy[2].std().item() == pytest.approx(0.1, rel=0.05)
    wild = add_noise(gray, torch.full((3,), 2.0), seed=1)
    assert wild.min() == 0 and wild.max() == 1
    assert torch.equal(noisy, add_noise(gray, torch.tensor([0.0, 0.05, 0.1]), seed=1))


def test_erase_equals_torchvisions():
    images = pictures(3)
    top, left, side = torch.tensor([0, 5, 20]), torch.tensor([3, 0, 20]), torch.tensor([0, 8, 12])
    result = erase(images, top, left, side)
    for i in range(3):
        black = torch.zeros(3, int(side[i]), int(side[i]))
        theirs = reference.erase(images[i], int(top[i]), int(left[i]), int(side[i]), int(side[i]), black)
        assert torch.equal(result[i], theirs)
