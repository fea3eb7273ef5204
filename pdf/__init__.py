"""Invoices as PDF: plain values in, the same bytes out for ever. `render(document) -> bytes` is the whole interface.

The layers, each a file or two: values -> words and formats -> breaking and shaping (text) -> sheet and layout_* (page)
-> painter, textfont and tags (PDF content, fonts, structure) -> writer (ReportLab writes the file).
"""

from pdf.printable import NoRoom, check_printable, check_room
from pdf.render import render
from pdf.renderer_version import renderer_version
from pdf.values import Brand, InvoiceDocument, Kind, Line, Logo, Party, PrintedPlan, Tax
from pdf.xmp import Identity, identity_of

__all__ = [
    "Brand",
    "Identity",
    "InvoiceDocument",
    "Kind",
    "Line",
    "Logo",
    "NoRoom",
    "Party",
    "PrintedPlan",
    "Tax",
    "check_printable",
    "check_room",
    "identity_of",
    "render",
    "renderer_version",
]
