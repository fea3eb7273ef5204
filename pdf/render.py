"""From values to bytes: lay out, write the objects, close the file."""

from pdf.formats import locale_of
from pdf.layout_foot import draw_afterwords, draw_footers
from pdf.layout_head import draw_head
from pdf.layout_table import draw_table, draw_totals
from pdf.painter import Painter
from pdf.sheet import Sheet
from pdf.style import PAGE_HEIGHT, PAGE_WIDTH, palette
from pdf.values import InvoiceDocument, checked
from pdf.words import WORDS
from pdf.writer import Writer, text_string


def render(document: InvoiceDocument) -> bytes:
    """The document as PDF; equal documents give equal bytes, in any process.

    Raises InvalidDocument, UnsupportedLocale, InvalidColour, MissingGlyph.
    """
    checked(document)
    language = locale_of(document.locale).language
    words = WORDS[language]
    sheet = Sheet(language, palette(document.brand.colour))
    draw_head(sheet, document, words)
    draw_table(sheet, document, words)
    draw_totals(sheet, document, words)
    draw_afterwords(sheet, document, words)
    draw_footers(sheet, document, words)
    return _write(sheet.painter, document, f"{words.titles[document.kind]} {document.label}")


def _write(painter: Painter, document: InvoiceDocument, title: str) -> bytes:
    writer = Writer()
    parent = writer.add()
    fonts = [(font.resource, font.write(writer)) for font in painter.fonts.fonts.values()]
    resources = f"<</Font<<{''.join([f'/{name} {number} 0 R' for name, number in fonts])}>>>>"
    pages = []
    for index, page in enumerate(painter.pages):
        content = writer.add_stream("", page.content())
        pages.append(
            writer.add(
                f"<</Type/Page/Parent {parent} 0 R/MediaBox[0 0 {PAGE_WIDTH} {PAGE_HEIGHT}]/Contents {content} 0 R"
                f"/Resources{resources}/StructParents {index}/Tabs/S>>".encode("ascii")
            )
        )
    kids = " ".join([f"{number} 0 R" for number in pages])
    writer.put(parent, f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>".encode("ascii"))
    tree = painter.tags.write(writer, pages)
    catalog = (
        f"<</Type/Catalog/Pages {parent} 0 R/StructTreeRoot {tree} 0 R/MarkInfo<</Marked true>>"
        f"/Lang({document.locale.replace('_', '-')})/ViewerPreferences<</DisplayDocTitle true>>>>"
    )
    information = f"<</Title{text_string(title)}/Author{text_string(document.seller.name)}>>"
    return writer.save(catalog.encode("ascii"), information.encode("ascii"))
