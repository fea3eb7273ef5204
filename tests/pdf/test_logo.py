"""Logos: what is drawn, and what is refused with a reason."""

from dataclasses import replace
from typing import cast

import pypdfium2  # type: ignore[import-untyped]
import pytest
from PIL.Image import Image

from pdf import Brand, Logo, render
from pdf.picture import read_picture
from pdf.samples.documents import build, png_mark
from pdf.svg import UnsupportedLogo
from pdf.svg_path import UnreadablePath, path_operators

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40">'


def svg(body: str) -> bytes:
    return f"{HEAD}{body}</svg>".encode()


def drawn(data: bytes) -> Image:
    """The logo's square on the page, 42 points at 4 pixels a point."""
    document = replace(build("en"), brand=Brand("#1f3a93", Logo(data, "mark")))
    with pypdfium2.PdfDocument(render(document)) as transaction_for:
        page = transaction_for[0].render(scale=4).to_pil().convert("RGB")
    return cast(Image, page.crop((204, 192, 204 + 168, 192 + 168)))


@pytest.mark.parametrize(
    ("body", "inside", "outside"),
    [
        ('<circle cx="20" cy="20" r="20" fill="#ff0000"/>', [(84, 84), (84, 8), (8, 84)], [(8, 8), (160, 160)]),
        ('<rect x="20" width="20" height="20" fill="#f00"/>', [(126, 42)], [(42, 42), (126, 126)]),
        ('<path fill="#f00" d="M20 0a20 20 0 1 1 0 40A20 20 0 0 1 20 0z"/>', [(84, 8), (8, 84)], [(8, 8), (8, 160)]),
        ('<path fill="#f00" d="M0 0h40v40H0zM10 10v20h20V10z"/>', [(10, 84)], [(84, 84)]),
        ('<path fill="#f00" fill-rule="evenodd" d="M0 0h40v40H0zM10 10h20v20H10z"/>', [(10, 84)], [(84, 84)]),
        (
            '<g fill="#f00" transform="translate(20 20) scale(.5)"><rect width="40" height="40"/></g>',
            [(126, 126)],
            [(42, 42)],
        ),
        ('<path style="fill:#ff0000" d="M0 0Q40 0 40 40T80 80L0 40Z"/>', [(60, 80)], [(160, 8)]),
        ('<polygon fill="#f00" points="0,40 40,40 20,0"/>', [(84, 120)], [(8, 40), (160, 40)]),
    ],
)
def test_shapes_land_where_they_should(
    body: str, inside: list[tuple[int, int]], outside: list[tuple[int, int]]
) -> None:
    picture = drawn(svg(body))
    assert [picture.getpixel(point) for point in inside] == [(255, 0, 0)] * len(inside)
    assert [picture.getpixel(point) for point in outside] == [(255, 255, 255)] * len(outside)


def test_a_png_keeps_its_transparency() -> None:
    picture = read_picture(png_mark())
    assert picture.mask is not None
    assert (picture.width, picture.height) == (480, 160)
    assert picture.fitted(170, 42) == (126, 42)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (svg("<text>Planshift</text>"), "<text>"),
        (svg('<path d="M0 0h9v9z" fill="url(#g)"/>'), "write colours as #rrggbb"),
        (svg('<path d="M0 0h9v9z" stroke="#000000"/>'), "strokes"),
        (svg('<path d="M0 0h9v9z" opacity=".5"/>'), "opacity"),
        (svg('<g transform="rotate(45)"><rect width="9" height="9"/></g>'), "rotate"),
        (svg('<path d="M0 0h9v9 9z10"/>'), "takes 0 numbers"),
        (svg('<image href="http://example.org/x.png"/>'), "<image>"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "neither a viewBox"),
        (b'<!DOCTYPE svg [<!ENTITY a "b">]><svg/>', "document type"),
        (b"<html/>", "<html>"),
        (b"not a picture", "not well-formed"),
        (b"\x89PNG\r\n\x1a\nbroken", "not a readable PNG"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_a_reason(data: bytes, sentence: str) -> None:
    with pytest.raises(UnsupportedLogo, match=sentence):
        read_picture(data)


def test_numbers_are_never_written_with_exponents() -> None:
    assert "e" not in path_operators("M0.00000001 1e-9a10 10 0 1 1 0 20z")
    with pytest.raises(UnreadablePath):
        path_operators("M0 0 L a b")
