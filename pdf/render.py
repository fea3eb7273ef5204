"""From values to bytes: lay out, write the objects, close the file."""

from pdf.file import write_file
from pdf.formats import locale_of
from pdf.layout_foot import draw_afterwords, draw_footers
from pdf.layout_head import draw_head
from pdf.layout_summary import draw_summary
from pdf.layout_table import draw_table, draw_totals
from pdf.sheet import Sheet
from pdf.style import palette
from pdf.values import InvoiceDocument, checked
from pdf.words import WORDS


def render(document: InvoiceDocument) -> bytes:
    """The document as PDF; equal documents give equal bytes, in any process and any thread.

    Raises InvalidDocument, UnsupportedLocale, InvalidColour, MissingGlyph.
    """
    checked(document)
    language = locale_of(document.locale).language
    words = WORDS[language]
    sheet = Sheet(language, palette(document.brand.colour))
    draw_head(sheet, document, words)
    draw_summary(sheet, document, words)
    draw_table(sheet, document, words)
    draw_totals(sheet, document, words)
    draw_afterwords(sheet, document, words)
    draw_footers(sheet, document, words)
    return write_file(sheet.painter, document, f"{words.titles[document.kind]} {document.label}")
