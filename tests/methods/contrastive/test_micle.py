from dataclasses import replace

import pytest
import torch

from sslcore.data.toybox.dataset import generate, toybox
from sslcore.errors import UserError
from sslcore.methods.base import first_images
from sslcore.training import Step, Trainer
from tests.conftest import make_data, tiny_settings
from tests.methods.test_closed_forms import collapse_to_a_point
from tests.methods.test_conformance import batch_of, make, views_of

CALM = {"jitter": 0, "grayscale": 0, "crop_min": 1, "flip": 0, "view_scale": 1.0}


def without_bags():
    data = make_data()
    train = replace(data.train, bags=None)
    return replace(data, train=train, probe=train, test=train)


def test_bags_of_one_are_simclr():
    batch = batch_of(8)
    alone = replace(batch, partners=batch.images)
    ours, theirs = views_of(make("micle"), alone), views_of(make("simclr"), batch)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_the_second_view_shows_the_partner():
    batch = batch_of(8)
    other = replace(batch, partners=batch.images.flip(0))
    views = views_of(make("micle", **CALM), other)
    assert torch.allclose(views["view1"], batch.images, atol=1e-5)
    assert torch.allclose(views["view2"], batch.images.flip(0), atol=1e-5)


def test_without_bags_it_does_not_look_at_partners():
    batch = batch_of(8)
    other = replace(batch, partners=torch.zeros_like(batch.images))
    ours, theirs = views_of(make("micle", use_bags=False), other), views_of(make("simclr"), batch)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_wrong_bags_pair_with_another_image():
    batch = batch_of(8)
    views = views_of(make("micle", wrong_bags=1.0, **CALM), replace(batch, partners=batch.images))
    assert torch.allclose(views["view2"], batch.images.roll(1, 0), atol=1e-5)


def test_some_wrong_bags_exchange_partners():
    batch = batch_of(8)
    views = views_of(make("micle", wrong_bags=0.5, **CALM), replace(batch, partners=batch.images))
    shown = (views["view2"][:, None] - batch.images[None]).abs().amax((2, 3, 4)).argmin(1)
    assert shown.sort().values.tolist() == list(range(8))  # every partner is there, and once
    assert 0 < (shown != torch.arange(8)).sum() < 8


def test_at_collapse_it_is_the_log_of_the_others():
    method = make("micle", batch_size=8)
    collapse_to_a_point(method)
    loss = method.loss(views_of(method, batch_of(8))).total.item()
    assert loss == pytest.approx(method.card.collapse(method.settings), abs=1e-5)


def test_no_bag_is_twice_in_a_batch_and_partners_share_it():
    data = make_data()
    trainer = Trainer(tiny_settings("micle"), data)
    found = {image.numpy().tobytes(): i for i, image in enumerate(data.train.images)}
    for _ in range(8):
        batch = trainer.next_batch()
        bags = data.train.bags[batch.index]
        assert len(bags.unique()) == len(bags) == 16
        partners = torch.tensor([found[image.numpy().tobytes()] for image in batch.partners])
        assert torch.equal(data.train.bags[partners], bags)
        assert not (partners == batch.index).any()


def test_an_epoch_is_a_pass_over_the_bags():
    steps = [
        e for e in Trainer(tiny_settings("micle", steps=0, epochs=2), make_data()) if isinstance(e, Step)
    ]
    assert len(steps) == 2 * (32 // 16)


def test_data_without_bags_are_refused_unless_they_are_not_used():
    with pytest.raises(UserError, match="Tiny has none"):
        Trainer(tiny_settings("micle"), without_bags())
    trainer = Trainer(tiny_settings("micle", use_bags=False), without_bags())
    same = Trainer(tiny_settings("simclr"), without_bags())
    assert [e.loss for e in trainer if isinstance(e, Step)] == [e.loss for e in same if isinstance(e, Step)]


def test_a_batch_of_more_bags_than_there_are_is_refused():
    with pytest.raises(UserError, match="set batch_size to 32 or less"):
        Trainer(tiny_settings("micle", batch_size=33), make_data())


def test_the_referee_judges_pairs_of_a_bag():
    data = make_data()
    calm = {name: value for name, value in CALM.items() if name != "view_scale"}
    first, second = Trainer(tiny_settings("micle", **calm), data).referee.pair
    assert torch.allclose(first[:32], second[32:], atol=1e-5) and not torch.allclose(first, second, atol=0.1)
    first, second = Trainer(tiny_settings("simclr", **calm), data).referee.pair
    assert torch.allclose(first, second, atol=1e-5)


def test_toybox_pairs_scenes_of_one_individual():
    data = toybox(*generate(train_size=80, test_size=40))
    for split in (data.train, data.test):
        who = torch.stack([split.factors["class"], split.factors["individual"]], 1)
        together = split.bags[:, None] == split.bags
        assert torch.equal(together, (who[:, None] == who).all(2))
        assert split.bags.bincount().tolist() == [4] * (len(split) // 4)
    batch = first_images(data.test, 8)
    assert torch.equal((255 * batch.partners).round().to(torch.uint8), data.test.images[10:18])
