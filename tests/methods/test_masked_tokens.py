import pytest
import torch

from sslcore.errors import UserError
from sslcore.methods.masked_tokens import as_colours, hidden
from tests.methods.test_conformance import batch_of, make, views_of


def test_masks_are_blocks_or_scattered_and_never_empty_or_full():
    for blocks in (True, False):
        for ratio, count in ((0.05, 1), (0.5, 8), (0.95, 15)):
            method = make("maskfeat", patch_size=8, mask_ratio=ratio, mask_blocks=blocks)
            mask = views_of(method, batch_of(5))["mask"]
            assert mask.shape == (5, 16) and (mask.sum(1) - count).abs().max() <= (not blocks)


@pytest.mark.parametrize("name", ["beit", "mae", "ibot", "msn", "ijepa"])
def test_of_a_single_patch_nothing_can_be_hidden(name):
    with pytest.raises(UserError, match="set patch_size to 16 or less"):
        make(name, patch_size=32)


@pytest.mark.parametrize("name", ["mae", "msn"])
def test_one_patch_at_least_is_seen(name):
    method = make(name, patch_size=8)
    method.settings = method.settings.turn(mask_ratio=0.95)
    assert views_of(method, batch_of(3))["keep"].shape == (3, 1)


def test_hidden_rows_stay_with_their_sample():
    rows = torch.arange(24.0).view(2, 4, 3)
    mask = torch.tensor([[True, False, False, True], [False, True, True, False]])
    assert torch.equal(hidden(rows, mask), torch.stack([rows[0, [0, 3]], rows[1, [1, 2]]]))


def test_features_become_colours_of_the_last_arguments_directions():
    features = torch.randn(2, 16, 8, generator=torch.Generator().manual_seed(0))
    same, last = as_colours(features, features)
    assert torch.equal(same, last) and last.shape == (2, 3, 4, 4)
    assert last.min() >= 0 and last.max() <= 1
    first = last.transpose(0, 1).flatten(1).std(1)
    assert (first > 0.15).all()
