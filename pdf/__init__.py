"""Invoices as PDF: plain values in, the same bytes out for ever. `render(document) -> bytes` is the whole interface.

The layers, each a file or two: values -> words and formats -> breaking and shaping (text) -> sheet and layout_* (page)
-> painter, textfont and tags (PDF content, fonts, structure) -> writer (ReportLab writes the file).
"""

from pdf.printable import check_printable
from pdf.render import render
from pdf.renderer_version import engine_version
from pdf.values import Brand, InvoiceDocument, Kind, Line, Logo, Party, PlanTerms, Tax
from pdf.xmp import Identity, identity_of

__all__ = [
    "Brand",
    "Identity",
    "InvoiceDocument",
    "Kind",
    "Line",
    "Logo",
    "Party",
    "PlanTerms",
    "Tax",
    "check_printable",
    "engine_version",
    "identity_of",
    "render",
]
