"""A unit square to draw on: y points up, (0, 0) is the lower left corner.

Shapes are polygons under an affine map, painted with Pillow on a larger image that is averaged down at the
end, so the same ten lines of drawing are crisp at 32 px and at 96 px. The style decides how a shape is put
on paper: ``flat`` fills it, ``ink`` also draws its outline with a pen and prints the fill slightly off.
"""

import math
from collections.abc import Sequence
from functools import cache

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]

STYLES = ("flat", "ink")
PEN = 0.021  # width of an outline as a part of the image
INK, PAPER, WHITE, SHADE = (48, 44, 66), (250, 243, 228), (255, 255, 255), (38, 36, 74)


def mix(first: Colour, second: Colour, amount: float) -> Colour:
    """``first`` with ``amount`` (0 to 1) of ``second`` stirred in."""
    return tuple(round(a + (b - a) * amount) for a, b in zip(first, second, strict=True))


def light(colour: Colour, amount: float = 0.35) -> Colour:
    """A paler tone of a colour."""
    return mix(colour, WHITE, amount)


def dark(colour: Colour, amount: float = 0.25) -> Colour:
    """A deeper tone of a colour, towards blue as shadows are."""
    return mix(colour, SHADE, amount)


@cache
def _circle(steps: int) -> list[Point]:
    return [(math.cos(2 * math.pi * i / steps), math.sin(2 * math.pi * i / steps)) for i in range(steps)]


def arc(x: float, y: float, rx: float, ry: float, start: float, end: float, steps: int = 14) -> list[Point]:
    """Points along an ellipse's edge from ``start`` to ``end`` degrees (0 = right, 90 = up)."""
    a, b = math.radians(start), math.radians(end)
    angles = [a + (b - a) * i / steps for i in range(steps + 1)]
    return [(x + rx * math.cos(t), y + ry * math.sin(t)) for t in angles]


def smooth(points: Sequence[Point], steps: int = 5, closed: bool = True) -> list[Point]:
    """A Catmull-Rom curve through the points."""
    n, curve = len(points), []
    for i in range(n if closed else n - 1):
        around = [points[j % n] if closed else points[min(max(j, 0), n - 1)] for j in range(i - 1, i + 3)]
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = around
        for k in range(steps):
            t = k / steps
            wa, wb = t * (t * (2 - t) - 1) / 2, (t * t * (3 * t - 5) + 2) / 2
            wc, wd = t * (t * (4 - 3 * t) + 1) / 2, t * t * (t - 1) / 2
            curve.append((wa * ax + wb * bx + wc * cx + wd * dx, wa * ay + wb * by + wc * cy + wd * dy))
    return curve if closed else [*curve, points[-1]]


def curve(points: Sequence[Point], steps: int = 5) -> list[Point]:
    """The open smooth curve through the points."""
    return smooth(points, steps, closed=False)


def mirrored(right: Sequence[Point], x: float = 0.5) -> list[Point]:
    """A closed outline from its right half, top or bottom first."""
    return [*right, *((2 * x - px, py) for px, py in reversed(right))]


def _thickness(points: Sequence[Point]) -> float:
    """Twice the area over the perimeter: the radius of a disc, the width of a long bar."""
    area = perimeter = 0.0
    for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True):
        area += ax * by - bx * ay
        perimeter += math.hypot(bx - ax, by - ay)
    return abs(area) / perimeter


class Canvas:
    """An image of ``size`` x ``size`` pixels seen as the unit square."""

    def __init__(self, size: int, style: str = "flat") -> None:
        self.size, self.style = size, style
        self.factor = 4 if size <= 48 else 3
        self.width = size * self.factor
        self.image = Image.new("RGB", (self.width, self.width), PAPER)
        self._draw = ImageDraw.Draw(self.image)
        self.outlined = False
        self.look_at()

    def look_at(
        self, x: float = 0.5, y: float = 0.5, scale: float = 1.0, tilt: float = 0.0, flip: bool = False
    ) -> None:
        """Map the unit square to one of side ``scale`` around (x, y), turned ``tilt`` degrees to the left."""
        unit, turn, side = scale * self.width, math.radians(tilt), -1 if flip else 1
        cos, sin = math.cos(turn) * unit, math.sin(turn) * unit
        ax, bx, ay, by = side * cos, -sin, -side * sin, -cos
        cx, cy = x * self.width - (ax + bx) / 2, (1 - y) * self.width - (ay + by) / 2
        self._map = (ax, bx, cx, ay, by, cy)
        self._unit = unit

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """Fill a polygon."""
        ax, bx, cx, ay, by, cy = self._map
        spots = [(ax * x + bx * y + cx, ay * x + by * y + cy) for x, y in points]
        if self.style == "flat" or not self.outlined:
            self._draw.polygon(spots, self._tone(colour))
            return
        slip = 0.007 * self.width
        self._draw.polygon(spots, PAPER)
        self._draw.polygon([(x + slip, y + slip) for x, y in spots], self._tone(colour))
        # Small parts go without an outline, or they would be nothing but ink.
        if _thickness(points) > 0.068:
            self._draw.line([*spots, spots[0], spots[1]], INK, round(PEN * self.width), "curve")

    def _tone(self, colour: Colour) -> Colour:
        if self.style == "flat":
            return colour
        return mix(colour, PAPER, 0.12 if self.outlined else 0.30)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour, turn: float = 0.0) -> None:
        """Fill an ellipse with radii (rx, ry), turned ``turn`` degrees to the left."""
        steps = 10 + 2 * int(min(max(rx, ry) * self._unit / 6, 14))
        if turn:
            cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
            edge = [
                (x + rx * u * cos - ry * v * sin, y + rx * u * sin + ry * v * cos) for u, v in _circle(steps)
            ]
        else:
            edge = [(x + rx * u, y + ry * v) for u, v in _circle(steps)]
        self.polygon(edge, colour)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """Fill a circle."""
        self.ellipse(x, y, radius, radius, colour)

    def mark(self, x: float, y: float, rx: float, ry: float, colour: Colour, turn: float = 0.0) -> None:
        """A painted ellipse: a highlight or a spot, never outlined."""
        outlined, self.outlined = self.outlined, False
        self.ellipse(x, y, rx, ry, colour, turn)
        self.outlined = outlined

    def cloud(self, discs: Sequence[tuple[float, float, float]], colour: Colour) -> None:
        """The union of discs (x, y, radius), with one outline around all of them."""
        if self.style == "ink" and self.outlined:
            half = PEN / 2 * self.width / self._unit
            for x, y, radius in discs:
                self.mark(x, y, radius + half, radius + half, INK)
            discs = [(x, y, radius - half) for x, y, radius in discs]
        for x, y, radius in discs:
            self.mark(x, y, radius, radius, colour)

    def box(
        self, left: float, bottom: float, right: float, top: float, colour: Colour, round: float = 0.0
    ) -> None:
        """Fill a rectangle, with corners of radius ``round``."""
        if not round:
            self.polygon([(left, bottom), (right, bottom), (right, top), (left, top)], colour)
            return
        r = min(round, (right - left) / 2, (top - bottom) / 2)
        corners = (
            (right - r, top - r, 0),
            (left + r, top - r, 90),
            (left + r, bottom + r, 180),
            (right - r, bottom + r, 270),
        )
        self.polygon([point for x, y, a in corners for point in arc(x, y, r, r, a, a + 90, 4)], colour)

    def blob(self, points: Sequence[Point], colour: Colour) -> None:
        """Fill the smooth closed curve through the points."""
        self.polygon(smooth(points), colour)

    def stroke(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A line of constant width through the points, with round ends."""
        ax, bx, cx, ay, by, cy = self._map
        spots = [(ax * x + bx * y + cx, ay * x + by * y + cy) for x, y in points]
        passes = [(max(width * self._unit, self.factor * 0.9), self._tone(colour))]
        if self.style == "ink" and self.outlined:
            passes.insert(0, (passes[0][0] + 2 * PEN * self.width, INK))
        for wide, tone in passes:
            self._draw.line(spots, tone, round(wide), "curve")
            r = wide / 2
            for x, y in (spots[0], spots[-1]):
                self._draw.ellipse((x - r, y - r, x + r, y + r), tone)

    def gradient(self, bottom: float, top: float, low: Colour, high: Colour) -> None:
        """Fill a band across the whole image with a vertical gradient from ``low`` up to ``high``."""
        edge = [round((1 - y) * self.width) for y in (top, bottom)]
        column = Image.new("RGB", (1, 2))
        column.putdata([self._tone(high), self._tone(low)])
        band = column.resize((1, max(edge[1] - edge[0], 1)), Image.Resampling.BILINEAR)
        self.image.paste(band.resize((self.width, band.height)), (0, edge[0]))

    def finish(self) -> Image.Image:
        """The picture at its final size."""
        return self.image.reduce(self.factor)
