import json
import shlex
from collections import Counter

import pytest

from sslcore.__main__ import build_parser
from sslcore.errors import UserError
from sslcore.knobs import knobs_of
from sslcore.registry import get_method, methods
from sslcore.settings import SECTIONS, RunSettings, all_knobs


@pytest.mark.parametrize("method", methods())
def test_every_method_has_settings_that_round_trip(method):
    settings = RunSettings.build(method)
    assert RunSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    assert settings.changes() == {}


@pytest.mark.parametrize("method", methods())
def test_knob_names_are_unique_and_helpful(method):
    models = [get_method(method).Settings, *SECTIONS.values()]
    names = Counter(name for model in models for name in knobs_of(model))
    assert {name for name, count in names.items() if count > 1} == set()
    for known in all_knobs(method).values():
        assert len(known.help) > 8
        number = known.kind in (int, float) and not known.options
        assert not number or known.low < known.high, f"{known.name} has no range"


@pytest.mark.parametrize("method", methods())
def test_break_it_switches_are_legal_settings(method):
    for switch in get_method(method).card.switches:
        broken = RunSettings.build(method, **switch.values)
        assert broken.changes(), f"{switch.title} changes nothing"


def test_changes_are_all_that_is_needed_to_rebuild():
    settings = RunSettings.build("byol", momentum=0.9, seed=3)
    assert settings.changes() == {"momentum": 0.9, "seed": 3}
    assert RunSettings.build("byol", **settings.changes()) == settings


def test_the_printed_command_rebuilds_the_run():
    settings = RunSettings.build("simsiam", stop_gradient=False, learning_rate=1 / 3, steps=7, seed=2)
    args = build_parser().parse_args(shlex.split(settings.command())[3:])
    values = dict(pair.split("=", 1) for pair in args.set)
    rebuilt = RunSettings.build(args.method, data=args.data, seed=args.seed, steps=args.steps, **values)
    assert rebuilt == settings


def test_unknown_names_are_answered_with_near_ones():
    with pytest.raises(UserError, match="simclr"):
        RunSettings.build("simlcr")
    with pytest.raises(UserError, match="temperature"):
        RunSettings.build("simclr", temprature=1)
    with pytest.raises(UserError, match="no setting called 'momentum'"):
        RunSettings.build("simclr", momentum=0.9)


def test_url_values_out_of_range_are_moved_and_reported():
    settings, notes = RunSettings.from_query(
        {"method": "simclr", "temperature": "99", "page": "x", "seed": "4"}
    )
    assert settings["temperature"] == 5.0 and settings["seed"] == 4
    assert len(notes) == 1 and "temperature" in notes[0]


def test_what_cannot_be_read_in_the_url_is_the_default_of_the_method():
    settings, notes = RunSettings.from_query(
        {"method": "mae", "batch_size": "many", "encoder": "vitt", "mask_ratio": "0.6"}
    )
    usual = RunSettings.build("mae")
    assert settings == usual.change(mask_ratio=0.6) and len(notes) == 2


def test_unknown_method_in_the_url_falls_back_and_says_so():
    settings, notes = RunSettings.from_query({"method": "nope"})
    assert settings.method == "simclr" and "nope" in notes[0]


def test_knobs_that_do_not_fit_together_are_refused():
    with pytest.raises(UserError, match="only 24 orders"):
        RunSettings.build("jigsaw", permutations=30)
    with pytest.raises(UserError, match="transformer"):
        RunSettings.build("mae", encoder="small")
    with pytest.raises(UserError):
        RunSettings.build("simclr", crop_min=0.9, crop_max=0.5)


def test_label_names_what_was_changed():
    assert "temperature 0.5" in RunSettings.build("simclr", temperature=0.5, seed=1).label()
    assert "seed 1" in RunSettings.build("simclr", seed=1).label()
