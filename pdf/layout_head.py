"""The upper part of the first page: mark and title, who to whom, and the facts."""

from pdf import formats
from pdf.breaking import TextLine, wrap
from pdf.picture import read_picture
from pdf.sheet import Sheet
from pdf.style import BODY, LABEL, LEADING, LEFT, MUTED, RIGHT, SMALL, TITLE, WIDTH
from pdf.values import InvoiceDocument, Party
from pdf.words import Words

_LOGO_WIDTH, _LOGO_HEIGHT = 170.0, 42.0
_NAME = 15.0
_COLUMN_GAP = 18.0
_PARTY_WIDTH = (WIDTH - 2 * _COLUMN_GAP) * 0.32
_FACTS_LEFT = LEFT + 2 * (_PARTY_WIDTH + _COLUMN_GAP)


def draw_head(sheet: Sheet, document: InvoiceDocument, words: Words) -> None:
    """Leaves the sheet below the longest of the three columns."""
    _title(sheet, document, words)
    top = sheet.y
    bottoms = [
        _party(sheet, LEFT, top, words.seller, document.seller, words, document.locale),
        _party(sheet, LEFT + _PARTY_WIDTH + _COLUMN_GAP, top, words.buyer, document.buyer, words, document.locale),
        _facts(sheet, top, document, words),
    ]
    sheet.y = min(bottoms) - 20


def _title(sheet: Sheet, document: InvoiceDocument, words: Words) -> None:
    title = words.titles[document.kind]
    heading = sheet.tags.element("H1")
    title_width = sheet.width(title, TITLE, bold=True)
    sheet.write(heading, RIGHT, sheet.y - 4, title, TITLE, sheet.palette.text, bold=True, right=True)
    used = _mark(sheet, document, WIDTH - title_width - 30)
    sheet.y -= max(_LOGO_HEIGHT, used) + 24


def _mark(sheet: Sheet, document: InvoiceDocument, room: float) -> float:
    """The provider's logo, or its name where there is none; the height used."""
    logo = document.brand.logo
    if logo is None:
        name = sheet.lines(document.seller.name, _NAME, room, bold=True)
        return 8 + sheet.write(sheet.tags.element("P"), LEFT, sheet.y - 8, name, _NAME, bold=True)
    picture = read_picture(logo.data)
    width, height = picture.fitted(min(room, _LOGO_WIDTH), _LOGO_HEIGHT)
    bottom = sheet.y - height
    box = (LEFT, bottom, width, height)
    sheet.painter.picture(picture, box, sheet.tags.figure(logo.alt, box))
    return height


def _party(sheet: Sheet, x: float, y: float, label: str, party: Party, words: Words, locale: str) -> float:
    """Name in bold, then the address; the lower edge."""
    section = sheet.tags.element("Sect")
    y -= sheet.write(sheet.tags.element("H2", section), x, y, label, LABEL, MUTED, bold=True) + 2
    name, lines = party_lines(party, sheet.language, words, locale)
    y -= sheet.write(sheet.tags.element("P", section), x, y, name, BODY, bold=True)
    if lines:
        y -= sheet.write(sheet.tags.element("P", section), x, y, lines, BODY)
    return y


def party_lines(party: Party, language: str, words: Words, locale: str) -> tuple[list[TextLine], list[TextLine]]:
    """The lines of the name, and those of what stands below it, as wide as their column."""
    details = [*party.address]
    if party.country:
        details.append(formats.locale_of(locale).territories.get(party.country, party.country))
    if party.tax_id:
        details.append(words.tax_id.format(number=party.tax_id))
    if party.email:
        details.append(party.email)
    limit = int(_PARTY_WIDTH * 1000 / BODY)
    below = [line for detail in details for line in wrap(detail, language, limit)]
    return wrap(party.name, language, limit, bold=True), below


def _facts(sheet: Sheet, y: float, document: InvoiceDocument, words: Words) -> float:
    """Label on the left, value on the right; a value too long for that goes below its label. The lower edge."""
    facts = [(words.number, document.number)] if document.number else []
    if not document.number:
        facts.append((words.reference, document.reference))
    facts.append((words.issued, formats.long_date(document.issued_on, document.locale)))
    if document.due_on:
        facts.append((words.due, formats.long_date(document.due_on, document.locale)))
    if document.supply:
        facts.append((words.period, formats.period(*document.supply, document.locale)))
    if document.number:
        facts.append((words.reference, document.reference))
    room = RIGHT - _FACTS_LEFT
    for label, value in facts:
        owner = sheet.tags.element("P")
        beside = room - sheet.width(label, LABEL, bold=True) - 10
        sheet.write(owner, _FACTS_LEFT, y - (BODY - LABEL) * 1.06, label, LABEL, MUTED, bold=True)
        if sheet.width(value or "", BODY) <= beside:
            y -= sheet.write(owner, RIGHT, y, value or "", BODY, right=True) + 2.5
            continue
        y -= BODY * LEADING
        y -= sheet.write(owner, RIGHT, y, sheet.lines(value or "", SMALL, room), SMALL, right=True) + 2.5
    return y
