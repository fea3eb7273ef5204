"""Whether what is entered can be printed: checked on entry, so that no invoice is stuck for a character later."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from domain.catalog import Catalog
from domain.catalog_problems import CatalogError, CatalogProblem
from domain.texts import UnfitText, check_line, check_party, check_text
from domain.words import document_locale
from pdf import NoRoom, Party, check_printable, check_room
from pdf.picture import read_picture
from pdf.shaping import MissingGlyph
from pdf.svg import UnsupportedLogo
from pdf.words import WORDS

LOCALES = tuple(WORDS)
_PNG = "data:image/png;base64,"


class NotPrintable(ValueError):
    """A field holds what no page can show; the sentence names the field and the character."""

    def __init__(self, field: str, error: ValueError) -> None:
        super().__init__(f"{field}: {error}")
        self.field = field
        self.why = str(error)


def check_customer(values: Mapping[str, Any]) -> None:
    """What a customer's documents show of them. Raises NotPrintable."""
    locale = document_locale(str(values["locale"]))
    party = Party(
        values["name"], tuple(values["address"]), values.get("country", ""), values.get("tax_id"), values["email"]
    )
    for field, text in _party_texts(party):
        _check(field, text, [locale])
    _check_room("address", party, [locale])


def check_catalog(catalog: Catalog) -> None:
    """Everything of a catalogue that documents show. Raises CatalogError, with every key that they cannot."""
    problems = []
    for check in _catalog_checks(catalog):
        try:
            check()
        except (NotPrintable, UnsupportedLogo) as error:
            key = error.field if isinstance(error, NotPrintable) else "invoice.logo"
            problems.append(CatalogProblem(key, error.why if isinstance(error, NotPrintable) else str(error)))
    if problems:
        raise CatalogError(problems)


def _catalog_checks(catalog: Catalog) -> Iterator[Callable[[], object]]:
    """The seller and the plans are on documents in any language; what has a text for each language on those alone."""
    seller = catalog.seller
    party = Party(seller.name, seller.address, seller.country, seller.tax_id, seller.email)
    everywhere = [(f"seller.{field}", text) for field, text in _party_texts(party)]
    everywhere += [(f"plans.{index}.name", plan.name) for index, plan in enumerate(catalog.plans)]
    for field, text in everywhere:
        yield partial(_check, field, text, LOCALES)
    yield partial(_check_room, "seller.address", party, LOCALES)
    by_language = {f"cycles.{name}.label": cycle.label for name, cycle in catalog.cycles.items()}
    by_language |= {f"tax.rates.{index}.label": rate.label for index, rate in enumerate(catalog.tax.rates)}
    by_language |= {f"categories.{name}": texts for name, texts in catalog.categories.items()}
    by_language["invoice.payment_instructions"] = catalog.invoice.payment_instructions
    for field, texts in by_language.items():
        for language, text in texts.items():
            yield partial(_check, f"{field}.{language}", text, [document_locale(language)], check_text)
    if catalog.invoice.logo:
        yield lambda: read_picture(logo_bytes(catalog.invoice.logo or ""))


def _party_texts(party: Party) -> list[tuple[str, str]]:
    lines = [(f"address.{index}", line) for index, line in enumerate(party.address)]
    others = {"tax_id": party.tax_id, "email": party.email}
    return [("name", party.name), *lines, *((field, text) for field, text in others.items() if text)]


def _check(field: str, text: str, locales: Iterable[str], written: Callable[[str], str] = check_line) -> None:
    try:
        written(text)
        for locale in locales:
            check_printable(text, locale)
    except (UnfitText, MissingGlyph) as error:
        raise NotPrintable(field, error) from error


def _check_room(field: str, party: Party, locales: Iterable[str]) -> None:
    try:
        check_party(party.name, party.address)
        for locale in locales:
            check_room(party, locale)
    except (UnfitText, MissingGlyph, NoRoom) as error:
        raise NotPrintable(field, error) from error


def logo_bytes(logo: str) -> bytes:
    """A catalogue's logo: an SVG as text, or a PNG as a data URL. Raises UnsupportedLogo."""
    if not logo.startswith(_PNG):
        return logo.encode()
    try:
        return base64.b64decode(logo.removeprefix(_PNG), validate=True)
    except binascii.Error as error:
        raise UnsupportedLogo("The logo is not base64 after data:image/png;base64,") from error
