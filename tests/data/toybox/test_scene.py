import os
import subprocess
import sys
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from sslcore.data.toybox import CLASSES, HUE_NAMES, PLACE_NAMES, caption, draw, sample
from sslcore.data.toybox.individual import HUES
from sslcore.data.toybox.toys import TOYS


def test_sampled_factors_stay_within_their_ranges():
    random = Random(0)
    for _ in range(500):
        p = sample(random)
        assert 0 <= p.toy < 10 and 0 <= p.place < 6 and 0 <= p.variant < len(TOYS[p.toy].variants)
        assert HUE_NAMES[p.hue] in TOYS[p.toy].hues
        assert 0.5 <= p.scale <= 0.85 and abs(p.tilt) <= 15 and p.y + p.scale <= 1
        assert 0.1 < p.x < 0.9 and p.style == "flat"


def test_the_same_individual_keeps_its_looks_in_every_scene():
    random = Random(1)
    scenes = [sample(random, toy=CLASSES.index("car"), individual=7) for _ in range(20)]
    assert len({(p.variant, p.hue) for p in scenes}) == 1
    assert len({p.place for p in scenes}) > 3
    pose = {
        "place": 0,
        "x": 0.5,
        "y": 0.1,
        "scale": 0.8,
        "tilt": 0.0,
        "flip": False,
        "light": 1.0,
        "warmth": 0.0,
    }
    drawn = [np.array(draw(replace(p, **pose, clutter=3), 32)) for p in scenes[:3]]
    assert np.array_equal(drawn[0], drawn[1]) and np.array_equal(drawn[0], drawn[2])


def test_individuals_differ():
    scene = sample(Random(2), toy=0, individual=1)
    others = {draw(replace(scene, individual=number), 32).tobytes() for number in range(50)}
    assert len(others) == 50


@pytest.mark.parametrize("style", ["flat", "ink"])
@pytest.mark.parametrize("toy", range(10), ids=CLASSES)
def test_every_variant_of_every_toy_is_drawn_in_every_place_mostly_inside_its_square(toy, style):
    random, variants = Random(3), set()
    for index in range(24):
        p = replace(sample(random, toy=toy, place=index % 6, style=style), x=0.5, y=0.2, scale=0.5, tilt=0.0)
        variants.add(p.variant)
        # The same noise and place with another toy: what differs is where the toys are.
        image, other = (np.asarray(draw(q, 64)).astype(int) for q in (p, replace(p, toy=(toy + 5) % 10)))
        changed = np.abs(image - other).max(axis=2) > 24
        assert changed.mean() > 0.02
        outside = changed.copy()
        outside[16:54, 12:52] = False  # the square is rows 19 to 51 and columns 16 to 48
        assert outside.mean() < 0.01
    assert variants == set(range(len(TOYS[toy].variants)))


def test_the_main_colour_is_the_one_the_caption_names():
    """Among cars in neutral light the named hue is the nearest of all hues somewhere on the body."""
    random, right = Random(4), 0
    for _ in range(40):
        p = replace(
            sample(random, toy=CLASSES.index("car"), place=3), light=1.0, warmth=0.0, scale=0.8, x=0.5, y=0.1
        )
        pixels = np.asarray(draw(p, 64)).astype(int)[20:60, 8:56].reshape(-1, 3)
        colours = np.array(list(HUES.values()))
        distances = np.abs(pixels[:, None] - colours[None]).sum(-1)
        votes = np.bincount(distances.argmin(1)[distances.min(1) < 90], minlength=8)
        right += int(votes.argmax() == p.hue)
    assert right >= 32


def test_light_and_flip_do_what_they_say():
    p = replace(sample(Random(5), toy=0, place=3), light=1.0, warmth=0.0)
    bright, dim = (np.asarray(draw(replace(p, light=value))).mean() for value in (1.0, 0.8))
    assert dim == pytest.approx(0.8 * bright, rel=0.02)
    fish = replace(sample(Random(6), toy=CLASSES.index("fish"), place=5), x=0.5, tilt=0.0)
    left, right = (np.asarray(draw(replace(fish, flip=flip), 64)) for flip in (True, False))
    assert not np.array_equal(left, right)


def test_a_scene_is_the_same_in_another_process():
    code = (
        "import sys; from random import Random; from sslcore.data.toybox import draw, sample;"
        "r = Random('x');"
        "sys.stdout.write(''.join(draw(sample(r, style='both')).tobytes().hex() for _ in range(20)))"
    )
    environment = {"PYTHONHASHSEED": "123", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code]
    elsewhere = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    random = Random("x")
    assert elsewhere == "".join(draw(sample(random, style="both")).tobytes().hex() for _ in range(20))


def test_the_style_both_gives_both():
    random = Random(7)
    assert {sample(random, style="both").style for _ in range(20)} == {"flat", "ink"}


def test_captions_are_plain_sentences():
    scene = sample(Random(8), toy=CLASSES.index("boat"), place=PLACE_NAMES.index("beach"))
    assert caption(replace(scene, hue=HUE_NAMES.index("red"))) == "a red boat on the beach"
    assert caption(replace(scene, hue=HUE_NAMES.index("orange"), place=2)) == "an orange boat at night"
