"""What it comes to, at a glance: the plan before and after on the left, the amount on the right."""

from pdf import formats
from pdf.breaking import TextLine
from pdf.sheet import Sheet
from pdf.style import BODY, GOOD, HEADLINE, INK, LABEL, LEADING, LEFT, MUTED, RIGHT, SMALL, WHITE, WIDTH, Colour
from pdf.tags import Element
from pdf.values import InvoiceDocument, Kind
from pdf.words import Words

_PLAN = 10.5
_PAD = 14.0
_GAP = 14.0  # around the arrow
_ARROW = 20.0


def draw_summary(sheet: Sheet, document: InvoiceDocument, words: Words) -> None:
    """A tinted ground, as high as the longer of its two sides."""
    amount, caption, colour = _headline(document, words)
    columns = _columns(document, words)
    taken = max(sheet.width(amount, HEADLINE, bold=True) + _pill_room(sheet, document, words), 130)
    gap = 2 * _GAP + _ARROW
    room = (WIDTH - 2 * _PAD - taken - 24 - gap * (len(columns) - 1)) / max(len(columns), 1)
    wrapped = [
        (label, sheet.lines(name, _PLAN, room, bold=True), sheet.lines(price, SMALL, room) if price else [])
        for label, name, price in columns
    ]
    heights = [LEADING * (LABEL + _PLAN * len(name) + SMALL * len(price)) for _, name, price in wrapped]
    height = 2 * _PAD - 3 + max([LEADING * (HEADLINE + BODY), *heights])
    sheet.need(height)
    top = sheet.y
    sheet.painter.box(LEFT, top - height, WIDTH, height, sheet.palette.ground, radius=5)
    section = sheet.tags.element("Sect")
    x = LEFT + _PAD
    for index, (label, name, price) in enumerate(wrapped):
        if index:
            sheet.painter.arrow(x + _GAP, top - _PAD - LABEL * LEADING - _PLAN * 0.72, _ARROW, sheet.palette.brand)
            x += gap
        last = index == len(wrapped) - 1
        _column(sheet, section, (x, top - _PAD), (label, name, price), INK if last else MUTED)
        widths = [sheet.width(label, LABEL, bold=True)]
        widths += [line.width * _PLAN / 1000 for line in name] + [line.width * SMALL / 1000 for line in price]
        x += max(widths)
    owner = sheet.tags.element("P", section)
    _pill(sheet, owner, RIGHT - _PAD - sheet.width(amount, HEADLINE, bold=True), top - _PAD, document, words)
    used = sheet.write(owner, RIGHT - _PAD, top - _PAD + 2, amount, HEADLINE, sheet.palette.text, bold=True, right=True)
    lines = sheet.lines(caption, BODY, 240, bold=True)
    sheet.write(owner, RIGHT - _PAD, top - _PAD + 2 - used, lines, BODY, colour, bold=True, right=True)
    sheet.y = top - height - 22


def _headline(document: InvoiceDocument, words: Words) -> tuple[str, str, Colour]:
    """The amount that matters, what it is, and in which colour that is said."""
    tag = document.locale
    if document.kind is Kind.CREDIT_NOTE:
        return formats.amount(-document.total, tag), words.credited, GOOD
    shown = formats.amount(document.amount_due, tag)
    if document.paid_on:
        return shown, words.paid_on.format(date=formats.long_date(document.paid_on, tag)), GOOD
    if not document.amount_due:
        return shown, words.nothing_due, GOOD
    if document.due_on:
        return shown, words.due_by.format(date=formats.long_date(document.due_on, tag)), INK
    return shown, words.amount_due, INK


def _columns(document: InvoiceDocument, words: Words) -> list[tuple[str, str, str]]:
    """Label, name and price of each plan; on a credit note, the invoice that it corrects; else the period."""
    columns = []
    for label, plan in (
        (words.before, document.before),
        (words.after if document.before else words.plan, document.after),
    ):
        if plan:
            price = formats.amount(plan.price, document.locale)
            columns.append((label, plan.plan, words.each_cycle.format(price=price, cycle=plan.cycle)))
    if document.corrects and not columns:
        columns.append((words.corrects, document.corrects, ""))
    if document.supply and not columns:
        columns.append((words.period, formats.period(*document.supply, document.locale), ""))
    return columns


def _column(
    sheet: Sheet,
    section: Element,
    corner: tuple[float, float],
    texts: tuple[str, list[TextLine], list[TextLine]],
    colour: Colour,
) -> None:
    (x, y), (label, name, price) = corner, texts
    owner = sheet.tags.element("P", section)
    y -= sheet.write(owner, x, y, label, LABEL, MUTED, bold=True)
    y -= sheet.write(owner, x, y, name, _PLAN, colour, bold=True)
    if price:
        sheet.write(owner, x, y, price, SMALL, MUTED)


def _pill_room(sheet: Sheet, document: InvoiceDocument, words: Words) -> float:
    return sheet.width(words.paid, SMALL, bold=True) + 26 if document.paid_on else 0


def _pill(sheet: Sheet, owner: Element, right: float, top: float, document: InvoiceDocument, words: Words) -> None:
    """The mark of a paid document, left of the amount."""
    if not document.paid_on:
        return
    width, height = sheet.width(words.paid, SMALL, bold=True) + 14, 15.0
    left, bottom = right - width - 10, top - 18.5
    sheet.painter.box(left, bottom, width, height, GOOD, radius=height / 2 - 0.01)
    sheet.write(owner, left + 7, bottom + height - 2.6, words.paid, SMALL, WHITE, bold=True)
