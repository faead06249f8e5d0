import pytest
import torch

from sslcore.errors import UserError
from sslcore.methods.base import Batch
from sslcore.methods.pretext.context_prediction import AROUND, CENTRE
from sslcore.views import project_colours
from tests.methods.test_conformance import batch_of, make, views_of


def test_opposite_sides_have_labels_that_sum_to_seven():
    offsets = [(place // 3 - CENTRE // 3, place % 3 - CENTRE % 3) for place in AROUND]
    assert len(set(offsets)) == 8 and (0, 0) not in offsets
    assert all(offsets[7 - y] == (-row, -column) for y, (row, column) in enumerate(offsets))


def test_patches_come_from_the_places_their_labels_say():
    size, still = 33, {"crop_min": 1, "flip": 0, "jitter": 0, "grayscale": 0}
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    images = torch.stack([rows, columns, columns * 0]).expand(6, 3, size, size) / 100
    batch = Batch(images, None, torch.arange(6))
    method = make("context_prediction", size=size, gap=3, tile_norm=False, **still)
    patches = views_of(method, batch)["patches"]
    centre = 100 * patches[:, CENTRE, :2].mean((2, 3))
    for place in AROUND:
        found = (100 * patches[:, place, :2].mean((2, 3)) - centre) / 11
        wanted = torch.tensor([place // 3 - 1, place % 3 - 1])
        assert ((found - wanted).abs() <= 3 / 11 + 1e-4).all()  # the jitter
        assert torch.equal(found.round(), wanted.expand(6, 2).float())


def test_two_patches_never_overlap_or_touch_with_a_gap_and_no_jitter():
    still = {"crop_min": 1, "crop_max": 1, "flip": 0, "jitter": 0, "grayscale": 0}
    method = make("context_prediction", gap=2, tile_jitter=False, tile_norm=False, **still)
    number = torch.arange(32 * 32.0).view(1, 1, 32, 32).expand(2, 3, 32, 32) / 1024  # each pixel has its own
    patches = views_of(method, Batch(number, None, torch.arange(2)))["patches"]
    assert patches.shape == (2, 9, 3, 8, 8)
    pixels = (1024 * patches[0, :, 0]).round().long()
    rows, columns = pixels // 32, pixels % 32
    assert pixels.unique().numel() == pixels.numel()
    spans = sorted({(r.min().item(), r.max().item()) for r in rows})
    assert len(spans) == 3 and all(spans[i + 1][0] - spans[i][1] > 2 for i in range(2))
    assert spans == sorted({(c.min().item(), c.max().item()) for c in columns})


def test_defences_reach_the_patches_and_the_representation():
    batch = batch_of(4)
    dropped = views_of(make("context_prediction", colour_defence="drop"), batch)["patches"]
    assert ((dropped.flatten(3).std(3) > 0.01).sum(2) == 1).all()

    method = make("context_prediction", colour_defence="project").eval()
    assert torch.allclose(
        method.encode(batch.images), method.encoder(project_colours(batch.images)), atol=1e-5
    )
    green = batch.images + 0.1 * torch.tensor([-1.0, 2.0, -1.0]).view(1, 3, 1, 1)
    assert torch.allclose(method.encode(green), method.encode(batch.images), atol=1e-4)


def test_aberration_shifts_green_against_red_and_blue():
    still = {"crop_min": 1, "flip": 0, "jitter": 0, "grayscale": 0}
    gray = Batch(batch_of(4, channels=1).images.expand(-1, 3, -1, -1), None, torch.arange(4))
    sharp = views_of(make("context_prediction", **still), gray)["patches"]
    fringed = views_of(make("context_prediction", aberration=0.1, **still), gray)["patches"]
    assert torch.allclose(sharp[:, :, 0], sharp[:, :, 2])
    assert torch.equal(fringed[:, :, 0], sharp[:, :, 0]) and torch.equal(fringed[:, :, 2], sharp[:, :, 2])
    assert (fringed[:, :, 0] - fringed[:, :, 1]).abs().mean() > 0.01


def test_patches_too_small_get_a_sentence():
    with pytest.raises(UserError, match="under 4 px"):
        make("context_prediction", gap=8)
