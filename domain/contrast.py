"""Whether text can be read on a colour: the contrast of two colours, #rrggbb, as WCAG 2 counts it."""

from decimal import Decimal

WHITE, BLACK = "#ffffff", "#000000"

# What WCAG asks of text of ordinary size.
READABLE = Decimal("4.5")


def contrast(one: str, other: str) -> Decimal:
    """From 1 (the same) to 21 (black on white)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + Decimal("0.05")) / (darker + Decimal("0.05"))


def ink_on(colour: str) -> str:
    """White or black, whichever is read better on this colour; at least one of them always can be."""
    return WHITE if contrast(WHITE, colour) >= READABLE else BLACK


def readable_on(colour: str, ground: str) -> str:
    """The colour, or the nearest of its tints and shades that can be read on this ground."""
    towards = WHITE if contrast(WHITE, ground) > contrast(BLACK, ground) else BLACK
    tries = (mixed(colour, towards, percent) for percent in range(0, 101, 5))
    return next((one for one in tries if contrast(one, ground) >= READABLE), towards)


def mixed(one: str, other: str, percent: int) -> str:
    """The first colour with so much of the other in it."""
    pairs = zip(_parts(one), _parts(other), strict=True)
    return "#" + "".join(f"{first + (second - first) * percent // 100:02x}" for first, second in pairs)


def _parts(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def _luminance(colour: str) -> Decimal:
    red, green, blue = (_linear(Decimal(part) / 255) for part in _parts(colour))
    return Decimal("0.2126") * red + Decimal("0.7152") * green + Decimal("0.0722") * blue


def _linear(part: Decimal) -> Decimal:
    if part <= Decimal("0.04045"):
        return part / Decimal("12.92")
    return ((part + Decimal("0.055")) / Decimal("1.055")) ** Decimal("2.4")
