"""Whether a text can be printed, asked when it is entered: at the catalogue's and the customer's door."""

from pdf.breaking import units
from pdf.formats import locale_of
from pdf.shaping import shape


def check_printable(text: str, locale: str) -> None:
    """Raises MissingGlyph for the first character that no shipped font has, UnsupportedLocale for an unknown locale."""
    language = locale_of(locale).language
    for unit in units(text):
        shape(unit, language, False)
