"""Sizes, distances and colours of the page. Lengths are in points; A4 portrait.

Body text is never below 7.5 pt, and every text colour has a contrast of at least 4.5 to 1 on white (WCAG 2.1, 1.4.3).
"""

import re
from dataclasses import dataclass
from functools import lru_cache

PAGE_WIDTH, PAGE_HEIGHT = 595.28, 841.89
MARGIN = 51.0  # 18 mm
LEFT, RIGHT = MARGIN, PAGE_WIDTH - MARGIN
WIDTH = RIGHT - LEFT
BAND = 6.0  # the strip in the brand's colour along the upper edge
TOP = PAGE_HEIGHT - 48.0
BOTTOM = 74.0  # nothing of the body comes below; the footer stands here
FOOTER_RULE, FOOTER_TEXT = 52.0, 39.0

TITLE, HEADLINE, TOTAL, BODY, SMALL, LABEL = 23.0, 17.0, 11.0, 9.0, 8.0, 7.5
LEADING = 1.44  # of the type size: room for Devanagari above and below the line

INK = (26, 32, 48)
MUTED = (93, 101, 117)
RULE = (220, 224, 231)
GOOD = (11, 107, 61)
WHITE = (255, 255, 255)

Colour = tuple[int, int, int]


class InvalidColour(ValueError):
    """A brand colour is written as # and six hexadecimal digits, as in #1f3a93."""


@dataclass(frozen=True, slots=True)
class Palette:
    """The brand's colour for rules, for text (the ink, if the colour is too light to read) and as a faint ground."""

    brand: Colour
    text: Colour
    ground: Colour


def palette(colour: str) -> Palette:
    """Raises InvalidColour."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise InvalidColour(f"{colour!r} is not a colour; write # and six hexadecimal digits, as in #1f3a93")
    brand = (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16))
    return Palette(brand, brand if contrast_on_white(brand) >= 4.5 else INK, tint(brand, 0.055))


def tint(colour: Colour, strength: float) -> Colour:
    """The colour thinned with white."""
    red, green, blue = (round(255 - (255 - part) * strength) for part in colour)
    return red, green, blue


def contrast_on_white(colour: Colour) -> float:
    """Contrast ratio of WCAG 2.1, from relative luminance."""
    linear = [part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


@lru_cache(maxsize=64)
def rgb(colour: Colour, operator: str) -> str:
    """A colour operator: rg fills, RG strokes."""
    return f"{' '.join(f'{part / 255:.3g}' for part in colour)} {operator}"
