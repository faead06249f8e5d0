import pytest
import torch

from sslcore.errors import UserError
from sslcore.views import (
    block_mask,
    context_and_targets,
    cover,
    patchify,
    random_squares,
    random_token_mask,
    unpatchify,
)
from sslcore.views.masks import rectangles
from tests.views.helpers import pictures, seeded


@pytest.mark.parametrize(("shape", "patch"), [((32, 32), 4), ((48, 48), 8), ((24, 40), 8)])
def test_unpatchify_restores_the_image(shape, patch):
    images = pictures(3, *shape)
    patches = patchify(images, patch)
    assert patches.shape == (3, shape[0] * shape[1] // patch**2, 3 * patch**2)
    assert torch.equal(unpatchify(patches, patch, size=shape), images)


def test_patches_are_numbered_row_by_row():
    images = pictures(2, 32)
    second = patchify(images, 8)[:, 1]
    assert torch.equal(second, images[:, :, :8, 8:16].flatten(1))
    assert torch.equal(patchify(images, 8)[:, 4], images[:, :, 8:16, :8].flatten(1))


def test_a_patch_that_does_not_divide_the_image_is_refused():
    with pytest.raises(UserError, match="does not divide"):
        patchify(pictures(1), 5)
    with pytest.raises(UserError, match="do not make an image"):
        unpatchify(torch.zeros(1, 7, 48), 4)


@pytest.mark.parametrize(
    ("tokens", "ratio", "kept"), [(64, 0.75, 16), (64, 0.9, 6), (64, 0.0, 64), (49, 0.75, 12), (100, 0.7, 30)]
)
def test_every_sample_keeps_exactly_the_same_number_of_tokens(tokens, ratio, kept):
    mask, keep = random_token_mask(20, tokens, ratio, generator=seeded())
    assert keep.shape == (20, kept) and ((~mask).sum(1) == kept).all()
    assert (~mask).gather(1, keep).all() and (keep.diff(dim=1) > 0).all()


def test_every_token_is_hidden_equally_often():
    mask, _ = random_token_mask(5000, 16, 0.75, generator=seeded())
    assert (mask.float().mean(0) - 0.75).abs().max() < 0.03


def test_hiding_everything_is_refused():
    with pytest.raises(UserError, match="leaves none to see"):
        random_token_mask(2, 64, 1.0, generator=seeded())


@pytest.mark.parametrize("ratio", [0.0, 0.2, 0.4, 0.75, 1.0])
def test_blocks_hide_exactly_the_share_asked_for(ratio):
    mask = block_mask(30, 8, ratio, generator=seeded())
    assert mask.shape == (30, 64) and (mask.sum(1) == int(64 * ratio)).all()


def test_blocks_hang_together_more_than_random_tokens():
    def touching(mask: torch.Tensor) -> float:
        grid = mask.view(-1, 8, 8)
        return (grid[:, 1:] & grid[:, :-1]).float().mean().item()

    blocks = block_mask(200, 8, 0.4, generator=seeded())
    scattered, _ = random_token_mask(200, 64, 0.6, generator=seeded())
    assert touching(blocks) > 1.3 * touching(~scattered)


def test_random_squares_are_squares_within_the_image():
    hole = random_squares(5000, 32, side=8, squares=1, generator=seeded())
    assert hole.shape == (5000, 1, 32, 32) and hole.dtype == torch.bool
    assert (hole.flatten(1).sum(1) == 64).all()
    assert ((hole.any(3).sum(2) == 8) & (hole.any(2).sum(2) == 8)).all()
    assert hole[:, 0].any(0).all(), "every pixel may be hidden"


def test_several_squares_hide_at_most_their_areas():
    hidden = random_squares(50, 32, side=8, squares=4, generator=seeded()).flatten(1).sum(1)
    assert (hidden <= 4 * 64).all() and (hidden >= 64).all() and hidden.float().mean() > 150


def test_a_square_larger_than_the_image_is_refused():
    with pytest.raises(UserError, match="does not fit"):
        random_squares(1, 16, side=17, squares=1, generator=seeded())


def test_blocks_fall_everywhere_alike():
    mask = block_mask(3000, 6, 0.3, generator=seeded()).view(-1, 6, 6).float().mean(0)
    assert torch.allclose(mask, mask.flip(0), atol=0.05) and torch.allclose(mask, mask.T, atol=0.05)


def test_rectangles_have_their_size_and_stay_inside():
    height, width = torch.tensor([1, 2, 5]), torch.tensor([4, 5, 5])
    for seed in range(20):
        found = rectangles(5, height, width, generator=seeded(seed)).view(3, 5, 5)
        assert (found.any(2).sum(1) == height).all() and (found.any(1).sum(1) == width).all()
        assert (found.sum((1, 2)) == height * width).all()


@pytest.mark.parametrize("grid", [6, 8, 12])
def test_a_context_shares_no_patch_with_its_targets(grid):
    for seed in range(10):
        context, targets = context_and_targets(40, grid, generator=seeded(seed))
        assert context.shape[0] == 40 and context.shape[1] >= 4 and targets.shape[:2] == (40, 4)
        seen = torch.zeros(40, grid**2, dtype=torch.bool).scatter(1, context, True)
        assert not seen.gather(1, targets.flatten(1)).any()
        assert (context.diff(dim=1) > 0).all() and (targets.diff(dim=2) > 0).all()


def test_targets_are_blocks_of_the_size_asked_for():
    for seed in range(10):
        _, targets = context_and_targets(5, 10, generator=seeded(seed), target_area=(0.16, 0.16))
        assert 13 <= targets.shape[2] <= 19
        rows, columns = targets // 10, targets % 10
        height = rows.amax(2) - rows.amin(2) + 1
        width = columns.amax(2) - columns.amin(2) + 1
        assert (height * width == targets.shape[2]).all()


def test_on_a_tiny_grid_something_is_always_left_to_see():
    context, _ = context_and_targets(200, 2, generator=seeded(), targets=4, least=1)
    assert context.shape == (200, 1)


def test_covered_patches_are_gray_and_others_are_not():
    images, mask = pictures(2, 16), torch.zeros(2, 16, dtype=torch.bool)
    mask[0, 5] = True
    covered = cover(images, mask, 4)
    assert (covered[0, :, 4:8, 4:8] == 0.5).all() and torch.equal(covered[1], images[1])
    assert torch.equal(covered[0, :, :4], images[0, :, :4])
