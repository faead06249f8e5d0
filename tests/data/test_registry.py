import pytest
import torch

from sslcore.data import dataset_cards, load, registry
from sslcore.errors import UserError


@pytest.fixture
def few(monkeypatch):
    """Toybox with few scenes; counts how often it is drawn."""
    original = registry.generate

    def generate(**options):
        generate.calls += 1
        return original(**options, train_size=20, test_size=10)

    generate.calls = 0
    monkeypatch.setattr(registry, "generate", generate)
    return generate


def test_every_card_says_what_it_is():
    cards = dataset_cards()
    assert len({card.id for card in cards}) == len(cards)
    for card in cards:
        assert card.title and card.description and card.source and card.sizes and card.classes > 1
        assert card.needs_download == (card.download_mb > 0)


def test_what_ships_is_available_and_what_must_be_fetched_is_not(tmp_path):
    available = {card.id for card in dataset_cards() if card.is_available(tmp_path)}
    assert available == {"toybox", "digits"}


def test_toybox_is_drawn_once_and_then_read_from_the_cache(tmp_path, few):
    first, second = (load("toybox", size=48, cache=tmp_path) for _ in range(2))
    assert few.calls == 1
    assert torch.equal(first.train.images, second.train.images)
    assert first.train.factors.keys() == second.train.factors.keys() == first.factor_names.keys()
    assert (first.size, first.probe) == (48, first.train)


def test_other_seeds_and_styles_are_other_images(tmp_path, few):
    variants = [load("toybox", cache=tmp_path, **o).train.images for o in ({}, {"seed": 1}, {"style": "ink"})]
    assert few.calls == 3
    assert not any(torch.equal(variants[0], other) for other in variants[1:])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("toybix", {}, "no dataset called 'toybix'. Did you mean toybox"),
        ("CIFAR10", {}, "Did you mean cifar10"),
        ("zzz", {}, "Known: toybox, digits"),
        ("toybox", {"size": 33}, "32, 48, 64, 96 pixels, not at 33"),
        ("toybox", {"style": "oil"}, "flat, ink or both, not in 'oil'"),
        ("digits", {"size": 4}, "between 16 and 224"),
        ("folder:", {}, "no folder or zip"),
    ],
)
def test_mistakes_are_explained(tmp_path, name, options, message):
    with pytest.raises(UserError, match=message):
        load(name, cache=tmp_path, **options)


def test_digits_need_no_cache(tmp_path):
    assert load("digits", size=16, cache=tmp_path).size == 16
    assert list(tmp_path.iterdir()) == []
