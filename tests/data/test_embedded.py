import numpy as np
import torch
from sklearn.datasets import load_digits

from sslcore.data.embedded import digits, sample_photos


def test_digits_are_scikit_learns_digits_split_without_overlap():
    data = digits()
    assert data.train.images.shape[1:] == (3, 32, 32)
    assert len(data.train) + len(data.test) == 1797
    counts = data.train.labels.bincount() + data.test.labels.bincount()
    assert counts.tolist() == np.bincount(load_digits().target).tolist()


def test_digits_of_native_size_are_the_original_grey_values():
    data = digits(8)
    known = {image.astype(int).tobytes() for image in load_digits().images}
    grey = (data.test.images[:, 0].double() * 16 / 255).round().long()
    assert all(image.numpy().tobytes() in known for image in grey)
    assert torch.equal(data.test.images[:, 0], data.test.images[:, 2])


def test_the_sample_photos_are_two_colour_photographs():
    photos = sample_photos()
    assert set(photos) == {"china", "flower"}
    assert all(photo.shape == (3, 427, 640) and photo.dtype == torch.uint8 for photo in photos.values())
