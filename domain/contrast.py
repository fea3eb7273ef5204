"""Whether text can be read on a colour: the contrast of two colours as WCAG 2 counts it."""

WHITE, BLACK = "#ffffff", "#000000"

# What WCAG asks of text of ordinary size.
READABLE = 4.5


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black on white); colours are written #rrggbb."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def ink_on(colour: str) -> str:
    """White or black, whichever is read better on this colour; at least one of them always can be."""
    return WHITE if contrast(WHITE, colour) >= READABLE else BLACK


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def readable_on(colour: str, ground: str) -> str:
    """The colour, or the nearest of its tints and shades that can be read on this ground."""
    towards = WHITE if contrast(WHITE, ground) > contrast(BLACK, ground) else BLACK
    tries = (mixed(colour, towards, part / 20) for part in range(21))
    return next((one for one in tries if contrast(one, ground) >= READABLE), towards)


def mixed(one: str, other: str, part: float) -> str:
    """So much of the other colour in the first: 0 is the first, 1 the other."""
    pairs = [(int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(first + (second - first) * part):02x}" for first, second in pairs)
