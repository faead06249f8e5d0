"""Decoding one image from strangers: bounded in pixels, whatever the file says or hides."""

import io
from contextlib import suppress

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from sslcore.errors import UserError

MAX_PIXELS, MAX_BYTES = 40_000_000, 64 * 2**20
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")


def decode_image(content: bytes, name: str = "The image", *, at_least: int | None = None) -> Image.Image:
    """An upright RGB picture from a file's bytes; transparency becomes white, of a film the first frame.

    Args:
        at_least: if given, a JPEG may come back reduced by a power of two as long as its sides are not
            shorter than this, which is many times faster for photographs.

    Raises:
        UserError: if it is not an image, is damaged, or has more than ``MAX_PIXELS`` pixels (the header is
            enough to tell; such a file is never decoded).
    """
    if len(content) > MAX_BYTES:
        raise UserError(f"{name} has more than {MAX_BYTES >> 20} MB: make it smaller and try again.")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height <= MAX_PIXELS:
                if at_least:
                    image.draft("RGB", (at_least, at_least))
                image.load()
                with suppress(Exception):  # what a malformed note says of the pixels does not make them worse
                    image = ImageOps.exif_transpose(image)
                return _rgb(image)
    except Image.DecompressionBombError:
        pass
    except Exception:
        # Decoders raise OSError, SyntaxError, ValueError, struct.error and others on damaged files.
        raise UserError(f"{name} could not be read: it is damaged or not an image.") from None
    raise UserError(f"{name} has more than {MAX_PIXELS // 10**6} megapixels: make it smaller and try again.")


def pixels_of(content: bytes) -> int:
    """How many pixels a file says to have.

    Raises:
        OSError, ValueError: and others, if it is no image.
    """
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        return image.width * image.height


def square(image: Image.Image, size: int) -> Tensor:
    """Scale the shorter side to ``size`` and keep the centre: uint8 (3, size, size)."""
    fitted = ImageOps.fit(image.convert("RGB"), (size, size), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(fitted)).permute(2, 0, 1).contiguous()


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":  # any numbers: from the darkest to the brightest
        low, high = image.getextrema()
        return (
            image.point(lambda value: (value - low) * (255 / (high - low or 1))).convert("L").convert("RGB")
        )
    if image.mode.startswith("I"):  # 16 bits of gray, which Pillow would clip instead of scale
        image = image.convert("I")
        if image.getextrema()[1] > 255:
            image = image.point(lambda value: value / 256)
        return image.convert("L").convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")
