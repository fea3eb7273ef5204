"""Whether a text can be printed, checked when it is entered: in a catalogue or as a customer's data."""

from pdf.breaking import units
from pdf.formats import locale_of
from pdf.shaping import shape


def check_printable(text: str, locale: str) -> None:
    """Raises MissingGlyph for the first character that no shipped font has, UnsupportedLocale for an unknown locale."""
    language = locale_of(locale).language
    for unit in units(text):
        shape(unit, language, False)
