import pytest
import torch

from sslcore.errors import UserError
from tests.methods.test_conformance import batch_of, make, views_of

STILL = {"crop_min": 1, "flip": 0, "jitter": 0, "grayscale": 0}


def test_quarters_are_the_image_and_the_whole_is_half_of_it():
    batch = batch_of(4)
    views = views_of(make("counting", mixed_halving=False, **STILL), batch)
    assert views["tiles"].shape == (4, 4, 3, 16, 16) and views["whole"].shape == (4, 3, 16, 16)
    assert torch.equal(views["tiles"][:, 1], batch.images[:, :, :16, 16:])


def test_adding_up_brightness_is_no_way_to_count():
    views = views_of(make("counting", mixed_halving=False, **STILL), batch_of(4))
    whole, parts = views["whole"].sum((2, 3)), views["tiles"].sum((1, 3, 4))
    assert torch.allclose(whole, parts / 4, rtol=1e-4)


@pytest.mark.parametrize("count", [2, 3, 33])
def test_the_other_is_another_image(count):
    method = make("counting")
    for seed in range(5):
        views = views_of(method, batch_of(count), seed)
        assert not (views["other"] == views["whole"]).flatten(1).all(1).any()


def test_counts_are_never_negative_and_one_pass_counts_all():
    method = make("counting").eval()
    views = views_of(method, batch_of(5))
    whole, parts, other = method.count(views)
    assert whole.min() >= 0 and parts.shape == (5, 4, 64)
    assert torch.allclose(parts[:, 2], method.project(views["tiles"][:, 2]), atol=1e-5)
    assert torch.allclose(other, method.project(views["other"]), atol=1e-5)


def test_odd_sides_get_a_sentence():
    with pytest.raises(UserError, match="even number"):
        make("counting", size=33)
