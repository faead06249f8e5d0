import pytest
import torch

from sslcore.errors import UserError
from sslcore.views import all_rotations
from tests.views.helpers import pictures


def test_all_rotations_come_with_the_number_of_turns_that_the_inverse_undoes():
    images = pictures(3)
    turned, turns = all_rotations(images)
    assert turns.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    for image, each, k in zip(images.repeat(4, 1, 1, 1), turned, turns.tolist(), strict=True):
        assert torch.equal(each, torch.rot90(image, k, (1, 2))) and torch.equal(
            torch.rot90(each, -k, (1, 2)), image
        )


def test_oblong_images_are_refused():
    with pytest.raises(UserError, match="square"):
        all_rotations(pictures(1, 32, 48))
