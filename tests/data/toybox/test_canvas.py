import math

import numpy as np
import pytest

from sslcore.data.toybox.canvas import PAPER, Canvas, arc, curve, mirrored, mix

RED = (255, 0, 0)


def covered(canvas: Canvas) -> np.ndarray:
    """How much of every pixel is red rather than paper, 0 to 1."""
    green = np.asarray(canvas.finish(), dtype=float)[..., 1]
    return 1 - green / PAPER[1]


def test_y_points_up():
    canvas = Canvas(32)
    canvas.box(0, 0, 0.5, 0.25, RED)
    cover = covered(canvas)
    assert cover[26:, :14].min() > 0.99
    assert cover[:22].max() < 0.01 and cover[:, 18:].max() < 0.01


@pytest.mark.parametrize("size", [32, 48, 64, 96])
def test_a_disc_has_its_area_at_every_size(size):
    canvas = Canvas(size)
    canvas.disc(0.5, 0.5, 0.3, RED)
    assert covered(canvas).mean() == pytest.approx(math.pi * 0.3**2, rel=0.05)


def test_looking_at_a_part_scales_moves_turns_and_flips():
    canvas = Canvas(96)
    canvas.look_at(0.25, 0.75, 0.5)
    canvas.box(0, 0, 1, 1, RED)
    cover = covered(canvas)
    assert cover[:46, :46].min() > 0.99 and cover[50:].max() < 0.01

    canvas = Canvas(96)
    canvas.look_at(tilt=90)
    canvas.box(0.6, 0.4, 0.9, 0.6, RED)  # to the right of the centre: a quarter turn left takes it to the top
    assert covered(canvas)[10:36, 40:56].min() > 0.9

    canvas = Canvas(96)
    canvas.look_at(flip=True)
    canvas.box(0, 0, 0.25, 1, RED)
    assert covered(canvas)[:, 74:].min() > 0.99


def test_ink_outlines_toys_and_leaves_flat_ones_alone():
    shades = {}
    for style in ("flat", "ink"):
        canvas = Canvas(64, style)
        canvas.outlined = True
        canvas.box(0.25, 0.25, 0.75, 0.75, RED)
        shades[style] = np.asarray(canvas.finish())[32].max(axis=1)
    assert shades["ink"].min() < 100 < 240 < shades["flat"].min()


def test_small_parts_get_no_outline():
    canvas = Canvas(64, "ink")
    canvas.outlined = True
    canvas.disc(0.5, 0.5, 0.05, RED)
    assert np.asarray(canvas.finish()).max(axis=2).min() > 150


def test_an_arc_and_a_curve_go_through_their_points():
    ends = arc(0.5, 0.5, 0.2, 0.1, 0, 90)
    assert ends[0] == pytest.approx((0.7, 0.5)) and ends[-1] == pytest.approx((0.5, 0.6))
    points = [(0.0, 0.0), (0.3, 0.5), (1.0, 0.2)]
    through = curve(points, steps=4)
    assert [through[i] for i in (0, 4, 8)] == [pytest.approx(point) for point in points]


def test_a_mirrored_outline_is_symmetric():
    assert mirrored([(0.6, 0.0), (0.5, 1.0)]) == [(0.6, 0.0), (0.5, 1.0), (0.5, 1.0), (0.4, 0.0)]


def test_mixing_goes_from_one_colour_to_the_other():
    assert [mix((0, 0, 0), (200, 100, 50), part) for part in (0, 0.5, 1)] == [
        (0, 0, 0),
        (100, 50, 25),
        (200, 100, 50),
    ]
