"""Settings worth a click: some that work, and some that break on purpose."""

from dataclasses import dataclass
from typing import Any

from sslcore.errors import UserError
from sslcore.registry import get_method
from sslcore.settings import RunSettings, all_knobs


@dataclass(frozen=True)
class Preset:
    """Knobs to turn, by name; everything else stays as it is."""

    title: str
    expect: str  # what will be seen
    values: dict[str, Any]
    breaks: bool = False


GENERAL = (
    Preset("Defaults", "Everything back to this method's defaults.", {}),
    Preset("Quick look", "Fifteen seconds: enough to see whether something is learned.", {"seconds": 15.0}),
    Preset("Patient", "Five minutes: how far this method gets on this machine.", {"seconds": 300.0}),
)
LESSONS = (
    Preset(
        "Tiny crops",
        "Crops far below 0.4 of the image lose the object, so views share little more than the background.",
        {"crop_min": 0.05, "crop_max": 0.2},
        breaks=True,
    ),
    Preset(
        "Wild colours",
        "Twice the colour jitter hides more than it protects from: the same time teaches less.",
        {"jitter": 1.0, "brightness": 0.8, "contrast": 0.8, "saturation": 0.8, "hue": 0.4},
        breaks=True,
    ),
)


def presets_of(method: str) -> list[Preset]:
    """The presets that fit a method: general ones, its own break-it switches, lessons about views."""
    card = get_method(method).card
    switches = [Preset(switch.title, switch.expect, dict(switch.values), True) for switch in card.switches]
    lessons = LESSONS if card.family in ("contrastive", "distillation", "redundancy", "clustering") else ()
    return [
        preset
        for preset in (*GENERAL, *switches, *lessons)
        if preset.values.keys() <= all_knobs(method).keys()
    ]


def preset_settings(method: str, preset: Preset, now: dict[str, Any]) -> RunSettings:
    """The settings of the form with a preset's knobs turned; the one without knobs means the defaults.

    Args:
        now: what the form says.
    """
    try:
        return RunSettings.build(method, **({**now, **preset.values} if preset.values else {}))
    except UserError:
        return RunSettings.build(method, **preset.values)
