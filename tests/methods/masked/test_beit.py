import math

import pytest
import torch

from sslcore.methods.base import Epoch
from tests.conftest import make_data
from tests.methods.test_closed_forms import silence
from tests.methods.test_conformance import batch_of, make, views_of


def learn(method, seed=0, data=None):
    images = (data or make_data(64)).train.images
    with torch.no_grad():
        method.on_epoch(Epoch(0, images, torch.Generator().manual_seed(seed)))


def test_the_vocabulary_is_learned_once():
    method = make("beit", vocabulary=8)
    learn(method)
    words = method.words.clone()
    learn(method, seed=1)
    assert method.learned and torch.equal(method.words, words)
    assert not method.words.requires_grad


def test_patches_are_spelled_with_their_nearest_word():
    method = make("beit", vocabulary=8)
    learn(method)
    views = views_of(method, batch_of(5))
    patches, words = (rows @ method.axes for rows in (method.patches(views["images"]), method.words))
    assert torch.equal(views["words"], torch.cdist(patches, words).argmin(2))


def test_words_tell_more_of_a_patch_than_its_colour():
    """Patches are of many colours and two textures: four words are enough for neither, and textures vary least."""
    generator = torch.Generator().manual_seed(0)
    colours = torch.rand(64, 3, 1, 1, generator=generator).expand(64, 3, 32, 32)
    stripes = (torch.arange(32) % 2 * 2.0 - 1).view(1, 1, 1, 32)
    upright = torch.arange(64) % 2 == 0
    texture = torch.where(upright.view(-1, 1, 1, 1), stripes, stripes.mT) * 0.05
    method = make("beit", vocabulary=4)
    images = ((colours * 0.8 + 0.1 + texture) * 255).to(torch.uint8)
    with torch.no_grad():
        method.on_epoch(Epoch(0, images, torch.Generator().manual_seed(0)))
        words = method.read(images / 255)
    texture_of = torch.stack([words[half].flatten().bincount(minlength=4) for half in (upright, ~upright)])
    assert texture_of.amax(0).sum() > 0.8 * words.numel()  # by colour alone it would be about a half


def test_words_spell_better_than_random_ones():
    method, data = make("beit", vocabulary=16), make_data(64)
    patches = method.patches(data.train.images.float() / 255)

    def error():
        return torch.cdist(patches, method.words).amin(2).mean().item()

    before = error()
    learn(method, data=data)
    assert error() < 0.5 * before


def test_silence_is_at_chance_and_the_commonest_word_is_counted():
    method = make("beit", vocabulary=8)
    silence(method.head)
    views = views_of(method, batch_of(4))
    views["words"] = torch.zeros_like(views["words"])
    losses = method.loss(views)
    assert losses.total.item() == pytest.approx(math.log(8), abs=1e-5)
    assert losses.metrics["majority"] == 1 and losses.metrics["words_in_use"].item() == pytest.approx(1)
