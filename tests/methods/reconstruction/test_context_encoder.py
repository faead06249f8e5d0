from math import log

import pytest
import torch

from sslcore.errors import UserError
from tests.methods.test_closed_forms import silence
from tests.methods.test_conformance import batch_of, make, views_of


def test_what_was_in_the_hole_is_not_seen():
    method = make("context_encoder").eval()
    views = views_of(method, batch_of(4))
    changed = {**views, "images": torch.where(views["hole"], 0.9, views["images"])}
    assert torch.equal(method.rebuild(views)[1], method.rebuild(changed)[1])


@pytest.mark.parametrize("overlap", [0, 3])
def test_only_the_hole_and_its_rim_count(overlap):
    method = make("context_encoder", adversarial_weight=0.0, overlap=overlap, hole="centre")
    views = views_of(method, batch_of(4))
    answer = torch.rand(4, 3, 32, 32)
    truth = method.encoder.standardise(views["images"])
    far, near = truth.clone(), truth.clone()
    far[:, :, 0, 0] += 5
    near[:, :, 7, 16] += 5  # one pixel above the hole

    def loss(target):
        method.rebuild = lambda views: (target, answer)
        return method.loss(views).total

    assert torch.equal(loss(truth), loss(far))
    assert torch.equal(loss(truth), loss(near)) == (overlap == 0)


@pytest.mark.parametrize(("hole", "size", "hidden"), [("centre", 0.5, 256), ("centre", 0.25, 64)])
def test_the_central_hole_is_in_the_centre(hole, size, hidden):
    views = views_of(make("context_encoder", hole=hole, hole_size=size), batch_of(3))
    mask = views["hole"][:, 0]
    assert (mask.flatten(1).sum(1) == hidden).all()
    assert torch.equal(mask, mask.flip(1)) and torch.equal(mask, mask.mT)


def test_random_holes_hide_no_more_than_the_central_one():
    hidden = views_of(make("context_encoder"), batch_of(33))["hole"].flatten(1).sum(1)
    assert hidden.max() <= 256 and hidden.float().std() > 0


def test_each_player_moves_only_itself():
    method = make("context_encoder")
    terms = method.loss(views_of(method, batch_of(8))).terms
    judge = list(method.discriminator.parameters())
    painter = list(method.decoder.parameters())

    def moves(term, weights):
        gradients = torch.autograd.grad(term, weights, retain_graph=True, allow_unused=True)
        return any(g is not None and g.abs().sum() > 0 for g in gradients)

    assert moves(terms["fooling"], painter) and not moves(terms["fooling"], judge)
    assert moves(terms["discriminator"], judge) and not moves(terms["discriminator"], painter)
    assert moves(terms["reconstruction"], painter) and not moves(terms["reconstruction"], judge)


def test_an_undecided_discriminator_and_a_mean_answer_are_at_chance():
    method = make("context_encoder", adversarial_weight=0.25)
    silence(method.discriminator)
    silence(method.decoder)
    views = views_of(method, batch_of(64))
    views["images"] = 0.5 + 0.25 * torch.randn(64, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    losses = method.loss(views)
    terms = losses.terms
    assert terms["discriminator"].item() == pytest.approx(2 * log(2))
    assert terms["fooling"].item() == pytest.approx(0.25 * log(2))
    assert terms["reconstruction"].item() == pytest.approx(0.75, abs=2e-2)  # the variance, which is 1
    assert losses.total.item() == pytest.approx(method.card.chance(method.settings), abs=2e-2)


def test_sides_that_cannot_be_doubled_to_get_a_sentence():
    with pytest.raises(UserError, match="cannot be reached"):
        make("context_encoder", size=36)
