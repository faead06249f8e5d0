import pytest

from sslcore.settings import all_knobs
from ui.knob_widgets import box_step, help_text, log_steps, slider_step


def test_log_steps_hold_bounds_default_and_decades():
    steps = log_steps(0.01, 5.0, (0.2, 0.07))
    assert steps[0] == 0.01 and steps[-1] == 5.0
    assert {0.07, 0.1, 0.2, 0.5, 1.0, 2.0} <= set(steps)
    assert steps == sorted(set(steps))


@pytest.mark.parametrize(("low", "high", "default"), [(0.0, 1.0, 0.8), (0.02, 1.0, 0.4), (0.0, 180.0, 0.0)])
def test_a_slider_reaches_its_ends_and_its_default(low, high, default):
    step = slider_step(low, high, default)
    for value in (low, high, default):
        assert value / step == pytest.approx(round(value / step))


@pytest.mark.parametrize(("low", "high", "default"), [(0.0, 1.0, 1e-4), (1.0, 4.0, 4 / 3), (None, 1.0, 0.5)])
def test_other_ranges_get_a_box(low, high, default):
    assert slider_step(low, high, default) is None


@pytest.mark.parametrize(
    ("default", "step"), [(1e-4, 1e-4), (0.998, 0.001), (4 / 3, 0.01), (25.0, 1.0), (60.0, 10.0), (0.0, None)]
)
def test_a_box_steps_in_the_last_digit_of_its_default(default, step):
    assert box_step(default) == pytest.approx(step)


def test_help_names_the_range_and_whether_the_knob_is_live():
    told = help_text(all_knobs("simclr")["crop_min"])
    assert told.endswith("From 0.02 to 1. Can be turned while a run is going.")
