"""What makes an individual: its own fixed stream of numbers, and the colours it chooses from."""

from collections.abc import Sequence
from random import Random
from typing import Any

from sslcore.data.toybox.canvas import WHITE, Colour

HUES: dict[str, Colour] = {
    "red": (224, 72, 66),
    "orange": (242, 142, 52),
    "yellow": (247, 204, 70),
    "green": (96, 174, 88),
    "teal": (52, 176, 170),
    "blue": (66, 126, 212),
    "purple": (146, 100, 196),
    "pink": (240, 138, 172),
}
HUE_NAMES = tuple(HUES)
CREAM, WOOD, SLATE, METAL = (252, 240, 214), (150, 100, 66), (76, 82, 104), (206, 212, 220)
GLASS, GOLD, TYRE = (196, 230, 244), (250, 206, 84), (52, 52, 64)


class Details:
    """The numbers of one individual, always the same for the same class and number.

    A toy asks for its proportions in turn: ``d(0.3, 0.4)`` is the next number, between 0.3 and 0.4.
    """

    def __init__(self, name: str, individual: int) -> None:
        self._random = Random(f"{name} {individual}")

    def __call__(self, low: float, high: float) -> float:
        """The next number, uniform between low and high."""
        return low + (high - low) * self._random.random()

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self._random.random() < probability

    def pick(self, options: Sequence[Any]) -> Any:
        """One of the options."""
        return options[int(self._random.random() * len(options))]

    def accent(self, main: Colour) -> Colour:
        """A second colour that stands out against the main one."""
        far = sorted(HUES.values(), key=lambda c: sum(abs(a - b) for a, b in zip(c, main, strict=True)))[3:]
        return self.pick([*far, CREAM, WHITE])
