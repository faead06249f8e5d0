"""Toys that people make: house, car, boat, rocket, cup, umbrella.

Each function draws one individual standing on the ground of the unit square, facing right.
"""

from sslcore.data.toybox.canvas import WHITE, Canvas, Colour, arc, curve, dark, light, mirrored
from sslcore.data.toybox.individual import CREAM, GLASS, GOLD, HUES, METAL, SLATE, TYRE, WOOD, Details

ROOFS = ((178, 74, 62), SLATE, WOOD, (120, 60, 74), (64, 112, 130))


def house(c: Canvas, d: Details, variant: int, main: Colour) -> None:
    """A cottage, a long house, a narrow town house or a barn."""
    w = d(*((0.30, 0.37), (0.40, 0.45), (0.21, 0.26), (0.32, 0.40))[variant])
    h = d(*((0.42, 0.50), (0.36, 0.44), (0.56, 0.64), (0.40, 0.48))[variant])
    top, eaves, narrow, barn = d(0.90, 1.0), w + d(0.04, 0.08), variant == 2, variant == 3
    wall, roof, pane = light(main, d(0.1, 0.4)), d.pick(ROOFS), d.pick((GLASS, GOLD, light(GLASS)))
    if not barn or d.chance(0.4):
        x = 0.5 + d.pick((-1, 1)) * w * d(0.45, 0.7)
        c.box(x - 0.05, h, x + 0.05, top * d(0.93, 1.0), dark(roof, 0.2))
    c.box(0.5 - w, 0, 0.5 + w, h, wall)
    gable = [(0.5 + eaves, h), (0.5, top)]
    if variant == 1:
        gable = [(0.5 + eaves, h), (0.5 + eaves - 0.16, top * 0.84)]
    elif barn:
        gable = [(0.5 + eaves, h), (0.5 + eaves - 0.11, h + (top - h) * 0.6), (0.5, top)]
    c.polygon(mirrored(gable), roof)
    shift = 0 if narrow else d.pick((-1, 0, 1)) * w * 0.5
    half, tall = (0.14, h * 0.62) if barn else (d(0.065, 0.085), h * d(0.48, 0.6) * (0.72 if narrow else 1))
    door = (0.5 + shift - half, 0, 0.5 + shift + half, tall)
    c.box(*door, d.pick((dark(main, 0.45), WOOD, CREAM)), round=d.pick((0.0, 0.07)))
    c.disc(door[2] - 0.03, tall * 0.5, 0.014, GOLD)
    if narrow:
        windows = [(0.5 + side * w * 0.45, h * up) for side in (-1, 1) for up in (0.58, 0.84)]
    elif barn:
        windows = [(0.5, h * 1.22)]
    elif shift:
        windows = [(0.5 - shift, h * 0.55), *([(0.5, h * 0.55)] if variant == 1 else [])]
    else:
        windows = [(0.5 + side * w * 0.62, h * 0.55) for side in (-1, 1)]
    for x, y in windows:
        c.box(x - 0.075, y - 0.085, x + 0.075, y + 0.085, WHITE)
        c.box(x - 0.055, y - 0.065, x + 0.055, y + 0.065, pane)
        c.box(x - 0.009, y - 0.065, x + 0.009, y + 0.065, WHITE)


def car(c: Canvas, d: Details, variant: int, main: Colour) -> None:
    """A saloon, a beetle, a van or a pick-up."""
    wheel, trim = d(0.10, 0.125), d.pick((METAL, WHITE, dark(main)))
    low, waist, top = wheel * 0.8, d(0.32, 0.38), d(0.58, 0.66)
    sill = top - 0.06
    if variant == 0:
        c.polygon([(0.16, waist), (0.28, top), (0.62, top), (0.80, waist)], main)
        c.box(0.0, low, 1.0, waist + 0.03, main, round=0.09)
        panes = [[(0.23, waist), (0.31, sill), (0.45, sill), (0.45, waist)]]
        panes += [[(0.49, waist), (0.49, sill), (0.60, sill), (0.72, waist)]]
    elif variant == 1:
        c.polygon(arc(0.47, low, 0.42, top * 1.06 - low, 0, 180, 18), main)
        c.box(0.02, low, 0.98, low + 0.17, main, round=0.09)
        panes = [
            [(x, waist), *arc(x, waist, 0.25, sill - waist, 90, end, 6)]
            for x, end in ((0.45, 180), (0.50, 0))
        ]
    elif variant == 2:
        top += d(0.06, 0.12)
        sill = top - 0.11
        c.polygon([(0.02, low), (0.98, low), (0.98, waist + 0.04), (0.84, top), (0.02, top)], main)
        c.box(0.02, top - 0.07, 0.85, top + 0.02, trim, round=0.03)
        panes = [[(x, waist), (x + 0.17, waist), (x + 0.17, sill), (x, sill)] for x in (0.09, 0.31)]
        panes += [[(0.54, waist), (0.90, waist), (0.80, sill), (0.54, sill)]]
    else:
        c.polygon([(0.44, waist), (0.48, top), (0.70, top), (0.82, waist)], main)
        panes = [[(0.51, waist), (0.53, sill), (0.67, sill), (0.75, waist)]]
        for i in range(3):
            c.box(0.04 + 0.13 * i, waist, 0.15 + 0.13 * i, waist + d(0.08, 0.16), (194, 144, 92))
        c.box(0.0, low, 1.0, waist + 0.03, main, round=0.05)
    for pane in panes:
        c.polygon(pane, GLASS)
    c.box(0.0, low, 1.0, low + 0.055, trim, round=0.027)
    c.disc(0.95, waist - 0.05, 0.042, GOLD)
    for x in (d(0.20, 0.25), d(0.74, 0.79)):
        c.disc(x, wheel, wheel, TYRE)
        c.disc(x, wheel, wheel * 0.45, METAL)


def boat(c: Canvas, d: Details, variant: int, main: Colour) -> None:
    """A yacht, a steamer or a ship with a square sail."""
    deck, bow = d(0.22, 0.28), d(0.05, 0.12)
    sail, trim = d.pick((WHITE, CREAM, light(d.accent(main), 0.3))), d.pick((WHITE, CREAM, dark(main, 0.4)))
    if variant == 0:
        x, top = d(0.42, 0.52), d(0.94, 1.0)
        c.box(x - 0.02, deck, x + 0.02, top, WOOD)
        c.polygon([(x + 0.04, deck + 0.06), (x + 0.04, top), (0.94, deck + 0.06)], sail)
        c.polygon([(x - 0.04, deck + 0.06), (x - 0.04, top - 0.1), (0.1, deck + 0.06)], light(main, 0.35))
    elif variant == 1:
        funnel, red = d(0.36, 0.48), dark(main, 0.1)
        c.box(funnel, deck + 0.3, funnel + 0.15, deck + 0.66, red)
        c.box(funnel, deck + 0.48, funnel + 0.15, deck + 0.57, WHITE)
        c.box(0.28, deck + 0.2, 0.66, deck + 0.36, CREAM)
        c.box(0.18, deck, 0.78, deck + 0.22, WHITE)
        for i in range(3):
            c.disc(0.30 + 0.18 * i, deck + 0.12, 0.042, dark(GLASS, 0.4))
    else:
        x, half, stripe = d(0.46, 0.52), d(0.24, 0.30), d.chance(0.6)
        c.box(x - 0.025, deck, x + 0.025, 1.0, WOOD)
        c.polygon([(x + 0.02, 1.0), (x + 0.2, 0.95), (x + 0.02, 0.9)], d.accent(main))
        bands = [(0.0, 1.0, sail)] + ([(0.26, 0.5, main), (0.76, 1.0, main)] if stripe else [])
        for low, high, colour in bands:
            levels = (low, (low + high) / 2, high)
            edge = curve([(x + half + 0.14 * (1 - (2 * f - 1) ** 2), deck + 0.1 + 0.5 * f) for f in levels])
            c.polygon(edge + [(px - 2 * half, py) for px, py in reversed(edge)], colour)
    hull = curve([(0.0, deck + bow), (0.08, 0.12), (0.2, 0.0)]) + curve(
        [(0.78, 0), (0.92, 0.12), (1, deck + bow)]
    )
    c.polygon([*hull, (0.84, deck), (0.14, deck)], main)
    c.polygon([(0.035, deck - 0.03), (0.95, deck - 0.03), (0.97, deck + 0.02), (0.02, deck + 0.02)], trim)


def rocket(c: Canvas, d: Details, variant: int, main: Colour) -> None:
    """A slim rocket, a plump one or one with boosters."""
    w = d(*((0.13, 0.16), (0.19, 0.23), (0.12, 0.14))[variant])
    hull, low, flame, spread = (
        d.pick((WHITE, METAL, CREAM, light(main, 0.7))),
        0.16,
        d(0.0, 0.05),
        d(0.13, 0.20),
    )
    c.polygon(mirrored([(0.5 + w * 0.7, low + 0.04), (0.5, flame)]), HUES["orange"])
    c.polygon(mirrored([(0.5 + w * 0.35, low + 0.04), (0.5, flame + 0.06)]), GOLD)
    for side in (-1, 1):
        if variant == 2:
            x = 0.5 + side * (w + 0.085)
            c.polygon(mirrored([(x + 0.07, 0.12), (x + 0.07, 0.48), (x, 0.62)], x), main)
            c.box(x - 0.07, 0.12, x + 0.07, 0.18, SLATE)
        else:
            root, tip = 0.5 + side * w * 0.8, 0.5 + side * (w + spread)
            c.polygon([(root, 0.44), (tip, 0.22), (tip, 0.08), (root, 0.18)], main)
    side = curve(
        [(0.5 + w * 0.8, low), (0.5 + w, 0.34), (0.5 + w * 0.96, 0.58), (0.5 + w * 0.6, 0.82), (0.5, 1)], 6
    )
    c.polygon(mirrored(side), hull)
    c.polygon(mirrored([point for point in side if point[1] >= 0.74]), main)
    c.box(0.5 - w * 0.82, low, 0.5 + w * 0.82, low + 0.05, SLATE)
    for i in range(1 if variant == 1 else d.pick((1, 2))):
        y, r = 0.62 - 0.19 * i, w * (0.5 if i else 0.58)
        c.disc(0.5, y, r, dark(main, 0.35))
        c.disc(0.5, y, r * 0.68, GLASS)


def cup(c: Canvas, d: Details, variant: int, main: Colour) -> None:
    """A mug, a teacup on its saucer or a tall cup; the handle is on the right."""
    w = d(*((0.26, 0.31), (0.31, 0.36), (0.21, 0.25))[variant])
    top = d(*((0.66, 0.76), (0.54, 0.60), (0.80, 0.88))[variant])
    taper = d(*((0.92, 1.0), (0.48, 0.52), (0.68, 0.8))[variant])
    tea, x, low, lip = variant == 1, 0.42, 0.08 if variant == 1 else 0.02, light(main, 0.3)
    if tea:
        c.ellipse(x + 0.03, 0.07, 0.46, 0.07, light(main, 0.45))
    mid, reach = (low + top) / 2 + 0.04, d(0.20, 0.24)
    c.stroke(arc(x + w * 0.86, mid, reach, (top - low) * d(0.24, 0.3), 85, -85, 10), 0.075, dark(main, 0.1))
    belly = w * (0.97 if tea else (1 + taper) / 2)
    c.polygon(mirrored(curve([(x + w, top), (x + belly, mid - 0.04), (x + w * taper, low)]), x), main)
    marks, pattern = d.pick((WHITE, CREAM, d.accent(main))), d.pick(("band", "dots", "heart", "plain"))
    if pattern == "band":
        c.box(x - belly * 0.98, mid - 0.09, x + belly * 0.98, mid + 0.03, marks)
    elif pattern == "dots":
        for i in (-1, 0, 1):
            c.disc(x + i * w * 0.58, mid - 0.04 + 0.05 * abs(i), 0.05, marks)
    elif pattern == "heart":
        half = [(0, -0.14), (0.11, -0.03), (0.09, 0.05), (0.04, 0.06), (0, 0.02)]
        c.polygon(mirrored([(x + px, mid + py) for px, py in half], x), marks)
    c.ellipse(x, top, w, 0.055, lip)
    c.ellipse(x, top - 0.005, w * 0.84, 0.036, d.pick(((104, 66, 48), (170, 106, 56), (236, 214, 180))))
    for dx in (-0.09, 0.09) if d.chance(0.5) else ():
        c.stroke(
            curve([(x + dx + s * 0.03, top + 0.07 + 0.055 * i) for i, s in enumerate((1, -1, 1, -1))]),
            0.028,
            WHITE,
        )


def umbrella(c: Canvas, d: Details, variant: int, main: Colour) -> None:
    """A dome, a wide parasol with a straight stick or a deep bell."""
    w = d(*((0.42, 0.46), (0.47, 0.5), (0.34, 0.38))[variant])
    rim, top = ((0.52, d(0.88, 0.93)), (0.62, d(0.86, 0.9)), (0.44, 0.94))[variant]
    stick, panels = d.pick((WOOD, SLATE, dark(main, 0.45))), d.pick((4, 5, 6))
    other = d.pick((main, light(main, 0.35), d.accent(main), WHITE))
    foot = 0.0 if variant == 1 else 0.08
    c.box(0.478, foot, 0.522, 0.98, stick)
    if foot:
        c.stroke(arc(0.42, foot, 0.08, 0.07, 0, -180, 10), 0.044, stick)

    def hem(i: int) -> list:
        return arc(0.5 - w + 2 * w * (i + 0.5) / panels, rim, w / panels, 0.055, 0, 180, 5)

    c.polygon(
        arc(0.5, rim, w, top - rim, 180, 0, 20)
        + [point for i in reversed(range(panels)) for point in hem(i)],
        main,
    )
    for i in range(1, panels, 2) if other != main else ():
        ribs = []
        for j in (i, i + 1):
            reach = w * (2 * j / panels - 1)
            ribs.append(curve([(0.5 + reach, rim), (0.5 + 0.86 * reach, (rim + top) / 2), (0.5, top)]))
        c.polygon(ribs[0] + ribs[1][::-1] + hem(i), other)
