import pytest
import torch
from torchvision.transforms.v2 import functional as reference

from sslcore.views import ViewSettings, draw
from sslcore.views.geometry import crop_matrices, resize_matrix, rotate, separable
from tests.views.helpers import pictures, seeded


@pytest.mark.parametrize(("source", "size"), [(32, 32), (48, 48), (64, 64), (64, 24), (32, 48), (37, 16)])
@pytest.mark.parametrize("channels", [1, 3])
def test_resized_crop_equals_torchvisions_antialiased_one_and_its_flip(source, size, channels):
    images = pictures(24, source, channels=channels)
    d = draw(24, source, ViewSettings(crop_min=0.05), generator=seeded())
    box = d.top, d.left, d.height, d.width
    matrices = crop_matrices(*box, source=d.source, size=(size, size), flipped=d.flipped)
    ours = separable(images, *matrices)
    for i in range(24):
        box = [int(v[i]) for v in (d.top, d.left, d.height, d.width)]
        theirs = reference.resized_crop(images[i], *box, size=[size, size], antialias=True)
        theirs = theirs.flip(-1) if d.flipped[i] else theirs
        torch.testing.assert_close(ours[i], theirs, atol=1e-5, rtol=0)


def test_resized_crop_of_oblong_images():
    images = pictures(8, 40, 64)
    d = draw(8, (40, 64), ViewSettings(), generator=seeded())
    box = d.top, d.left, d.height, d.width
    ours = separable(images, *crop_matrices(*box, source=d.source, size=(20, 48)))
    for i in range(8):
        box = [int(v[i]) for v in (d.top, d.left, d.height, d.width)]
        theirs = reference.resized_crop(images[i], *box, size=[20, 48], antialias=True)
        torch.testing.assert_close(ours[i], theirs, atol=1e-5, rtol=0)


def test_the_whole_image_at_its_own_size_is_the_identity():
    whole = resize_matrix(torch.tensor([0, 0]), torch.tensor([32, 32]), 32, 32, torch.tensor([False, True]))
    torch.testing.assert_close(whole[0], torch.eye(32))
    torch.testing.assert_close(whole[1], torch.eye(32).flip(1))


def test_resampling_weights_sum_to_one_and_stay_in_the_box():
    start, length = torch.tensor([3, 10, 31, 0]), torch.tensor([9, 22, 1, 32])
    weights = resize_matrix(start, length, 32, 20)
    torch.testing.assert_close(weights.sum(-1), torch.ones(4, 20))
    for i in range(4):
        assert (
            weights[i, :, : start[i]].abs().sum() == 0
            and weights[i, :, start[i] + length[i] :].abs().sum() == 0
        )
    assert (weights >= 0).all()


@pytest.mark.parametrize("shape", [(32, 32), (32, 48), (64, 40)])
def test_rotate_equals_torchvisions(shape):
    images = pictures(7, *shape)
    angle = torch.tensor([-170.0, -45.0, -3.3, 0.0, 10.0, 77.7, 91.0])
    ours = rotate(images, angle)
    for i in range(7):
        theirs = reference.rotate(
            images[i], float(angle[i]), interpolation=reference.InterpolationMode.BILINEAR
        )
        # Pixels whose source lies within rounding of the image border may fall on either side of it.
        torch.testing.assert_close(ours[i], theirs, atol=2e-4, rtol=0)
