"""Contact sheets: Toybox at a glance."""

from collections.abc import Sequence
from random import Random

from PIL import Image

from sslcore.data.toybox.canvas import STYLES
from sslcore.data.toybox.places import PLACES
from sslcore.data.toybox.scene import draw, sample
from sslcore.data.toybox.toys import TOYS


def contact_sheet(
    size: int = 64, *, styles: Sequence[str] = STYLES, seed: int = 0, zoom: int = 1, gap: int = 0
) -> Image.Image:
    """One scene of every class (rows) in every place (columns), the styles side by side.

    Args:
        size: pixels of a scene's side; ``zoom`` repeats every pixel that many times.
        gap: pixels of white between scenes.
    """
    random, side = Random(seed), size * zoom + gap
    sheet = Image.new("RGB", (len(styles) * len(PLACES) * side - gap, len(TOYS) * side - gap), "white")
    for row in range(len(TOYS)):
        for column in range(len(styles) * len(PLACES)):
            style, place = divmod(column, len(PLACES))
            scene = draw(sample(random, toy=row, place=place, style=styles[style]), size)
            if zoom > 1:
                scene = scene.resize((size * zoom, size * zoom), Image.Resampling.NEAREST)
            sheet.paste(scene, (column * side, row * side))
    return sheet
