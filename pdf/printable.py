"""Whether a text can be printed, checked when it is entered: in a catalogue or as a customer's data."""

from pdf.breaking import units
from pdf.formats import locale_of
from pdf.layout_head import party_lines
from pdf.shaping import shape
from pdf.values import Party
from pdf.words import WORDS

# Below a name of two hundred wide letters in the place of a logo, and above the lines of the document.
PARTY_LINES_MAX = 28


class NoRoom(ValueError):
    """The page has no room for so much of one party."""


def check_printable(text: str, locale: str) -> None:
    """Raises MissingGlyph for the first character that no shipped font has, UnsupportedLocale for an unknown locale."""
    language = locale_of(locale).language
    for unit in units(text):
        for bold in (False, True):
            shape(unit, language, bold)


def check_room(party: Party, locale: str) -> None:
    """Raises NoRoom where name, address, tax id and mail address together are longer than their column."""
    language = locale_of(locale).language
    needed = sum(map(len, party_lines(party, language, WORDS[language], locale)))
    if needed > PARTY_LINES_MAX:
        raise NoRoom(
            f"with name, country, tax id and mail address it takes {needed} lines of a page, which has room for"
            f" {PARTY_LINES_MAX}; shorten it"
        )
