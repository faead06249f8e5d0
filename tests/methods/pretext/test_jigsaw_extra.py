from math import log

import pytest
import torch

from sslcore.errors import UserError
from sslcore.methods.base import Batch
from sslcore.views import apply_permutation, inverse_permutation
from tests.conftest import tiny_settings
from tests.methods.test_conformance import batch_of, make, views_of

STILL = {"crop_min": 1, "flip": 0, "jitter": 0, "grayscale": 0}


def flat_batch(count: int) -> Batch:
    """Images of a single shade each, so that every tile tells whose it is."""
    shade = torch.arange(count).view(-1, 1, 1, 1) / count
    return Batch(shade.expand(count, 3, 32, 32).float(), None, torch.arange(count))


def test_without_foreign_tiles_it_is_the_jigsaw():
    plain, extra = make("jigsaw"), make("jigsaw_extra", foreign_tiles=0)
    extra.load_state_dict(plain.state_dict(), strict=False)
    views = views_of(plain, batch_of(8))
    first = plain.loss(views)
    second = extra.loss({**views, "foreign": torch.zeros(8, 4, dtype=torch.bool)})
    assert first.terms.keys() == second.terms.keys() and torch.equal(first.total, second.total)
    assert extra.card.chance(extra.settings) == plain.card.chance(plain.settings)


@pytest.mark.parametrize(("foreign", "extra"), [(0, 2), (1, 0), (2, 1), (3, 0)])
def test_tiles_marked_foreign_are_and_no_others(foreign, extra):
    knobs = {"foreign_tiles": foreign, "extra_tiles": extra, "tile_norm": False, **STILL}
    views = views_of(make("jigsaw_extra", **knobs), flat_batch(60))
    shade = torch.arange(60)[:, None] / 60
    own = (views["tiles"].mean((2, 3, 4)) - shade).abs() < 1e-4
    assert views["tiles"].shape[1] == 4 + extra
    assert torch.equal(~own, views["foreign"])
    counts = views["foreign"].sum(1) - extra
    assert set(counts.tolist()) == set(range(foreign + 1))


def test_added_tiles_do_not_come_from_where_others_were_replaced():
    method = make("jigsaw_extra", foreign_tiles=3, extra_tiles=2, tile_norm=False, **STILL)
    for seed in range(12):
        views = views_of(method, flat_batch(4), seed)
        back = inverse_permutation(method.permutation_set[views["target"]])
        shades = apply_permutation(views["tiles"], back).mean((2, 3, 4))
        added = shades[:, 4:]
        strangers = torch.where(apply_permutation(views["foreign"], back), shades, torch.nan)[:, :4]
        assert not (strangers[:, :, None] - added[:, None]).abs().lt(1e-4).any()


def test_added_tiles_come_from_all_places_in_their_order():
    method = make("jigsaw_extra", foreign_tiles=0, extra_tiles=2, tile_norm=False, **STILL)
    quarter = torch.tensor([[0.1, 0.3], [0.5, 0.7]]).repeat_interleave(16, 0).repeat_interleave(16, 1)
    batch = Batch(quarter.expand(4, 3, 32, 32), None, torch.arange(4))
    seen = set()
    for seed in range(30):
        views = views_of(method, batch, seed)
        back = inverse_permutation(method.permutation_set[views["target"]])
        added = apply_permutation(views["tiles"], back).mean((2, 3, 4))[0, 4:]
        seen.add(tuple((added * 5).int().tolist()))
    assert seen == {(a, b) for a in range(4) for b in range(a + 1, 4)}


def test_own_tiles_lie_where_the_permutation_says():
    method = make("jigsaw_extra", gap=0, tile_jitter=False, foreign_tiles=1, **STILL)
    batch = batch_of(30)
    views = views_of(method, batch)
    back = inverse_permutation(method.permutation_set[views["target"]])
    from sslcore.views import tiles

    truth = tiles(batch.images, grid=2, gap=0, jitter=False, generator=torch.Generator())
    same = (apply_permutation(views["tiles"], back) == truth).flatten(2).all(2)
    assert torch.equal(same, ~apply_permutation(views["foreign"], back))


@pytest.mark.parametrize(
    ("foreign", "ceiling"), [(1, 1.0), (2, (1 + 1 + 1 / 2) / 3), (3, (1 + 1 + 1 / 2 + 1 / 6) / 4)]
)
def test_who_sees_through_everything_still_has_to_guess_between_foreign_tiles(foreign, ceiling):
    method = make("jigsaw_extra", foreign_tiles=foreign, permutations=24)
    views = views_of(method, flat_batch(4000))
    order = method.permutation_set[views["target"]]
    agrees = (method.permutation_set == order[:, None]) | views["foreign"][:, None]
    possible = agrees.all(2).sum(1)  # orders in which all own tiles lie as they do
    assert (1 / possible).mean().item() == pytest.approx(ceiling, abs=0.02)


@pytest.mark.parametrize(("foreign", "extra"), [(1, 0), (2, 0), (1, 1), (0, 2)])
def test_knowing_only_how_often_costs_what_the_card_says(foreign, extra):
    method = make("jigsaw_extra", foreign_tiles=foreign, extra_tiles=extra, permutations=24, width=4)
    share = (foreign / 2 + extra) / (4 + extra)
    with torch.no_grad():
        for p in (*method.head.parameters(), *method.foreign_head.parameters()):
            p.zero_()
        method.foreign_head[-1].bias.fill_(log(share / (1 - share)))
    views = views_of(method, flat_batch(2000))
    assert method.loss(views).total.item() == pytest.approx(method.card.chance(method.settings), abs=0.02)


def test_puzzles_of_more_than_nine_tiles_are_refused():
    with pytest.raises(UserError, match="at most 9"):
        tiny_settings("jigsaw_extra", grid=3, extra_tiles=1)
    with pytest.raises(UserError, match="only 24 orders"):
        tiny_settings("jigsaw_extra", permutations=25)
    assert tiny_settings("jigsaw_extra", permutations=100, extra_tiles=1)["permutations"] == 100
