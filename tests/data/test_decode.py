import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from sslcore.data.decode import decode_image, square
from sslcore.errors import UserError


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def huge_png(width: int, height: int) -> bytes:
    """A PNG whose header promises more pixels than its body has."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def test_a_png_comes_back_pixel_by_pixel():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    assert np.array_equal(np.array(decode_image(encoded(Image.fromarray(pixels)))), pixels)


@pytest.mark.parametrize("size", [(7000, 7000), (20_000, 20_000)])
def test_too_many_pixels_are_refused_from_the_header(size):
    with pytest.raises(UserError, match="40 megapixels"):
        decode_image(huge_png(*size), "big.png")


@pytest.mark.parametrize("content", [b"", b"hello", b"%!PS-Adobe-3.0 EPSF-3.0", huge_png(10, 10)])
def test_what_is_no_image_is_refused_by_name(content):
    with pytest.raises(UserError, match=r"odd.png could not be read"):
        decode_image(content, "odd.png")


def test_a_cut_off_image_is_refused():
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole = encoded(Image.fromarray(pixels), "JPEG")
    with pytest.raises(UserError, match=r"could not be read"):
        decode_image(whole[: len(whole) // 2])


def test_a_turned_photo_is_set_upright():
    image = Image.new("RGB", (8, 4), "black")
    image.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter to the right to see it upright
    upright = decode_image(encoded(image, exif=exif))
    assert upright.size == (4, 8)
    assert upright.getpixel((3, 0)) == (255, 255, 255)


def test_what_a_malformed_exif_block_says_is_passed_over():
    whole = encoded(Image.new("RGB", (8, 4), (200, 0, 0)), exif=b"Exif\0\0not a TIFF header")
    assert decode_image(whole).getpixel((0, 0)) == (200, 0, 0)


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (np.array([[-1.0, 0.0, 1.0]], dtype=np.float32), [0, 127, 255]),
        (np.array([[0.5, 0.5, 0.5]], dtype=np.float32), [0, 0, 0]),
        (np.array([[0, 100, 255]], dtype=np.int32), [0, 100, 255]),
        (np.array([[0, 100 * 256, 65_535]], dtype=np.int32), [0, 100, 255]),
        (np.array([[0, 100 * 256, 65_535]], dtype=np.uint16), [0, 100, 255]),
    ],
)
def test_gray_values_of_any_kind_stay_apart(pixels, expected):
    found = np.array(decode_image(encoded(Image.fromarray(pixels), "TIFF")))[0, :, 0]
    assert found.tolist() == expected


def test_transparency_becomes_white():
    image = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    assert decode_image(encoded(image)).getpixel((1, 0)) == (255, 255, 255)


def test_sixteen_bits_of_grey_are_scaled():
    image = Image.fromarray(np.full((3, 3), 32896, dtype=np.uint16))
    assert decode_image(encoded(image)).getpixel((1, 1)) == (128, 128, 128)


def test_a_square_keeps_the_centre():
    image = Image.new("RGB", (60, 20), "red")
    image.paste("blue", (20, 0, 40, 20))
    blue = torch.tensor([0, 0, 255], dtype=torch.uint8).view(3, 1, 1)
    # The outermost pixels may blend with what was cut off.
    assert torch.equal(square(image, 10)[:, :, 1:-1], blue.expand(3, 10, 8))


def test_a_reduced_jpeg_is_still_large_enough_and_looks_the_same():
    across = np.linspace(0, 255, 800, dtype=np.uint8)
    image = Image.fromarray(np.broadcast_to(across[None, :, None], (600, 800, 3)).copy())
    content = encoded(image, "JPEG", quality=95)
    reduced = decode_image(content, at_least=64)
    assert 64 <= min(reduced.size) < 600
    difference = square(reduced, 32).int() - square(decode_image(content), 32).int()
    assert difference.abs().max() <= 4
