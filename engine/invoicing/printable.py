"""Whether what is entered can be printed: checked on entry, so that no invoice is stuck for a character later."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from domain.catalog import Catalog
from pdf import check_printable
from pdf.formats import UnsupportedLocale, locale_of
from pdf.picture import read_picture
from pdf.svg import UnsupportedLogo

_PNG = "data:image/png;base64,"


def document_locale(locale: str) -> str:
    """The locale that documents for a customer are written in: their own, or English where we have no words of it."""
    try:
        locale_of(locale)
    except UnsupportedLocale:
        return "en"
    return locale


def check_texts(texts: Iterable[str], locale: str) -> None:
    """Raises MissingGlyph for the first character that no shipped font has."""
    for text in texts:
        check_printable(text, document_locale(locale))


def check_catalog(catalog: Catalog) -> None:
    """Everything of a catalogue that documents show. Raises MissingGlyph, UnsupportedLogo."""
    seller = catalog.seller
    names = [seller.name, *seller.address, seller.tax_id or "", *(plan.name for plan in catalog.plans)]
    check_texts(names, catalog.locale)
    by_language = [
        *(cycle.label for cycle in catalog.cycles.values()),
        *(rate.label for rate in catalog.tax.rates),
        *catalog.categories.values(),
        catalog.invoice.payment_instructions,
    ]
    for texts in by_language:
        for locale, text in texts.items():
            check_texts([text], locale)
    if catalog.invoice.logo:
        read_picture(logo_bytes(catalog.invoice.logo))


def logo_bytes(logo: str) -> bytes:
    """A catalogue's logo: an SVG as text, or a PNG as a data URL. Raises UnsupportedLogo."""
    if not logo.startswith(_PNG):
        return logo.encode()
    try:
        return base64.b64decode(logo.removeprefix(_PNG), validate=True)
    except binascii.Error as error:
        raise UnsupportedLogo("The logo is not base64 after data:image/png;base64,") from error
