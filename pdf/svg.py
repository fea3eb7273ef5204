"""A plain SVG as a PDF form: filled shapes, groups and transforms (SVG 1.1, 7, 9 and 11; ISO 32000-1, 8.10).

A logo is asked to be paths. Text, gradients, strokes, filters, opacity, scripts and references are refused with a
sentence that says so, rather than drawn almost right.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass

from pdf.style import rgb
from pdf.svg_path import UnreadablePath, number, path_operators

_NAMES = {"black": "#000000", "white": "#ffffff", "currentcolor": "#000000"}
_SILENT = {"title", "desc", "metadata", "defs"}
_KEPT_INSIDE = {"svg", "g"}
_UNSUPPORTED_PAINT = ("filter", "mask", "clip-path", "marker", "opacity", "fill-opacity")
_TRANSFORM = re.compile(r"(matrix|translate|scale)\s*\(([^)]*)\)")


class UnsupportedLogo(ValueError):
    """The logo is neither a PNG nor an SVG of plain filled shapes; export it again as paths without effects."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """Operators in a coordinate system with the origin in the lower left corner."""

    width: float
    height: float
    operators: str


def read_svg(data: bytes) -> Drawing:
    """Raises UnsupportedLogo."""
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise UnsupportedLogo("the SVG declares a document type; leave it out")
    try:
        root = ET.fromstring(data)
    except ET.ParseError as broken:
        raise UnsupportedLogo(f"the logo is not well-formed SVG: {broken}") from broken
    if _name(root) != "svg":
        raise UnsupportedLogo(f"the logo's first element is <{_name(root)}>, not <svg>")
    left, top, width, height = _view(root)
    try:
        drawn = " ".join(_draw(root, "#000000"))
    except UnreadablePath as broken:
        raise UnsupportedLogo(str(broken)) from broken
    return Drawing(width, height, f"1 0 0 -1 {number(-left)} {number(top + height)} cm {drawn}")


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _view(root: ET.Element) -> tuple[float, float, float, float]:
    box = [float(value) for value in re.findall(r"-?[\d.]+", root.get("viewBox", ""))]
    if len(box) != 4:
        sizes = [re.match(r"[\d.]+", root.get(side, "")) for side in ("width", "height")]
        if not all(sizes):
            raise UnsupportedLogo("the SVG has neither a viewBox nor a width and height")
        box = [0, 0, *[float(size[0]) for size in sizes if size]]
    if box[2] <= 0 or box[3] <= 0:
        raise UnsupportedLogo("the SVG is empty: its viewBox has no area")
    return box[0], box[1], box[2], box[3]


def _draw(element: ET.Element, inherited: str) -> Iterator[str]:
    kind = _name(element)
    if kind in _SILENT:
        return
    paint = _paint(element)
    fill = paint.get("fill", inherited)
    matrices = [_matrix(name, numbers) for name, numbers in _TRANSFORM.findall(element.get("transform", ""))]
    if element.get("transform") and not matrices:
        raise UnsupportedLogo(f"transform {element.get('transform')!r}: only matrix, translate and scale are read")
    if matrices:
        yield "q " + " ".join(matrices)
    if kind in _KEPT_INSIDE:
        for child in element:
            yield from _draw(child, fill)
    elif fill != "none":
        close = "f*" if paint.get("fill-rule") == "evenodd" else "f"
        yield f"{_colour(fill)} {_shape(kind, element)} {close}"
    if matrices:
        yield "Q"


def _paint(element: ET.Element) -> dict[str, str]:
    """Presentation attributes, overridden by the style attribute."""
    paint = {name.rpartition("}")[2]: value.strip() for name, value in element.attrib.items()}
    for declaration in element.get("style", "").split(";"):
        name, _, value = declaration.partition(":")
        if value:
            paint[name.strip()] = value.strip()
    if paint.get("stroke", "none") != "none":
        raise UnsupportedLogo("the logo has strokes; expand them to filled shapes")
    for name in _UNSUPPORTED_PAINT:
        if paint.get(name, "1") not in ("1", "none"):
            raise UnsupportedLogo(f"the logo uses {name}; flatten it to plain fills")
    return paint


def _matrix(name: str, text: str) -> str:
    numbers = [float(value) for value in re.findall(r"-?[\d.]+(?:e-?\d+)?", text)]
    if name == "matrix" and len(numbers) == 6:
        return f"{' '.join([number(value) for value in numbers])} cm"
    if name == "translate" and numbers:
        return f"1 0 0 1 {number(numbers[0])} {number(numbers[1] if len(numbers) > 1 else 0)} cm"
    if name == "scale" and numbers:
        return f"{number(numbers[0])} 0 0 {number(numbers[-1])} 0 0 cm"
    raise UnsupportedLogo(f"transform {name}({text}) has the wrong number of values")


def _colour(text: str) -> str:
    value = _NAMES.get(text.lower(), text)
    if re.fullmatch(r"#[0-9a-fA-F]{3}", value):
        value = "#" + "".join([digit * 2 for digit in value[1:]])
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        raise UnsupportedLogo(f"fill {text!r}: write colours as #rrggbb")
    return rgb((int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16)), "rg")


def _shape(kind: str, element: ET.Element) -> str:
    def side(name: str) -> float:
        return float(element.get(name, "0"))

    if kind == "path":
        return path_operators(element.get("d", ""))
    if kind == "rect":
        x, y, w, h, r = (side(name) for name in ("x", "y", "width", "height", "rx"))
        if not r:
            return path_operators(f"M{x} {y}h{w}v{h}h{-w}z")
        arc = f"a{r} {r} 0 0 1"
        return path_operators(
            f"M{x + r} {y}h{w - 2 * r}{arc} {r} {r}v{h - 2 * r}{arc} {-r} {r}h{2 * r - w}{arc} {-r} {-r}"
            f"v{2 * r - h}{arc} {r} {-r}z"
        )
    if kind in ("circle", "ellipse"):
        rx, ry = (side("r"), side("r")) if kind == "circle" else (side("rx"), side("ry"))
        half = f"a{rx} {ry} 0 1 0"
        return path_operators(f"M{side('cx') - rx} {side('cy')}{half} {2 * rx} 0{half} {-2 * rx} 0z")
    if kind == "polygon":
        return path_operators(f"M{element.get('points', '')}z")
    raise UnsupportedLogo(f"the logo contains <{kind}>; export it as filled paths")
