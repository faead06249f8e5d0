"""What every method sees and answers, as one picture: its preview on held-out images after a short training.

python -m benchmarks.contact_sheet
python -m benchmarks.contact_sheet --methods mae jigsaw --seconds 60 --to previews.png
"""

import argparse
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

from benchmarks.common import machine
from sslcore.data import ImageData, load
from sslcore.errors import UserError
from sslcore.methods.base import Method, Panel, first_images
from sslcore.registry import FAMILIES, Card, get_method, methods
from sslcore.settings import RunSettings
from sslcore.training import Evaluation, Finished, Trainer
from ui.panels import enlarged

PICTURE = Path(__file__).parents[1] / "assets" / "screenshots" / "previews.png"
IMAGES = 8  # that a method looks at; as many are shown as fit
COLUMNS, WIDTH, GAP = 3, 520, 36  # of the sheet, in pixels
SIDE, LARGE = 80, 160  # of a picture, about, and of one that stands alone
CELL = 96  # from one picture to the next at least, for its caption
BLACK, GREY, RULE = "#1a1c24", "#5f6470", "#c9ccd3"


@dataclass(frozen=True)
class Preview:
    """A method, what it shows after its training, and how far that came."""

    card: Card
    panels: list[Panel]
    reached: str


class Page:
    """A white sheet, written from top to bottom."""

    def __init__(self, width: int, height: int = 12_000) -> None:
        self.image = Image.new("RGB", (width, height), "white")
        self.draw = ImageDraw.Draw(self.image)
        self.y = 0

    def write(self, text: str, size: int, colour: str = BLACK, *, bold: bool = False) -> None:
        """A paragraph, as wide as the page."""
        face = font(size, bold)
        for line in wrapped(text, face, self.image.width):
            self.draw.text((0, self.y), line, colour, face)
            self.y += round(1.35 * size)

    def show(self, panel: Panel) -> None:
        """As many pictures of a panel as fit side by side, each above its caption."""
        face, x, lowest = font(12), 0, self.y
        side = LARGE if panel.large else SIDE
        for number, tensor in enumerate(panel.images):
            picture = enlarged(tensor, side)
            cell = max(CELL, picture.width + 8)
            if x + picture.width > self.image.width:
                break
            self.image.paste(picture, (x, self.y))
            bottom = self.y + picture.height + 3
            said = panel.captions[number] if number < len(panel.captions) else ""
            for line in wrapped(said, face, cell - 6):
                self.draw.text((x, bottom), line, GREY, face)
                bottom += 16
            lowest, x = max(lowest, bottom), x + cell
        self.y = lowest

    def finished(self) -> Image.Image:
        """The page without what is left blank."""
        return self.image.crop((0, 0, self.image.width, self.y))


def preview(name: str, data: ImageData, seconds: float) -> Preview:
    """Train a method with its defaults for some seconds and let it look at held-out images."""
    settings = RunSettings.build(name, data=data.name, seconds=seconds, steps=0, evaluations=1)
    try:
        trainer = Trainer(settings, data)
    except UserError as error:  # such as a method of colours on gray images
        return Preview(get_method(name).card, [], str(error))
    reached = ""
    try:
        for event in trainer:
            if isinstance(event, Evaluation):
                accuracy = "" if event.knn is None else f"kNN {event.knn:.0%} after "
                reached = f"{accuracy}{event.seconds:.0f} s, {event.step:,} steps"
            if isinstance(event, Finished) and event.reason != "budget":
                reached = event.message
    except UserError as error:
        reached = str(error)
    method, batch = trainer.method.eval(), first_images(data.test, IMAGES, trainer.device)
    with torch.no_grad():
        panels = method.preview(method.views(batch, torch.Generator().manual_seed(0)))
    return Preview(method.card, panels, reached)


def block(shown: Preview) -> Image.Image:
    """One method: name, how far it came, and its panels."""
    page = Page(WIDTH)
    page.draw.line((0, 0, WIDTH, 0), RULE)
    page.y = 8
    page.write(f"{shown.card.title}, {shown.card.year}", 18, bold=True)
    page.write(shown.reached, 12, GREY)
    for panel in shown.panels:
        page.y += 6
        page.write(panel.title, 14, bold=True)
        page.y += 2
        page.show(panel)
        page.write(panel.text, 12, GREY)
    return page.finished()


def sheet(shown: list[Preview], title: str, below: str) -> Image.Image:
    """All methods, family by family, in columns."""
    whole = COLUMNS * WIDTH + (COLUMNS - 1) * GAP
    blocks = [(one.card.family, block(one)) for one in shown]
    height = sum(picture.height + GAP for _, picture in blocks) + 100 * len(FAMILIES) + 200
    page = Page(whole, height)
    page.write(title, 28, bold=True)
    page.write(below, 13, GREY)
    for family, name in FAMILIES.items():
        mine = [picture for of, picture in blocks if of == family]
        if not mine:
            continue
        page.y += GAP
        page.write(name, 24, bold=True)
        page.y += 8
        ends = [page.y] * COLUMNS
        for picture in mine:
            column = ends.index(min(ends))  # the shortest
            page.image.paste(picture, (column * (WIDTH + GAP), ends[column]))
            ends[column] += picture.height + 24
        page.y = max(ends)
    framed = Image.new("RGB", (whole + 2 * GAP, page.y + 2 * GAP), "white")
    framed.paste(page.finished(), (GAP, GAP))
    return framed


@cache
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """A typeface that has ticks and crosses, or else the one that comes with Pillow."""
    try:
        return ImageFont.truetype("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf", size)
    except OSError:
        return ImageFont.load_default(size)


def wrapped(text: str, face: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """The lines of a paragraph; a word that is too long stands alone."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and face.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="toybox")
    parser.add_argument("--seconds", type=float, default=20.0, help="training time of each method")
    parser.add_argument("--methods", nargs="+", help="only these")
    parser.add_argument("--to", type=Path, default=PICTURE, help="file to write")
    args = parser.parse_args()
    try:
        every = {name: get_method(name) for name in args.methods or methods()}
        chosen = [name for name, method in every.items() if method.preview is not Method.preview]
        data = load(args.data)
        shown = [preview(name, data, args.seconds) for name in tqdm(chosen, unit="method")]
    except UserError as error:
        parser.error(str(error))
    title = f"What each method sees and answers after {args.seconds:g} s on {data.title}"
    below = f"Held-out images, default settings. {machine()}"
    picture = sheet(shown, title, below)
    args.to.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(256, dither=Image.Dither.NONE).save(args.to, optimize=True)
    print(f"{args.to}: {picture.width} x {picture.height} px")


if __name__ == "__main__":
    main()
