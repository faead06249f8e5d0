"""Switches that are said to collapse a method do, the lamp says so, and without them it stays dark."""

from dataclasses import replace

import pytest

from sslcore.data import ImageData
from sslcore.data.toybox.dataset import generate, toybox
from sslcore.registry import methods
from sslcore.training import Diagnosis, Trainer
from tests.conftest import tiny_settings

COLLAPSING = [(name, s.values) for name, m in methods().items() for s in m.card.switches if s.collapses]
NAMES = {name for name, _ in COLLAPSING}
LONG_ENOUGH = {
    "steps": 120, "evaluations": 4, "batch_size": 32, "width": 8, "learning_rate": 0.01, "schedule": "constant",
}  # fmt: skip

# of batches of 32 and at that rate its embedding ends on a line, stop-gradient or not
OF_THEIR_OWN = {
    "simsiam": {"batch_size": 128, "learning_rate": 0.005},
    "ibot": {"learning_rate": 0.002},  # so does a transformer's at the higher one
    "swav": {"local_crops": 2},  # with fewer views to agree on it takes longer
}


@pytest.fixture(scope="module")
def scenes() -> ImageData:
    """Toybox: where every image has but one colour, agreeing on that is enough, and nothing need collapse.

    Without labels, which no lamp looks at and probes would take their time over.
    """
    made = toybox(*generate(train_size=256, test_size=128))
    bare = {name: replace(getattr(made, name), labels=None) for name in ("train", "probe", "test")}
    return replace(made, classes=(), **bare)


def lamp(name: str, data: ImageData, **switch) -> str:
    """What the lamp says at the end of a short run."""
    knobs = LONG_ENOUGH | OF_THEIR_OWN.get(name, {}) | switch
    trainer = Trainer(tiny_settings(name, **knobs), data)
    return [event.verdict for event in trainer if isinstance(event, Diagnosis)][-1]


def test_methods_that_can_collapse_say_how():
    assert sorted(NAMES) == [
        "align_uniform", "byol", "counting", "dino", "emp_ssl", "ibot", "iic", "ijepa", "lejepa", "mean_shift",
        "simsiam", "swav", "triplet", "vicreg",
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "switch"), COLLAPSING)
def test_the_switch_lights_the_lamp(name, switch, scenes):
    assert lamp(name, scenes, **switch) == "complete"


@pytest.mark.parametrize("name", sorted(NAMES))
def test_without_it_the_lamp_stays_dark(name, scenes):
    assert lamp(name, scenes) != "complete"
