import torch
from torch.nn import functional as F

from sslcore.views import halve
from tests.views.helpers import pictures, seeded


def test_plain_halving_averages():
    images = pictures(3)
    halved = halve(images, mixed=False, generator=seeded())
    assert torch.allclose(halved, images.view(3, 3, 16, 2, 16, 2).mean((3, 5)))


def test_mixed_halving_takes_one_of_three_ways_for_every_image():
    images = pictures(60)
    halved = halve(images, mixed=True, generator=seeded())
    bicubic = F.interpolate(images, size=(16, 16), mode="bicubic", antialias=True).clamp(0, 1)
    ways = [F.avg_pool2d(images, 2), images[..., ::2, ::2], bicubic]
    taken = torch.stack([(halved == way).flatten(1).all(1) for way in ways])
    assert torch.equal(taken.sum(0), torch.ones(60, dtype=torch.long))
    assert taken.any(1).all() and halved.min() >= 0 and halved.max() <= 1


def test_a_flat_image_stays_flat_whichever_way():
    flat = torch.full((30, 1, 8, 8), 0.3)
    assert torch.allclose(halve(flat, mixed=True, generator=seeded()), torch.full((30, 1, 4, 4), 0.3))
