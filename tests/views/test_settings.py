import pytest

from sslcore.errors import UserError
from sslcore.knobs import knobs_of
from sslcore.views import ViewSettings


def test_every_knob_may_change_while_a_run_is_going_and_explains_itself():
    for knob in knobs_of(ViewSettings).values():
        assert knob.live, knob.name
        assert len(knob.help) > 10, knob.name


def test_a_smallest_crop_above_the_largest_is_refused_in_one_sentence():
    with pytest.raises(UserError, match=r"crop_min \(0.8\) must not be larger than crop_max \(0.5\)"):
        ViewSettings.parse({"crop_min": 0.8, "crop_max": 0.5})


def test_a_weakest_blur_above_the_strongest_is_refused():
    with pytest.raises(UserError, match="blur_sigma_min"):
        ViewSettings.parse({"blur_sigma_min": 3})


def test_a_chance_above_one_is_refused():
    with pytest.raises(UserError, match="flip must be at most 1"):
        ViewSettings.parse({"flip": 1.5})
