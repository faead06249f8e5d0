import pytest
import torch

from sslcore.errors import UserError
from sslcore.views import all_rotations, rotate90
from tests.views.helpers import pictures


def test_every_image_turns_by_its_own_number_of_quarter_turns():
    images = pictures(8)
    turns = torch.arange(-2, 6)
    for image, turned, k in zip(images, rotate90(images, turns), turns.tolist(), strict=True):
        assert torch.equal(turned, torch.rot90(image, k, (1, 2)))


def test_four_quarter_turns_are_the_identity():
    images = turned = pictures(5)
    for _ in range(4):
        turned = rotate90(turned, torch.ones(5, dtype=torch.long))
    assert torch.equal(turned, images)


def test_all_rotations_come_with_the_number_of_turns_that_the_inverse_undoes():
    images = pictures(3)
    turned, turns = all_rotations(images)
    assert turns.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert torch.equal(turned, rotate90(images.repeat(4, 1, 1, 1), turns))
    assert torch.equal(rotate90(turned, -turns), images.repeat(4, 1, 1, 1))


def test_oblong_images_are_refused():
    with pytest.raises(UserError, match="square"):
        all_rotations(pictures(1, 32, 48))
