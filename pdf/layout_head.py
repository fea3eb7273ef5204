"""The upper part of the first page: mark and title, who to whom, the facts, and what it comes to."""

from babel import Locale

from pdf import formats
from pdf.sheet import Sheet
from pdf.style import BODY, GOOD, HEADLINE, INK, LABEL, LEADING, LEFT, MUTED, RIGHT, SMALL, TITLE, WIDTH, Colour
from pdf.tags import Element
from pdf.values import InvoiceDocument, Kind, Party, PlanTerms
from pdf.words import Words

_LOGO_HEIGHT = 40.0
_COLUMN_GAP = 22.0
_PLAN, _PLAN_WIDTH = 10.5, 130.0
_PARTY_WIDTH = (WIDTH - 2 * _COLUMN_GAP) * 0.31
_FACTS_LEFT = LEFT + 2 * (_PARTY_WIDTH + _COLUMN_GAP)


def draw_head(sheet: Sheet, document: InvoiceDocument, words: Words) -> None:
    """Everything above the table."""
    sheet.painter.box(0, 836.0, 595.28, 5.89, sheet.palette.brand)
    _title(sheet, document, words)
    top = sheet.y
    bottoms = [
        _party(sheet, LEFT, top, words.seller, document.seller, words, document.locale),
        _party(sheet, LEFT + _PARTY_WIDTH + _COLUMN_GAP, top, words.buyer, document.buyer, words, document.locale),
        _facts(sheet, top, document, words),
    ]
    sheet.y = min(bottoms) - 20
    _summary(sheet, document, words)


def _title(sheet: Sheet, document: InvoiceDocument, words: Words) -> None:
    title = words.titles[document.kind]
    heading = sheet.tags.element("H1")
    title_width = sheet.width(title, TITLE, bold=True)
    sheet.write(heading, RIGHT, sheet.y - 4, title, TITLE, sheet.palette.text, bold=True, right=True)
    name = sheet.lines(document.seller.name, 15, WIDTH - title_width - 30, bold=True)
    used = sheet.write(sheet.tags.element("P"), LEFT, sheet.y - 8, name, 15, bold=True)
    sheet.y -= max(_LOGO_HEIGHT, used + 8) + 24


def _party(sheet: Sheet, x: float, y: float, label: str, party: Party, words: Words, locale: str) -> float:
    """Name in bold, then the address; the lower edge."""
    section = sheet.tags.element("Sect")
    y -= sheet.write(sheet.tags.element("H2", section), x, y, label, LABEL, MUTED, bold=True) + 2
    y -= sheet.write(
        sheet.tags.element("P", section), x, y, sheet.lines(party.name, BODY, _PARTY_WIDTH, bold=True), BODY, bold=True
    )
    details = [*party.address]
    if party.country:
        details.append(Locale.parse(locale.replace("-", "_")).territories.get(party.country, party.country))
    if party.tax_id:
        details.append(words.tax_id.format(number=party.tax_id))
    if party.email:
        details.append(party.email)
    lines = [line for detail in details for line in sheet.lines(detail, BODY, _PARTY_WIDTH)]
    if lines:
        y -= sheet.write(sheet.tags.element("P", section), x, y, lines, BODY)
    return y


def _facts(sheet: Sheet, y: float, document: InvoiceDocument, words: Words) -> float:
    facts = [(words.number, document.number)] if document.number else [(words.reference, document.reference)]
    facts.append((words.issued, formats.long_date(document.issued_on, document.locale)))
    if document.due_on:
        facts.append((words.due, formats.long_date(document.due_on, document.locale)))
    if document.supply:
        facts.append((words.period, formats.period(*document.supply, document.locale)))
    if document.corrects:
        facts.append((words.corrects, document.corrects))
    if document.number:
        facts.append((words.reference, document.reference))
    label_width = max(sheet.width(label, LABEL, bold=True) for label, _ in facts) + 12
    for label, value in facts:
        owner = sheet.tags.element("P")
        sheet.write(owner, _FACTS_LEFT, y - 1.2, label, LABEL, MUTED, bold=True)
        lines = sheet.lines(value or "", BODY, RIGHT - _FACTS_LEFT - label_width)
        y -= sheet.write(owner, RIGHT, y, lines, BODY, right=True) + 2.5
    return y


def headline(document: InvoiceDocument, words: Words) -> tuple[str, str, bool]:
    """The amount that matters, what it is, and whether all is well."""
    if document.kind is Kind.CREDIT_NOTE:
        return formats.amount(-document.total, document.locale), words.credited, True
    shown = formats.amount(document.amount_due, document.locale)
    if document.paid_on:
        return shown, words.paid_on.format(date=formats.long_date(document.paid_on, document.locale)), True
    if not document.amount_due:
        return shown, words.nothing_due, True
    if document.due_on:
        return shown, words.due_by.format(date=formats.long_date(document.due_on, document.locale)), False
    return shown, words.amount_due, False


def _summary(sheet: Sheet, document: InvoiceDocument, words: Words) -> None:
    """A ground with the plan before and after on its left, and the amount on its right."""
    amount, caption, is_good = headline(document, words)
    height, pad = 62.0, 14.0
    top = sheet.y
    sheet.painter.box(LEFT, top - height, WIDTH, height, sheet.palette.ground, radius=5)
    section = sheet.tags.element("Sect")
    x = LEFT + pad
    if document.before:
        texts = _plan_texts(words.before, document.before, document, words)
        x = _plan(sheet, sheet.tags.element("P", section), x, top - pad, texts, MUTED)
        sheet.painter.arrow(x + 6, top - height / 2, 20, sheet.palette.brand)
        x += 40
    if document.after:
        texts = _plan_texts(words.after, document.after, document, words)
        _plan(sheet, sheet.tags.element("P", section), x, top - pad, texts, INK)
    owner = sheet.tags.element("P", section)
    sheet.write(owner, RIGHT - pad, top - pad + 3, amount, HEADLINE, sheet.palette.text, bold=True, right=True)
    colour = GOOD if is_good else INK
    sheet.write(owner, RIGHT - pad, top - pad - HEADLINE * LEADING + 3, caption, BODY, colour, bold=True, right=True)
    sheet.y = top - height - 22


def _plan_texts(label: str, plan: PlanTerms, document: InvoiceDocument, words: Words) -> tuple[str, str, str]:
    price = formats.amount(plan.price, document.locale)
    return label, plan.plan, words.each_cycle.format(price=price, cycle=plan.cycle)


def _plan(sheet: Sheet, owner: Element, x: float, y: float, texts: tuple[str, str, str], colour: Colour) -> float:
    """One plan of the change (label, name, price), one below the other; its right edge."""
    label, plan, price = texts
    name = sheet.lines(plan, _PLAN, _PLAN_WIDTH, bold=True)[:1]
    y -= sheet.write(owner, x, y, label, LABEL, MUTED, bold=True)
    y -= sheet.write(owner, x, y, name, _PLAN, colour, bold=True)
    sheet.write(owner, x, y, price, SMALL, MUTED)
    widths = [sheet.width(label, LABEL, bold=True), sheet.width(price, SMALL), name[0].width * _PLAN / 1000]
    return x + max(widths)
