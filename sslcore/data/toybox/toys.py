"""The ten classes of toys."""

from collections.abc import Callable
from dataclasses import dataclass

from sslcore.data.toybox.canvas import Canvas, Colour
from sslcore.data.toybox.grown import fish, flower, mushroom, tree
from sslcore.data.toybox.individual import HUE_NAMES, Details
from sslcore.data.toybox.made import boat, car, cup, house, rocket, umbrella


@dataclass(frozen=True)
class Toy:
    """A class of toys: how to draw it, the names of its variants, the hues it comes in (as often as named).

    Some colours mean something (crowns are green or autumnal), others are free (any car, cup or umbrella).
    """

    draw: Callable[[Canvas, Details, int, Colour], None]
    variants: tuple[str, ...]
    hues: tuple[str, ...] = HUE_NAMES

    @property
    def name(self) -> str:
        return self.draw.__name__


_CROWNS = ("green",) * 6 + ("yellow", "orange", "red", "teal", "pink")
_PETALS = ("red", "orange", "yellow", "blue", "purple", "pink")
_CAPS = ("red", "red", "orange", "orange", "yellow", "purple", "pink", "blue")

TOYS = (
    Toy(house, ("cottage", "long", "narrow", "barn")),
    Toy(tree, ("round", "fir", "poplar", "palm"), _CROWNS),
    Toy(car, ("saloon", "beetle", "van", "pick-up")),
    Toy(boat, ("yacht", "steamer", "square sail")),
    Toy(fish, ("slim", "round", "angelfish")),
    Toy(flower, ("daisy", "tulip", "sunflower"), _PETALS),
    Toy(mushroom, ("toadstool", "pointed", "flat"), _CAPS),
    Toy(rocket, ("slim", "plump", "boosters")),
    Toy(cup, ("mug", "teacup", "tall")),
    Toy(umbrella, ("dome", "parasol", "bell")),
)
CLASSES = tuple(toy.name for toy in TOYS)
