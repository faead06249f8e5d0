import torch

from sslcore.views import chromatic_aberration, drop_colours, project_colours
from tests.views.helpers import pictures, seeded


def test_no_aberration_changes_nothing():
    images = pictures(2)
    assert torch.equal(chromatic_aberration(images, 0.0), images)
    assert torch.equal(chromatic_aberration(images[:, :1], 0.1), images[:, :1])


def test_green_shrinks_and_red_and_blue_stay():
    distance = (torch.arange(65.0) - 32).abs() / 32
    images = torch.maximum(distance[:, None], distance).expand(1, 3, 65, 65)  # the distance from the centre
    red, green, blue = chromatic_aberration(images, 0.1)[0]
    inner = slice(8, 57)
    assert torch.equal(red, images[0, 0]) and torch.equal(blue, images[0, 2])
    assert torch.allclose(green[inner, 32], images[0, 1, inner, 32] / 0.9, atol=2e-2)


def test_projection_removes_the_fringes_of_this_lens():
    gray = pictures(4)[:, :1].expand(-1, 3, -1, -1)
    fringed = chromatic_aberration(gray, 0.1)

    def fringes(images):
        return (images - images.mean(1, keepdim=True)).square().mean().sqrt().item()

    assert fringes(fringed) > 0.05
    assert fringes(project_colours(fringed)) < 1e-6


def test_of_every_tile_one_channel_is_left():
    tiles = torch.rand(20, 9, 3, 8, 8, generator=seeded(1))
    dropped = drop_colours(tiles, generator=seeded())
    kept = (dropped == tiles).all(4).all(3)
    assert torch.equal(kept.sum(2), torch.ones(20, 9, dtype=torch.long))
    assert set(kept.int().argmax(2).unique().tolist()) == {0, 1, 2}
    spread = dropped.flatten(3).std(3)[~kept]
    assert spread.min() > 0 and spread.max() < 1 / 255
    gray = tiles[:, :, :1]
    assert torch.equal(drop_colours(gray, generator=seeded()), gray)


def test_projection_removes_green_against_magenta_and_only_that():
    images = pictures(2)
    flat = project_colours(images)
    axis = torch.tensor([-1.0, 2.0, -1.0]).view(1, 3, 1, 1)
    assert (flat * axis).sum(1).abs().max() < 1e-6
    assert torch.allclose(project_colours(flat), flat, atol=1e-6)
    gray = images[:, :1].expand(-1, 3, -1, -1)
    assert torch.allclose(project_colours(gray), gray, atol=1e-6)
