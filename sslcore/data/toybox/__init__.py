"""Toybox: a small drawn world in which every factor of every image is known.

draw(sample(Random(0), toy=CLASSES.index("boat")), size=96)   # a picture of a boat
"""

from sslcore.data.toybox.canvas import STYLES
from sslcore.data.toybox.dataset import generate
from sslcore.data.toybox.individual import HUE_NAMES
from sslcore.data.toybox.places import PLACE_NAMES
from sslcore.data.toybox.scene import SceneParameters, caption, draw, sample
from sslcore.data.toybox.sheet import contact_sheet
from sslcore.data.toybox.toys import CLASSES

__all__ = [
    "CLASSES",
    "HUE_NAMES",
    "PLACE_NAMES",
    "STYLES",
    "SceneParameters",
    "caption",
    "contact_sheet",
    "draw",
    "generate",
    "sample",
]
