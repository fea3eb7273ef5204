"""A PNG that is accepted prints as it looks: every depth, mode, transparency, profile and gamma, pixel by pixel."""

import io
import struct
import zlib
from dataclasses import replace
from typing import cast

import pypdfium2  # type: ignore[import-untyped]
import pytest
from PIL import Image, ImageCms

from pdf import Brand, Logo, render
from pdf.picture import read_picture
from pdf.samples.documents import build
from pdf.svg import UnsupportedLogo

GREY, RGB, GREY_ALPHA, RGBA = 0, 2, 4, 6
SIDE = 8


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(depth: int, colour: int, pixel: bytes, more: bytes = b"") -> bytes:
    """A square of one colour."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, depth, colour, 0, 0, 0))
    rows = (b"\0" + pixel * (SIDE if depth >= 8 else SIDE * depth // 8)) * SIDE
    return b"\x89PNG\r\n\x1a\n" + head + more + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def saved(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


def printed(data: bytes) -> tuple[int, int, int]:
    """The colour on the page, in the middle of the logo's square."""
    document = replace(build("en"), brand=Brand("#1f3a93", Logo(data, "mark")))
    with pypdfium2.PdfDocument(render(document)) as pages:
        page = pages[0].render(scale=4).to_pil().convert("RGB")
    return cast(tuple[int, int, int], page.getpixel((204 + 84, 192 + 84)))


def deep(*values: int) -> bytes:
    return struct.pack(f">{len(values)}H", *values)


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


PALETTE = chunk(b"PLTE", bytes([200, 0, 0, 0, 0, 200])) + chunk(b"tRNS", bytes([128, 255]))


@pytest.mark.parametrize(
    ("data", "colour"),
    [
        (png(1, GREY, b"\x00"), (0, 0, 0)),
        (png(2, GREY, b"\x55"), (85, 85, 85)),
        (png(4, GREY, b"\x88"), (136, 136, 136)),
        (png(8, GREY, b"\x80"), (128, 128, 128)),
        (png(8, GREY, b"\x80", chunk(b"tRNS", deep(128))), (255, 255, 255)),
        # Sixteen bits: 40000 / 65535 is 156 / 255.
        (png(16, GREY, deep(40000)), (156, 156, 156)),
        (png(16, GREY, deep(40000), chunk(b"tRNS", deep(40000))), (255, 255, 255)),
        (png(16, GREY, deep(40000), chunk(b"tRNS", deep(40001))), (156, 156, 156)),
        (png(16, GREY_ALPHA, deep(0, 32768)), (127, 127, 127)),
        (png(16, RGB, deep(40000, 0, 65535)), (156, 0, 255)),
        (png(16, RGBA, deep(0, 0, 0, 32768)), (127, 127, 127)),
        (png(8, RGB, bytes([9, 9, 9]), chunk(b"tRNS", deep(9, 9, 9))), (255, 255, 255)),
        # Half transparent red of a palette, on white: 200 * 0.5 + 255 * 0.5, and 255 * 0.5.
        (png(8, 3, b"\x00", PALETTE), (227, 127, 127)),
        # Linear light: (128 / 255) ** (1 / 2.2) * 255.
        (png(8, RGB, bytes([128] * 3), chunk(b"gAMA", struct.pack(">I", 100_000))), (186, 186, 186)),
        (png(8, RGB, bytes([128] * 3), chunk(b"gAMA", struct.pack(">I", 45_455))), (128, 128, 128)),
        (saved(Image.new("RGB", (SIDE, SIDE), (10, 200, 30)), icc_profile=srgb_profile()), (10, 200, 30)),
    ],
)
def test_every_kind_of_png_prints_as_it_looks(data: bytes, colour: tuple[int, int, int]) -> None:
    assert max(abs(is_ - should) for is_, should in zip(printed(data), colour, strict=True)) <= 2


def test_a_profile_is_applied() -> None:
    """One whose red is sRGB's green, and the other way round."""
    own = srgb_profile()
    profile = own.replace(b"rXYZ", b"none").replace(b"gXYZ", b"rXYZ").replace(b"none", b"gXYZ")
    colour = printed(saved(Image.new("RGB", (SIDE, SIDE), (10, 200, 30)), icc_profile=profile))
    assert max(abs(is_ - should) for is_, should in zip(colour, (200, 10, 30), strict=True)) <= 2


def test_a_picture_that_lies_on_its_side_stands_up() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    picture = read_picture(saved(Image.new("RGB", (30, 10)), exif=exif))
    assert (picture.width, picture.height) == (10, 30)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (png(16, RGB, deep(9, 9, 9), chunk(b"tRNS", deep(9, 9, 9))), "one transparent colour"),
        (png(8, RGB, bytes(3), chunk(b"cICP", bytes([9, 16, 0, 1]))), "cICP"),
        (png(8, RGB, bytes(3), chunk(b"cHRM", struct.pack(">8I", *[30_000] * 8))), "cHRM"),
        (saved(Image.new("RGB", (SIDE, SIDE)), icc_profile=b"none"), "colour profile"),
        (png(8, RGB, bytes(3))[:45], "not a readable PNG"),
        (b"\x89PNG\r\n\x1a\n", "not a readable PNG"),
    ],
)
def test_what_would_look_different_is_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(UnsupportedLogo, match=sentence):
        read_picture(data)
