import torch

from sslcore.data.toybox.canvas import STYLES
from sslcore.data.toybox.dataset import FACTOR_NAMES, factors, generate, plan


def test_the_same_arguments_give_the_same_pixels():
    first, second = (generate(train_size=12, test_size=6, seed=3)[0] for _ in range(2))
    assert torch.equal(first.images, second.images)
    assert not torch.equal(first.images, generate(train_size=12, test_size=6, seed=4)[0].images)


def test_classes_are_balanced_and_individuals_come_in_fours():
    known = factors(plan("train", 400))
    assert known["class"].bincount().tolist() == [40] * 10
    pairs = torch.stack([known["class"], known["individual"]], 1)
    _, counts = pairs.unique(dim=0, return_counts=True)
    assert counts.tolist() == [4] * 100


def test_nobody_is_in_both_splits():
    train, test = (set(factors(plan(split, 2000))["individual"].tolist()) for split in ("train", "test"))
    assert not train & test


def test_every_factor_is_named_and_within_its_names():
    train, _ = generate(train_size=200, test_size=2, style="both")
    assert train.factors.keys() == FACTOR_NAMES.keys()
    assert torch.equal(train.labels, train.factors["class"])
    for name, names in FACTOR_NAMES.items():
        values = train.factors[name]
        assert values.shape == (200,)
        if names is not None:
            assert values.dtype == torch.int64
            assert set(values.unique().tolist()) == set(range(len(names)))
    assert train.factors["scale"].dtype == torch.float32
    assert FACTOR_NAMES["style"] == STYLES


def test_factors_do_not_depend_on_the_class():
    """Pose, light and place are drawn alike for all classes, so none of them gives a class away."""
    known = factors(plan("train", 8000))
    for name in ("x", "y", "scale", "tilt", "light", "place"):
        means = torch.stack([known[name][known["class"] == toy].double().mean() for toy in range(10)])
        spread = known[name].double().std() / 800**0.5
        assert (means - known[name].double().mean()).abs().max() < 4.5 * spread


def test_progress_ends_at_one():
    seen = []
    generate(train_size=150, test_size=50, progress=lambda part, text: seen.append((part, text)))
    assert seen == [(1.0, "Drawing Toybox: 200 scenes")]
