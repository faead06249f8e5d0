import pytest
import torch

from sslcore.errors import UserError
from sslcore.methods.masked_tokens import as_colours, at, hidden, spread_of, standardised
from tests.methods.test_conformance import batch_of, make, views_of


def test_masks_are_blocks_or_scattered_and_never_empty_or_full():
    for blocks in (True, False):
        for ratio, count in ((0.05, 1), (0.5, 8), (0.95, 15)):
            method = make("maskfeat", patch_size=8, mask_ratio=ratio, mask_blocks=blocks)
            mask = views_of(method, batch_of(5))["mask"]
            assert mask.shape == (5, 16) and (mask.sum(1) - count).abs().max() <= (not blocks)


@pytest.mark.parametrize("name", ["beit", "mae", "ibot", "msn"])
def test_of_a_single_patch_nothing_can_be_hidden(name):
    with pytest.raises(UserError, match=r"set patch_size to 16\.$"):
        make(name, patch_size=32)


@pytest.mark.parametrize("name, width", [("mae", "decoder_width"), ("ijepa", "predictor_width")])
def test_an_odd_width_is_one_sentence(name, width):
    with pytest.raises(UserError, match=f"{width} must be a multiple of 4, got 50: set it to 48"):
        make(name, **{width: 50})


@pytest.mark.parametrize("name", ["mae", "msn"])
def test_one_patch_at_least_is_seen(name):
    method = make(name, patch_size=8)
    method.settings = method.settings.turn(mask_ratio=0.95)
    assert views_of(method, batch_of(3))["keep"].shape == (3, 1)


def test_hidden_rows_stay_with_their_sample():
    rows = torch.arange(24.0).view(2, 4, 3)
    mask = torch.tensor([[True, False, False, True], [False, True, True, False]])
    assert torch.equal(hidden(rows, mask), torch.stack([rows[0, [0, 3]], rows[1, [1, 2]]]))


def test_targets_are_standardised_over_places_or_over_features():
    tokens = 3 + 2 * torch.randn(2, 16, 8, generator=torch.Generator().manual_seed(0))
    for how, axis in (("instance", 1), ("layer", 2)):
        target = standardised(tokens, how)
        assert (
            target.mean(axis).abs().max() < 1e-5 and (target.var(axis, correction=0) - 1).abs().max() < 1e-3
        )
    assert torch.equal(standardised(tokens, "off"), tokens)


def test_what_all_places_of_an_image_share_is_no_target():
    place = torch.randn(16, 8, generator=torch.Generator().manual_seed(0))
    same, shifted, stronger = standardised(
        torch.stack([place, place + torch.arange(8), 3 * place]), "instance"
    )
    assert torch.allclose(same, shifted, atol=1e-4) and torch.allclose(same, stronger, atol=1e-4)


def test_targets_that_only_tell_the_place_have_no_spread():
    places = torch.randn(1, 16, 8, generator=torch.Generator().manual_seed(0))
    assert spread_of(standardised(places, "instance").expand(4, 16, 8)) == 0
    images = torch.randn(500, 16, 8, generator=torch.Generator().manual_seed(0))
    assert spread_of(images) == pytest.approx(1, abs=0.02)


def test_tokens_are_found_at_their_places():
    tokens = torch.arange(2 * 5 * 3.0).view(2, 5, 3)
    places = torch.tensor([[[0, 1], [4, 2]], [[3, 3], [0, 1]]])
    found = at(tokens, places)
    assert found.shape == (2, 2, 2, 3) and torch.equal(found[1, 0], tokens[1, [3, 3]])


def test_features_become_colours_of_the_last_arguments_directions():
    features = torch.randn(2, 16, 8, generator=torch.Generator().manual_seed(0))
    same, last = as_colours(features, features)
    assert torch.equal(same, last) and last.shape == (2, 3, 4, 4)
    assert last.min() >= 0 and last.max() <= 1
    first = last.transpose(0, 1).flatten(1).std(1)
    assert (first > 0.15).all()
