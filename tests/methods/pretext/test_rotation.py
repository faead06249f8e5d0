import pytest
import torch

from tests.methods.test_conformance import batch_of, make, views_of

STILL = {"crop_min": 1, "flip": 0, "jitter": 0, "grayscale": 0}


def test_the_watermark_lies_in_a_corner_of_its_own_for_every_turn():
    views = views_of(make("rotation", watermark=True, **STILL), batch_of(6))
    corners = {0: (0, 0), 1: (1, 0), 2: (1, 1), 3: (0, 1)}  # from above left, turned counter-clockwise
    for image, turns in zip(views["images"], views["target"].tolist(), strict=True):
        marked = image if corners[turns][0] == 0 else image.flip(1)
        marked = marked if corners[turns][1] == 0 else marked.flip(2)
        assert (marked[:, 1:5, 1:5] == 1).all()


def test_without_it_there_is_no_mark():
    batch = batch_of(3)
    views = views_of(make("rotation", **STILL), batch)
    assert torch.allclose(views["images"][:3], batch.images, atol=1e-5)


def test_images_turned_at_random_beforehand_have_no_right_way_up():
    batch = batch_of(16)
    views = views_of(make("rotation", rotation=180, **STILL), batch)
    upright = (views["images"][:16] - batch.images).abs().mean((1, 2, 3))
    assert (upright > 0.05).float().mean() > 0.9
    assert views["target"].bincount().tolist() == [16] * 4


@pytest.mark.parametrize("watermark", [True, False])
def test_it_is_asked_of_every_image_in_all_four_turns(watermark):
    views = views_of(make("rotation", watermark=watermark), batch_of(5))
    assert views["images"].shape == (20, 3, 32, 32)
    assert torch.equal(views["images"][5:10], views["images"][:5].rot90(1, (2, 3)))
