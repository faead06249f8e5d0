import pytest
import torch

from sslcore.views import lab_to_rgb, lightness, rgb_to_lab
from tests.views.helpers import pictures

KNOWN = {  # Bruce Lindbloom's calculator, D65
    (1.0, 0.0, 0.0): (53.24, 80.09, 67.20),
    (0.0, 1.0, 0.0): (87.73, -86.18, 83.18),
    (0.0, 0.0, 1.0): (32.30, 79.19, -107.86),
    (1.0, 1.0, 1.0): (100.0, 0.0, 0.0),
    (0.0, 0.0, 0.0): (0.0, 0.0, 0.0),
}


@pytest.mark.parametrize(("rgb", "lab"), KNOWN.items())
def test_known_colours(rgb, lab):
    found = rgb_to_lab(torch.tensor(rgb).view(1, 3, 1, 1)).flatten().tolist()
    assert found == pytest.approx(lab, abs=0.02)


def test_there_and_back():
    images = pictures(4)
    assert torch.allclose(lab_to_rgb(rgb_to_lab(images)), images, atol=1e-3)


def test_gray_has_no_colour():
    gray = torch.linspace(0, 1, 256).view(1, 1, 16, 16)
    lab = rgb_to_lab(gray)
    assert lab.shape == (1, 3, 16, 16) and lab[:, 1:].abs().max() < 1e-2
    assert (lab[0, 0].flatten().diff() > 0).all()


def test_lightness_is_l_as_a_gray_picture():
    images = pictures(3)
    gray = lightness(images)
    assert gray.shape == images.shape
    assert torch.allclose(gray, rgb_to_lab(images)[:, :1].expand(-1, 3, -1, -1) / 100, atol=1e-4)
    assert lightness(images[:, :1]).shape == (3, 1, 32, 32)


def test_colours_no_screen_can_show_are_clamped():
    beyond = torch.tensor([60.0, -120.0, 110.0]).view(1, 3, 1, 1)
    rgb = lab_to_rgb(beyond)
    assert rgb.min() >= 0 and rgb.max() <= 1 and rgb.isfinite().all()
