"""Settings worth a click: some that work, and some that break on purpose."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sslcore.errors import UserError
from sslcore.knobs import show
from sslcore.methods.base import TwoView
from sslcore.registry import get_method
from sslcore.settings import RunSettings, all_knobs


@dataclass(frozen=True)
class Preset:
    """Knobs to turn, by name; everything else stays as it is."""

    title: str
    expect: str  # what will be seen
    values: dict[str, Any]
    breaks: bool = False


def timed(seconds: float) -> dict[str, float]:
    """A budget in seconds; one in steps or epochs would go before it."""
    return {"seconds": seconds, "steps": 0, "epochs": 0}


GENERAL = (
    Preset("Defaults", "Everything back to this method's defaults.", {}),
    Preset("Quick look", "Fifteen seconds: enough to see whether something is learned.", timed(15.0)),
    Preset("Patient", "Five minutes: how far this method gets on this machine.", timed(300.0)),
)
LESSONS = (  # of learning from two views; each is true for the same training time
    Preset(
        "Narrow encoder",
        "The default width: many quick steps, which on a slow machine get further than a wide encoder's few.",
        {"encoder": "small", "width": 16},
    ),
    Preset(
        "Wide encoder",
        "Every step takes longer, so there are fewer: on a slow machine accuracy falls behind.",
        {"encoder": "small", "width": 64},
        breaks=True,
    ),
    Preset(
        "Tiny crops",
        "Such a crop shows a scrap of the toy or none of it: views share little, and accuracy stays low.",
        {"crop_min": 0.05, "crop_max": 0.2},
        breaks=True,
    ),
    Preset(
        "Wild colours",
        "Colours change far too much: views are harder to match, and accuracy grows more slowly.",
        {"jitter": 1.0, "brightness": 0.8, "contrast": 0.8, "saturation": 0.8, "hue": 0.4},
        breaks=True,
    ),
    Preset(
        "High temperature",
        "Near negatives count some seven times as much as unrelated ones, at 0.1 some 22,000 times: slower learning.",
        {"temperature": 0.5},
        breaks=True,
    ),
)


@cache
def presets_of(method: str) -> tuple[Preset, ...]:
    """The presets that fit a method: general ones, its own break-it switches, lessons about views."""
    card = get_method(method).card
    switches = [Preset(_words(s.values), s.expect, dict(s.values), breaks=True) for s in card.switches]
    lessons = [preset for preset in LESSONS if _teaches(method, preset)]
    general = GENERAL[:1] if get_method(method).defaults.get("steps") else GENERAL  # nothing to wait for
    return (*general, *switches, *lessons)


def _teaches(method: str, lesson: Preset) -> bool:
    """Whether a lesson about two views holds for a method: it compares views, and the settings are legal."""
    chosen = get_method(method)
    if not issubclass(chosen, TwoView) or not lesson.values.keys() <= all_knobs(method).keys():
        return False
    if "crop_min" in lesson.values and "patch_area" in all_knobs(method):
        return False  # its crops have an area of their own
    if "temperature" in lesson.values and chosen.card.family != "contrastive":
        return False  # there are no negatives
    try:
        return bool(RunSettings.build(method, **lesson.values))
    except UserError:
        return False


def _words(values: dict[str, Any]) -> str:
    """``stop gradient off``"""
    return ", ".join(f"{name.replace('_', ' ')} {show(value)}" for name, value in values.items())
