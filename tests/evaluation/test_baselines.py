import pytest
import torch

from sslcore.errors import UserError
from sslcore.evaluation import chance, knn_accuracy, pixel_features, pixel_knn, pixel_linear


def test_chance_of_balanced_classes_is_one_over_their_number():
    assert chance(torch.arange(10).repeat(7)) == pytest.approx(0.1)


def test_chance_is_the_share_of_the_most_frequent_class():
    assert chance([3, 3, 3, 0]) == 0.75


def test_chance_needs_labels():
    with pytest.raises(UserError, match="no labels"):
        chance([])


def test_bytes_and_floats_are_the_same_pixels():
    images = torch.randint(256, (5, 3, 8, 8), dtype=torch.uint8)
    assert torch.allclose(pixel_features(images), pixel_features(images.double() / 255))
    assert pixel_features(images).shape == (5, 192)


def test_large_images_are_averaged_down():
    images = torch.rand(2, 3, 64, 64)
    expected = torch.nn.functional.avg_pool2d(images, 2).flatten(1)
    assert torch.allclose(pixel_features(images), expected)


def test_anything_but_image_batches_is_refused():
    with pytest.raises(UserError, match="N, C, H, W"):
        pixel_features(torch.ones(3, 32, 32))


def test_brightness_is_read_off_pixels():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(2, (200,), generator=generator)
    images = (labels.view(-1, 1, 1, 1) * 90 + torch.randint(100, (200, 3, 8, 8), generator=generator)).byte()
    split = images[:150], labels[:150], images[150:], labels[150:]
    assert pixel_knn(*split) == 1
    assert pixel_linear(*split) == 1
    flat = images.flatten(1).float()
    assert pixel_knn(*split, k=3) == knn_accuracy(flat[:150], labels[:150], flat[150:], labels[150:], k=3)
