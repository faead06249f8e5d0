"""The six places a toy can stand in. Each has its own few colours, a horizon and some clutter.

The places are few and shared by all toys on purpose: a background of its own would let a contrastive method
recognise every image by its background instead of its toy.
"""

from collections.abc import Callable
from random import Random

from sslcore.data.toybox.canvas import WHITE, Canvas, Colour, dark, light, mix, smooth


def _some(random: Random, low: int, high: int) -> range:
    return range(low + int(random.random() * (high - low + 1)))


def _ground(c: Canvas, random: Random, horizon: float, colour: Colour, swing: float) -> None:
    edge = [(x / 4, horizon + swing * (random.random() - 0.5)) for x in range(-1, 6)]
    c.polygon([(-0.25, -0.01), *smooth(edge, 4, closed=False), (1.25, -0.01)], colour)


def _cloud(c: Canvas, random: Random, colour: Colour) -> None:
    x, y, s = random.random(), 0.72 + 0.22 * random.random(), 0.04 + 0.04 * random.random()
    for dx, dy, r in ((-1.3, 0, 0.9), (1.4, 0, 0.8), (0, 0.35, 1.2)):
        c.ellipse(x + dx * s, y + dy * s, 1.3 * r * s, 0.8 * r * s, colour)


def meadow(c: Canvas, random: Random, horizon: float) -> Colour:
    c.gradient(horizon - 0.1, 1, (214, 238, 246), (132, 198, 238))
    for _ in _some(random, 0, 2):
        _cloud(c, random, WHITE)
    _ground(c, random, horizon + 0.06, (150, 202, 128), 0.16)
    _ground(c, random, horizon - 0.04, (124, 188, 96), 0.05)
    for _ in _some(random, 3, 7):
        x, y = random.random(), random.random() * (horizon - 0.1)
        if random.random() < 0.5:
            c.polygon(
                [(x - 0.025, y), (x - 0.03, y + 0.06), (x, y + 0.02), (x + 0.03, y + 0.06), (x + 0.025, y)],
                (90, 156, 74),
            )
        else:
            c.disc(x, y, 0.017, (WHITE, (250, 220, 110))[int(random.random() * 2)])
    return dark((124, 188, 96), 0.28)


def beach(c: Canvas, random: Random, horizon: float) -> Colour:
    c.gradient(horizon, 1, (252, 240, 214), (150, 214, 236))
    for _ in _some(random, 0, 1):
        _cloud(c, random, WHITE)
    c.gradient(horizon - 0.12, horizon, (108, 196, 208), (70, 158, 198))
    _ground(c, random, horizon - 0.10, light((238, 212, 156), 0.5), 0.05)
    _ground(c, random, horizon - 0.13, (240, 214, 158), 0.05)
    for _ in _some(random, 3, 6):
        x, y, r = random.random(), random.random() * (horizon - 0.18), 0.012 + 0.016 * random.random()
        c.ellipse(
            x, y, 1.4 * r, r, ((206, 172, 118), (250, 232, 200), (222, 150, 120))[int(random.random() * 3)]
        )
    return dark((240, 214, 158), 0.25)


def night(c: Canvas, random: Random, horizon: float) -> Colour:
    c.gradient(horizon - 0.1, 1, (74, 78, 138), (28, 34, 84))
    for _ in _some(random, 6, 12):
        c.disc(
            random.random(),
            horizon + (1 - horizon) * random.random(),
            0.009 + 0.006 * random.random(),
            (250, 240, 200),
        )
    if random.random() < 0.6:
        x, y = 0.1 + 0.8 * random.random(), 0.82 + 0.1 * random.random()
        c.disc(x, y, 0.07, (252, 240, 196))
        c.disc(x + 0.03, y + 0.015, 0.058, (36, 42, 94))
    _ground(c, random, horizon + 0.05, (48, 66, 104), 0.14)
    _ground(c, random, horizon - 0.04, (52, 84, 96), 0.05)
    for _ in _some(random, 2, 5):
        x, y, r = random.random(), random.random() * (horizon - 0.1), 0.03 + 0.03 * random.random()
        c.ellipse(x, y, 1.5 * r, r * 0.7, (42, 70, 84))
    return (36, 58, 74)


def snow(c: Canvas, random: Random, horizon: float) -> Colour:
    c.gradient(horizon - 0.1, 1, (226, 232, 244), (168, 190, 220))
    _ground(c, random, horizon + 0.07, (208, 220, 238), 0.16)
    for _ in _some(random, 1, 4):
        x, y, s = random.random(), horizon - 0.03, 0.05 + 0.05 * random.random()
        for i in range(2):
            c.polygon(
                [
                    (x - s * (0.7 - 0.2 * i), y + s * i),
                    (x + s * (0.7 - 0.2 * i), y + s * i),
                    (x, y + s * (1.5 + i)),
                ],
                (112, 146, 150),
            )
    _ground(c, random, horizon - 0.04, (244, 248, 254), 0.06)
    for _ in _some(random, 8, 16):
        c.disc(
            random.random(),
            random.random(),
            0.011 + 0.008 * random.random(),
            WHITE if random.random() < 0.7 else (216, 226, 242),
        )
    return (196, 208, 230)


def sea(c: Canvas, random: Random, horizon: float) -> Colour:
    c.gradient(horizon, 1, (250, 226, 204), (142, 190, 228))
    for _ in _some(random, 0, 2):
        _cloud(c, random, (255, 246, 236))
    c.gradient(0, horizon, (38, 104, 160), (84, 164, 202))
    for _ in _some(random, 5, 9):
        x, y, w = random.random(), random.random() * (horizon - 0.05), 0.05 + 0.05 * random.random()
        wave = [(x - w, y), (x - w / 2, y + 0.018), (x, y), (x + w / 2, y + 0.018), (x + w, y)]
        c.stroke(wave, 0.014, mix((150, 208, 230), (60, 130, 184), random.random()))
    return (34, 92, 146)


def room(c: Canvas, random: Random, horizon: float) -> Colour:
    wall = (246, 214, 196)
    c.box(0, horizon, 1, 1, wall)
    phase = random.random()
    for i in range(-1, 6):
        c.box((i + phase) / 5, horizon, (i + phase) / 5 + 0.1, 1, light(wall, 0.3))
    if random.random() < 0.6:
        x, y, s = 0.15 + 0.7 * random.random(), 0.8 + 0.08 * random.random(), 0.07 + 0.03 * random.random()
        c.box(x - s, y - s, x + s, y + s, (186, 134, 96))
        c.box(
            x - s * 0.75,
            y - s * 0.75,
            x + s * 0.75,
            y + s * 0.75,
            ((176, 206, 214), (206, 216, 170))[int(random.random() * 2)],
        )
    c.gradient(0, horizon, (188, 132, 92), (206, 154, 112))
    for y in (0.25, 0.55, 0.8):
        c.box(0, horizon * y - 0.006, 1, horizon * y + 0.006, (172, 118, 82))
    c.box(0, horizon - 0.01, 1, horizon + 0.035, WHITE)
    if random.random() < 0.5:
        c.ellipse(
            0.2 + 0.6 * random.random(), horizon * 0.35, 0.3 + 0.1 * random.random(), 0.09, (214, 116, 108)
        )
    return (150, 102, 72)


# Each draws its place and answers with the colour of a shadow on its ground.
PLACES: tuple[Callable[[Canvas, Random, float], Colour], ...] = (meadow, beach, night, snow, sea, room)
PLACE_NAMES = tuple(place.__name__ for place in PLACES)
WHERE = ("in a meadow", "on the beach", "at night", "in the snow", "at sea", "in a room")
