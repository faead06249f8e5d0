"""Toys that grow: tree, fish, flower, mushroom.

Each function draws one individual standing on the ground of the unit square, facing right.
"""

from sslcore.data.toybox.canvas import WHITE, Canvas, Colour, arc, curve, dark, light, mirrored, mix
from sslcore.data.toybox.individual import CREAM, GOLD, HUES, TYRE, WOOD, Details

LEAF, SEEDS = (84, 158, 76), (112, 74, 54)


def tree(c: Canvas, d: Details, variant: int, main: Colour) -> None:
    """A round tree, a fir, a poplar or a palm."""
    trunk, lean, half = mix(WOOD, (110, 76, 60), d(0, 1)), d(-0.06, 0.06), d(0.05, 0.08)
    if variant == 3:
        x, y = 0.5 + 2.4 * lean, d(0.68, 0.76)
        c.polygon(
            [
                (0.43, 0),
                (0.57, 0),
                *curve([(x + 0.035, y), (0.5 + lean + 0.05, 0.3), (0.5, 0)])[:5],
                (x - 0.035, y),
            ],
            trunk,
        )
        for angle in (192, -12, 160, 20, 118, 62):
            long, high = d(0.38, 0.46), d(0.22, 0.26)
            (dx, dy), tone = (
                arc(0, 0, long, high, angle, angle, 1)[0],
                dark(main, 0.18) if angle in (192, -12) else main,
            )
            spine = curve([(x, y), (x + dx * 0.55, y + dy * 0.8 + 0.1), (x + dx, y + dy - 0.1)])
            c.polygon(
                [*spine, (x + dx * 0.6, y + dy * 0.7 - 0.03), (x + dx * 0.3, y + dy * 0.4 - 0.03)], tone
            )
        for dx in (-0.05, 0.05):
            c.disc(x + dx, y - 0.03, 0.042, SEEDS)
        return
    c.polygon(
        [(0.5 - half * 1.3, 0), (0.5 + half * 1.3, 0), (0.5 + lean + half, 0.5), (0.5 + lean - half, 0.5)],
        trunk,
    )
    if variant == 1:
        layers, w = d.pick((3, 4)), d(0.30, 0.40)
        for i in range(layers):
            up = i / (layers - 1)
            low, wide = 0.16 + 0.66 * i / layers, w * (1 - 0.62 * up)
            peak = 1.0 if up == 1 else low + 0.40
            c.polygon(
                mirrored([(0.5, low - 0.03), (0.5 + wide, low), (0.5, peak)]), mix(dark(main, 0.22), main, up)
            )
    elif variant == 2:
        w, low = d(0.17, 0.23), d(0.16, 0.24)
        half_crown = curve(
            [(0.5, low), (0.5 + w * 0.7, low + 0.05), (0.5 + w, 0.42), (0.5 + w * 0.62, 0.8), (0.5, 1)]
        )
        c.polygon(mirrored(half_crown), main)
        c.mark(0.5 - w * 0.35, 0.6, w * 0.28, 0.2, light(main, 0.2))
    else:
        x, r, wide = 0.5 + lean, d(0.20, 0.24), d(0.16, 0.20)
        c.cloud(
            [(x - wide, 0.50, r), (x + wide, 0.52, r), (x, 0.46, r), (x, 0.76, r), (x, 0.62, r * 1.1)], main
        )
        for dx, dy, size in ((-0.08, 0.76, 0.5), (0.1, 0.56, 0.3)):
            c.mark(x + dx, dy, r * size, r * size, light(main, 0.18))
        fruit = d.pick((HUES["red"], HUES["yellow"], HUES["pink"])) if d.chance(0.5) else None
        for i in range(5) if fruit else ():
            c.disc(x - 0.26 + 0.13 * i, 0.5 + d(-0.06, 0.22), 0.038, fruit)


def fish(c: Canvas, d: Details, variant: int, main: Colour) -> None:
    """A slim fish, a round one or a tall angelfish."""
    rx = d(*((0.34, 0.38), (0.30, 0.34), (0.27, 0.30))[variant])
    ry = d(*((0.17, 0.21), (0.26, 0.31), (0.25, 0.29))[variant])
    x, y, fin, tail = 0.58, 0.46, dark(main, 0.2), d(0.14, 0.22)
    root = x - rx * 0.8
    c.polygon(
        [(root, y + 0.05), *curve([(0.05, y + tail), (0.12, y), (0.05, y - tail)]), (root, y - 0.05)], fin
    )
    if variant == 2:
        for side in (1, -1):
            spots = ((0.12, ry * 0.8), (-0.08, 0.44), (-0.26, 0.48))
            edge = curve([(x + dx, y + side * dy) for dx, dy in spots])
            c.polygon([*edge, (x - 0.16, y + side * ry * 0.5)], fin)
    else:
        c.polygon(
            curve([(x + 0.12, y + ry * 0.8), (x - 0.06, y + ry + d(0.07, 0.13)), (x - 0.2, y + ry * 0.6)]),
            fin,
        )
        c.polygon([(x + 0.02, y - ry * 0.8), (x - 0.13, y - ry - 0.1), (x - 0.14, y - ry * 0.6)], fin)
    back = curve(
        [(x + rx, y), (x + rx * 0.62, y + ry * 0.78), (x, y + ry), (x - rx * 0.6, y + ry * 0.6), (x - rx, y)]
    )
    c.polygon(back + [(px, 2 * y - py) for px, py in reversed(back)], main)
    marks, pattern = d.accent(main), d.pick(("stripes", "belly", "spots"))
    if pattern == "stripes":
        c.mark(x - 0.02, y, 0.042, ry * 0.9, marks)
        c.mark(x - 0.02 - rx * 0.45, y, 0.036, ry * 0.68, marks)
    elif pattern == "belly":
        c.mark(x, y - ry * 0.5, rx * 0.62, ry * 0.36, light(main, 0.55))
    else:
        for i in range(4):
            c.disc(x - 0.20 + 0.10 * i, y + d(-0.5, 0.55) * ry, 0.035, marks)
    c.mark(x - 0.06, y - 0.04, 0.08, 0.045, fin, turn=25)
    c.disc(x + rx * 0.55, y + ry * 0.28, 0.062, WHITE)
    c.disc(x + rx * 0.55 + 0.014, y + ry * 0.28, 0.035, TYRE)


def flower(c: Canvas, d: Details, variant: int, main: Colour) -> None:
    """A daisy, a tulip or a sunflower."""
    bend, y, green = d(-0.06, 0.06), d(0.66, 0.72), mix(LEAF, (60, 130, 90), d(0, 1))
    heart = d.pick((GOLD, WHITE, SEEDS, HUES["orange"]))
    c.stroke(curve([(0.5, 0.02), (0.5 + bend, 0.35), (0.5, y)]), 0.055, green)
    for side in (-1, 1):
        low, reach = d(0.08, 0.2), side * d(0.22, 0.30)
        tip = (0.5 + reach, low + 0.2)
        c.blob([(0.5, low), (0.5 + reach * 0.5, low + 0.02), tip, (0.5 + reach * 0.35, low + 0.17)], green)
    if variant == 1:
        w, top = d(0.17, 0.22), d(0.96, 1.0)
        bowl = arc(0.5, y, w * 1.08, 0.16, 270, 360, 6)
        c.polygon(mirrored([*bowl, (0.5 + w, top - 0.04), (0.5 + w * 0.5, y + 0.1)]), main)
        c.polygon(
            mirrored(curve([(0.5, y - 0.14), (0.5 + w * 0.5, y + 0.04), (0.5, top)])), light(main, 0.22)
        )
        return
    daisy = variant == 0
    petals, spin = int(d(5, 9)) if daisy else int(d(11, 15)), d(0, 60)
    far, long = (d(0.17, 0.19), 0.11) if daisy else (0.19, 0.10)
    wide = d(0.075, 0.10) * (1.25 if petals < 7 else 1) if daisy else 0.05
    for i in range(petals):
        angle = spin + 360 * i / petals
        x, up = arc(0.5, y, far, far, angle, angle, 1)[0]
        c.ellipse(x, up, long, wide, main if i % 2 else light(main, 0.15), turn=angle)
    c.disc(0.5, y, 0.10 if daisy else 0.15, heart if daisy else SEEDS)


def mushroom(c: Canvas, d: Details, variant: int, main: Colour) -> None:
    """A toadstool, a pointed cap or a flat cap, sometimes with a small one beside it."""
    stem, dots = mix(CREAM, (232, 214, 190), d(0, 1)), d.pick((WHITE, CREAM, light(main, 0.6)))
    w = d(*((0.38, 0.46), (0.28, 0.34), (0.44, 0.5))[variant])
    brim, top = ((0.42, d(0.84, 0.92)), (0.40, 1.0), (0.50, d(0.76, 0.82)))[variant]
    thick, spotted, pair, side = d(0.09, 0.15), d.chance(0.75), d.chance(0.35), d.pick((-1, 1))
    cap = arc(0, brim, w, top - brim, 0, 90, 9)
    if variant == 1:
        cap = curve([(w, brim), (w * 0.85, brim + 0.14), (w * 0.45, brim + 0.38), (0, top)])
    outline = mirrored([*arc(0, brim, w, 0.06, 270, 360, 5), *cap], 0)
    foot = mirrored(curve([(thick * 1.35, 0), (thick * 0.9, 0.25), (thick * 0.8, brim + 0.05)]), 0)

    def one(x: float, scale: float) -> None:
        c.polygon([(x + scale * px, scale * py) for px, py in foot], stem)
        c.polygon([(x + scale * px, scale * py) for px, py in outline], main)
        squeeze = w * (0.7 if variant == 1 else 1.0)
        for u, v, size in (
            ((-0.55, 0.25, 0.8), (0.0, 0.6, 1.1), (0.5, 0.3, 0.9), (-0.08, 0.1, 0.7)) if spotted else ()
        ):
            across, up = x + scale * u * squeeze, scale * (brim + v * (top - brim))
            c.mark(across, up, scale * 0.07 * size, scale * 0.058 * size, dots)
        if not spotted:
            c.mark(
                x - scale * squeeze * 0.4,
                scale * (brim + (top - brim) * 0.5),
                scale * 0.1,
                scale * 0.04,
                light(main),
                25,
            )

    if pair:
        one(0.5 + side * 0.33, d(0.42, 0.52))
    one(0.5 - (side * 0.06 if pair else 0), 1.0)
