import math

import pytest
import torch

from sslcore.errors import UserError
from sslcore.views import (
    apply_permutation,
    inverse_permutation,
    normalise_tiles,
    permutation_set,
    tiles,
    untile,
)
from tests.views.helpers import pictures, seeded


@pytest.mark.parametrize("grid", [2, 3, 4])
def test_untile_restores_the_image_when_there_is_no_gap(grid):
    images = pictures(3, 48)
    for jitter in (False, True):
        cut = tiles(images, grid=grid, gap=0, jitter=jitter, generator=seeded())
        assert cut.shape == (3, grid * grid, 3, 48 // grid, 48 // grid)
        assert torch.equal(untile(cut), images)


def test_centred_tiles_leave_half_the_gap_on_each_side():
    images = pictures(2, 48)
    cut = tiles(images, grid=3, gap=4, jitter=False, generator=seeded())
    assert torch.equal(cut[:, 4], images[:, :, 18:30, 18:30])


def test_jittered_tiles_lie_anywhere_within_their_cell_and_nowhere_else():
    rows, columns = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    images = torch.stack([rows, columns, rows * 0]).expand(400, 3, 48, 48)
    cut = tiles(images, grid=3, gap=4, jitter=True, generator=seeded())
    assert cut.shape == (400, 9, 3, 12, 12)
    corner = cut[:, :, :2, 0, 0].view(400, 3, 3, 2)
    offset = corner - 16 * torch.stack(torch.meshgrid(torch.arange(3), torch.arange(3), indexing="ij"), -1)
    assert set(offset.unique().tolist()) == {0.0, 1.0, 2.0, 3.0, 4.0}
    assert torch.equal(cut[..., 0, -1, 0] - cut[..., 0, 0, 0], torch.full((400, 9), 11.0))
    assert torch.equal(cut[..., 1, 0, -1] - cut[..., 1, 0, 0], torch.full((400, 9), 11.0))


def test_untile_draws_gaps_for_the_eye():
    shown = untile(torch.zeros(1, 4, 3, 5, 5), gap=2, fill=1.0)
    assert shown.shape == (1, 3, 12, 12)
    assert shown[..., 5:7, :].min() == 1 and shown[..., :5, :5].max() == 0


def test_impossible_tiles_are_refused():
    with pytest.raises(UserError, match="too small for a gap"):
        tiles(pictures(1, 32), grid=8, gap=4, jitter=True, generator=seeded())
    with pytest.raises(UserError, match="square"):
        tiles(pictures(1, 32, 48), grid=2, gap=0, jitter=True, generator=seeded())


def test_normalised_tiles_have_mean_zero_and_deviation_one_each():
    cut = tiles(pictures(3, 48)[:, :, 12:48, 12:48], grid=3, gap=2, jitter=True, generator=seeded())
    normal = normalise_tiles(cut * 0.3 + 0.2)
    torch.testing.assert_close(normal.mean((2, 3, 4)), torch.zeros(3, 9), atol=1e-4, rtol=0)
    torch.testing.assert_close(normal.std((2, 3, 4), correction=0), torch.ones(3, 9), atol=1e-3, rtol=0)
    assert normalise_tiles(torch.full((1, 4, 3, 5, 5), 0.7)).abs().max() < 1e-3


def distances(permutations: torch.Tensor) -> torch.Tensor:
    different = (permutations[:, None] != permutations[None]).sum(-1)
    return different[~torch.eye(len(permutations), dtype=torch.bool)]


@pytest.mark.parametrize(("count", "least"), [(9, 8), (30, 7), (64, 7), (100, 6)])
def test_permutations_of_nine_differ_in_many_places(count, least):
    permutations = permutation_set(count, 9)
    assert torch.equal(permutations.sort(dim=1).values, torch.arange(9).expand(count, 9))
    assert distances(permutations).min() >= least
    assert distances(permutations).float().mean() > 8


def test_all_permutations_of_four():
    permutations = permutation_set(24, 4)
    assert len({tuple(p) for p in permutations.tolist()}) == math.factorial(4)
    assert distances(permutations).min() == 2


def test_a_permutation_set_is_the_same_every_time_and_depends_on_its_seed():
    assert torch.equal(permutation_set(10, 6), permutation_set(10, 6))
    assert not torch.equal(permutation_set(10, 6), permutation_set(10, 6, seed=1))
    permutation_set(10, 6).zero_()
    assert distances(permutation_set(10, 6)).min() > 1


def test_more_permutations_than_exist_are_refused():
    with pytest.raises(UserError, match="4 tiles have 24 permutations"):
        permutation_set(25, 4)
    with pytest.raises(UserError, match="1 to 9 tiles"):
        permutation_set(5, 16)


def test_the_inverse_permutation_puts_the_image_together_again():
    images = pictures(6, 48)
    cut = tiles(images, grid=3, gap=0, jitter=False, generator=seeded())
    permutations = permutation_set(6, 9)
    shuffled = apply_permutation(cut, permutations)
    assert torch.equal(shuffled[2, 5], cut[2, permutations[2, 5]])
    assert torch.equal(untile(apply_permutation(shuffled, inverse_permutation(permutations))), images)
