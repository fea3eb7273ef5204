"""What people write, and what none of it may hold: the one home of that question for every entry point.

A name or an address is stored by PostgreSQL, printed on a page, copied into XML and put into the header of a mail. What
one of them cannot carry is refused where it comes in, with the character and its place; so is what nobody can see and
what changes the order in which others are read. Whether a font has a glyph is asked in engine/invoicing/printable.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# What a page takes of a party at the most; whether it fits, its letters decide (pdf/printable.py).
ADDRESS_LINES_MAX = 10
NAME_AND_ADDRESS_MAX = 600
TAX_ID_MAX = 40

# Neither PostgreSQL nor XML carries these: controls without tab and line breaks, half pairs, noncharacters.
_IMPOSSIBLE = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff"
# Nobody sees these: they hide one name behind another, or turn round what stands beside them (UAX #9, UTS #39).
_HIDING = (
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    r"\u2800\u3164\ufeff\uffa0\ufff0-\ufffb"
)
# The same for JSON Schema, as far as its dialect of regular expressions goes; a line has no breaks, either.
TEXT_PATTERN = rf"^[^{_IMPOSSIBLE}{_HIDING}]*$"
LINE_PATTERN = rf"^[^\t\n\r{_IMPOSSIBLE}{_HIDING}]*$"

# Each of Unicode's planes ends in two noncharacters.
_ENDS_OF_PLANES = "".join(chr(plane << 16 | end) for plane in range(1, 17) for end in (0xFFFE, 0xFFFF))
_UNFIT = re.compile(rf"[{_IMPOSSIBLE}{_HIDING}\ud800-\udfff{_ENDS_OF_PLANES}\U000e0000-\U000e00ff]")
_BREAKS = re.compile(r"[\t\n\r]")
# Joiners shape the letters of Devanagari, selectors choose a letter's form: each only after what it is for.
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_ATTACHED = re.compile(f"(?<![\u0900-\u097f])[\u200c\u200d]|(?<![^\\s{_SELECTORS}])[{_SELECTORS}]")
_VISIBLE = frozenset("LNPS")


class UnfitText(ValueError):
    """A text that no page, no mail and no database can carry, or in which there is nothing to see."""

    def __init__(self, sentence: str, character: str | None = None) -> None:
        super().__init__(sentence)
        self.character = character


def character_name(character: str) -> str:
    """As Unicode's own tables call it: U+202E RIGHT-TO-LEFT OVERRIDE."""
    return f"U+{ord(character):04X} {unicodedata.name(character, 'without a name')}"


def check_text(text: str) -> str:
    """The text, which may have tabs and line breaks. Raises UnfitText."""
    found = _UNFIT.search(text) or _ATTACHED.search(text)
    if found:
        raise _unfit(found)
    return text


def readable(text: str) -> str:
    """What somebody typed or pasted into a form, without what `check_text` refuses: they have not seen it, either. A
    browser counts a line break as one character and sends two."""
    kept = _UNFIT.sub("", text.replace("\r\n", "\n"))
    while _ATTACHED.search(kept):
        kept = _ATTACHED.sub("", kept)
    return kept


def check_line(text: str) -> str:
    """The text, which is one line and has something to see in it. Raises UnfitText."""
    found = _BREAKS.search(text)
    if found:
        raise _unfit(found)
    if not any(unicodedata.category(character)[0] in _VISIBLE for character in check_text(text)):
        raise UnfitText("there is nothing to see in it; write at least one letter or digit")
    return text


def check_party(name: str, address: Sequence[str]) -> None:
    """Raises UnfitText where a page has no room for a name and its address."""
    length = len(name) + sum(map(len, address))
    if len(address) > ADDRESS_LINES_MAX or length > NAME_AND_ADDRESS_MAX:
        raise UnfitText(
            f"an address has at most {ADDRESS_LINES_MAX} lines and, with the name, {NAME_AND_ADDRESS_MAX} characters;"
            f" here are {len(address)} lines and {length} characters"
        )


def shown(text: str, length: int = 60) -> str:
    """The beginning of a text, written so that any log, any page and any database can carry it."""
    return ascii(text[:length]) if _UNFIT.search(text) else repr(text[:length])


def _unfit(found: re.Match[str]) -> UnfitText:
    character = found[0]
    return UnfitText(
        f"{character_name(character)} (character {found.start() + 1}) cannot be printed; leave it out", character
    )
