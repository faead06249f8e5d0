"""A scene: one toy in one place. What is in it is sampled from a seed, then drawn; both are exact."""

from dataclasses import dataclass
from random import Random

import numpy as np
from PIL import Image

from sslcore.data.toybox.canvas import PAPER, STYLES, Canvas, Colour, dark, light, mix
from sslcore.data.toybox.individual import HUE_NAMES, HUES, Details
from sslcore.data.toybox.places import PLACES, WHERE
from sslcore.data.toybox.toys import CLASSES, TOYS

TILT, SCALES, LIGHTS = 15.0, (0.55, 0.85), (0.65, 1.12)


@dataclass(frozen=True)
class SceneParameters:
    """Everything there is to know about a scene; the same parameters give the same pixels everywhere."""

    toy: int  # index into CLASSES
    individual: int  # with the class, fixes variant, colours, proportions and details of the toy
    variant: int  # index into the toy's variants
    hue: int  # index into HUE_NAMES
    place: int  # index into PLACE_NAMES
    x: float  # where the toy's centre is across the image, 0 to 1
    y: float  # how high the toy's foot is in the image, 0 to 1
    scale: float  # the toy's size as a part of the image's side
    tilt: float  # degrees to the left
    flip: bool  # facing left
    light: float  # brightness, 1 is neutral
    warmth: float  # colour of the light, -1 (cool) to 1 (warm)
    style: str  # "flat" or "ink"
    clutter: int  # seed of the place's details and of the pixel noise

    @property
    def name(self) -> str:
        """The class in words."""
        return CLASSES[self.toy]


def _person(toy: int, individual: int) -> tuple[Details, int, int, Colour]:
    """An individual's remaining numbers, variant, hue and main colour."""
    kind = TOYS[toy]
    details = Details(kind.name, individual)
    variant = int(details(0, len(kind.variants)))
    hue = HUE_NAMES.index(details.pick(kind.hues))
    colour = HUES[HUE_NAMES[hue]]
    neighbour = HUES[HUE_NAMES[(hue + details.pick((-1, 1))) % len(HUES)]]
    colour, tone = mix(colour, neighbour, details(0, 0.2)), details(-0.15, 0.22)
    return details, variant, hue, light(colour, tone) if tone > 0 else dark(colour, -tone)


def sample(
    random: Random,
    *,
    toy: int | None = None,
    individual: int | None = None,
    place: int | None = None,
    style: str = "flat",
) -> SceneParameters:
    """Draw a scene at random; whatever is given stays as given.

    Giving ``toy`` and ``individual`` shows the same individual in another scene, which is what
    multi-instance methods (MICLe, arXiv:2101.05224) learn from. ``style`` is "flat", "ink" or "both".
    """
    number = random.random
    drawn = int(number() * len(TOYS)), int(number() * 2**31), int(number() * len(PLACES))
    toy, individual, place = (
        a if a is not None else b for a, b in zip((toy, individual, place), drawn, strict=True)
    )
    _, variant, hue, _ = _person(toy, individual)
    scale = SCALES[0] + (SCALES[1] - SCALES[0]) * number()
    x = 0.5 + (1.16 - scale) * (number() - 0.5)
    y = 0.03 + (min(0.36, 0.98 - scale) - 0.03) * number()
    tilt = TILT * (2 * number() - 1)
    flip, light_, warmth = number() < 0.5, LIGHTS[0] + (LIGHTS[1] - LIGHTS[0]) * number(), 2 * number() - 1
    style_ = STYLES[int(number() * 2)]
    style_ = style_ if style == "both" else style
    clutter = int(number() * 2**31)
    return SceneParameters(
        toy, individual, variant, hue, place, x, y, scale, tilt, flip, light_, warmth, style_, clutter
    )


def draw(parameters: SceneParameters, size: int = 32) -> Image.Image:
    """The scene as an RGB image of ``size`` x ``size`` pixels."""
    p = parameters
    canvas, random = Canvas(size, p.style), Random(p.clutter)
    horizon = 0.35 + 0.20 * random.random()
    shadow = PLACES[p.place](canvas, random, horizon)
    canvas.ellipse(p.x, p.y, 0.40 * p.scale, 0.05 * p.scale, shadow)
    canvas.look_at(p.x, p.y + p.scale / 2, p.scale, p.tilt, p.flip)
    canvas.outlined = True
    details, variant, _, colour = _person(p.toy, p.individual)
    TOYS[p.toy].draw(canvas, details, variant, colour)
    return _lit(canvas.finish(), p)


def _lit(image: Image.Image, p: SceneParameters) -> Image.Image:
    """Light, its warmth and slight sensor noise; for ink the grain of the paper, light and dark."""
    pixels = np.asarray(image, dtype=np.float32)
    noise = np.random.default_rng(p.clutter).standard_normal(pixels.shape, dtype=np.float32)
    if p.style == "ink":
        pixels = pixels + 5.0 * noise[..., :1] * (np.float32(PAPER) / 255)
    gain = p.light * np.float32([1 + 0.06 * p.warmth, 1.0, 1 - 0.09 * p.warmth])
    pixels = pixels * gain + 3.0 * noise
    return Image.fromarray((pixels.clip(0, 255) + 0.5).clip(0, 255).astype(np.uint8))


def caption(parameters: SceneParameters) -> str:
    """The scene in words: "a red boat on the beach"."""
    hue = HUE_NAMES[parameters.hue]
    article = "an" if hue[0] in "aeiou" else "a"
    return f"{article} {hue} {parameters.name} {WHERE[parameters.place]}"
