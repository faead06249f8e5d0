import math

import pytest
import torch

from sslcore.views import hog, hog_picture
from tests.views.helpers import pictures


def stripes(degrees: float, side: int = 32) -> torch.Tensor:
    """A wave whose gradient points in this direction, x to the right and y down."""
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    angle = math.radians(degrees)
    return (0.5 + 0.4 * torch.sin(0.3 * (x * math.cos(angle) + y * math.sin(angle))))[None, None]


def test_a_flat_image_has_no_edges():
    assert hog(torch.full((2, 3, 16, 16), 0.7), 4).abs().max() == 0


@pytest.mark.parametrize("k", range(9))
def test_waves_fall_into_the_bin_of_their_direction(k):
    histogram = hog(stripes(20 * k), 8).unflatten(1, (1, 9))[0, 0, :, 1:3, 1:3]  # away from the border
    assert (histogram.argmax(0) == k).all()
    assert histogram[k].min() > 0.9


def test_between_two_bins_the_vote_is_shared():
    histogram = hog(stripes(30), 8)[0, :, 1:3, 1:3]
    assert torch.allclose(histogram[1], histogram[2], atol=0.15) and histogram[4:].max() < 0.2


def test_a_half_turn_moves_histograms_and_keeps_their_bins():
    images = pictures(3, 16)
    assert torch.allclose(hog(images.flip(2, 3), 4), hog(images, 4).flip(2, 3), atol=1e-4)


def test_brightness_and_contrast_do_not_count():
    images = pictures(3, 16)
    assert torch.allclose(hog(0.3 * images + 0.2, 4), hog(images, 4), atol=1e-4)
    assert torch.allclose(hog(images, 4).unflatten(1, (3, 9)).norm(dim=2), torch.ones(3, 3, 4, 4), atol=1e-4)


def test_without_normalisation_strong_edges_count_more():
    images = stripes(0).repeat(2, 1, 1, 1)
    images[1] = 0.5 + 0.1 * (images[1] - 0.5)
    strong, faint = hog(images, 8, normalise=False).unflatten(1, (1, 9)).norm(dim=2).mean((1, 2, 3))
    assert strong.item() == pytest.approx(10 * faint.item(), rel=1e-3)
    assert hog(images, 8, normalise=False).square().mean().item() == pytest.approx(1 / 9, rel=1e-4)


def test_the_picture_shows_strokes_along_the_edges():
    def middle(degrees: float) -> torch.Tensor:
        return hog_picture(hog(stripes(degrees), 8, bins=8), bins=8)[0, 0, 7:14, 7:14]

    upright, level = middle(0), middle(90)  # the gradient points right and the edge up, and the reverse
    assert upright[:, 3].min() > 0.9 and upright[:, 0].max() < 0.2
    assert level[3].min() > 0.9 and level[0].max() < 0.2
