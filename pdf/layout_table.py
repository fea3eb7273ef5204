"""The lines and the totals: a table that flows over pages with its header repeated, and the sums below it."""

from pdf import formats
from pdf.breaking import TextLine
from pdf.sheet import Sheet
from pdf.style import BODY, BOTTOM, GOOD, INK, LABEL, LEADING, LEFT, MUTED, RIGHT, RULE, SMALL, TOTAL, WIDTH, Colour
from pdf.tags import COLUMN_HEADER, ROW_HEADER, Element
from pdf.values import InvoiceDocument, Kind, Line, Tax, contains
from pdf.words import Words

_AMOUNT_WIDTH = 92.0
_PRICE_WIDTH = 84.0
_QUANTITY_WIDTH = 44.0
_ROW_PAD = 6.0


def draw_table(sheet: Sheet, document: InvoiceDocument, words: Words) -> None:
    """One row a line: description, arithmetic and period; quantity and unit price where any quantity is not one. Tax
    that the prices contain has no row: the sums say it."""
    counts = any(abs(line.quantity) > 1 for line in document.lines)
    table = sheet.tags.element("Table")
    header = sheet.tags.element("TR", sheet.tags.element("THead", table))
    sheet.need(80)
    _table_header(sheet, words, counts, header)
    body = sheet.tags.element("TBody", table)
    sheet.on_new_page = lambda: _repeat_header(sheet, document, words, counts)
    for line in document.lines:
        if any(contains(line, tax) for tax in document.taxes):
            continue
        _row(sheet, body, line, document, counts)
    sheet.on_new_page = lambda: _running_head(sheet, document, words)


def _running_head(sheet: Sheet, document: InvoiceDocument, words: Words) -> None:
    text = f"{words.titles[document.kind]} {document.label} · {words.continued}"
    sheet.y -= sheet.write(None, LEFT, sheet.y, text, SMALL, MUTED) + 14


def _repeat_header(sheet: Sheet, document: InvoiceDocument, words: Words, counts: bool) -> None:
    _running_head(sheet, document, words)
    _table_header(sheet, words, counts, None)


def _columns(counts: bool) -> tuple[float, float, float]:
    """Right edges of quantity, unit price and the description."""
    if not counts:
        return 0, 0, RIGHT - _AMOUNT_WIDTH
    price = RIGHT - _AMOUNT_WIDTH
    quantity = price - _PRICE_WIDTH
    return quantity, price, quantity - _QUANTITY_WIDTH


def _table_header(sheet: Sheet, words: Words, counts: bool, row: Element | None) -> None:
    """The header row; with `row` None it is a repetition and an artifact."""
    quantity, price, _ = _columns(counts)
    labels = [(LEFT, words.description, False)]
    if counts:
        labels += [(quantity, words.quantity, True), (price, words.unit_price, True)]
    labels.append((RIGHT, words.amount, True))
    for x, label, right in labels:
        cell = sheet.tags.element("TH", row, COLUMN_HEADER) if row else None
        sheet.write(cell, x, sheet.y, label, LABEL, MUTED, bold=True, right=right)
    sheet.y -= LABEL * LEADING + 4
    sheet.painter.rule(LEFT, RIGHT, sheet.y, sheet.palette.brand, 1)


def _row(sheet: Sheet, body: Element, line: Line, document: InvoiceDocument, counts: bool) -> None:
    """Kept on one page, unless it is longer than a page."""
    quantity, price, edge = _columns(counts)
    width = edge - LEFT - 8
    texts = [(text, BODY, INK) for text in sheet.lines(line.description, BODY, width)]
    if line.arithmetic:
        texts += [(text, SMALL, MUTED) for text in sheet.lines(line.arithmetic, SMALL, width)]
    if line.period:
        shown = formats.period(*line.period, document.locale)
        texts += [(text, SMALL, MUTED) for text in sheet.lines(shown, SMALL, width)]
    sheet.need(2 * _ROW_PAD + sum([size * LEADING for _, size, _ in texts]))
    row = sheet.tags.element("TR", body)
    cell = sheet.tags.element("TD", row)
    cells = [(RIGHT, formats.amount(line.amount, document.locale))]
    if counts:
        unit, count = (line.unit_price, line.quantity) if line.unit_price else (line.amount, 1)
        cells.insert(0, (price, formats.amount(unit, document.locale)))
        cells.insert(0, (quantity, formats.whole_number(count, document.locale)))
    sheet.y -= _ROW_PAD
    top = sheet.y
    _flow(sheet, cell, texts[:1])
    below, sheet.y = sheet.y, top
    for x, text in cells:
        sheet.write(sheet.tags.element("TD", row), x, top, text, BODY, right=True)
    sheet.y = below
    _flow(sheet, cell, texts[1:])
    sheet.y -= _ROW_PAD
    sheet.painter.rule(LEFT, RIGHT, sheet.y, RULE)


def _flow(sheet: Sheet, cell: Element, texts: list[tuple[TextLine, float, Colour]]) -> None:
    """Lines of one cell, in runs of one size, over as many pages as they need."""
    start = 0
    while start < len(texts):
        _, size, colour = texts[start]
        sheet.need(size * LEADING)
        fits = max(1, int((sheet.y - BOTTOM) / (size * LEADING)))
        end = start
        while end < len(texts) and end - start < fits and texts[end][1] == size:
            end += 1
        sheet.y -= sheet.write(cell, LEFT, sheet.y, [text for text, _, _ in texts[start:end]], size, colour)
        start = end


def sums(document: InvoiceDocument, words: Words) -> list[tuple[str, str, str]]:
    """Label, amount and role (plain, total, good) of each row of the totals."""
    tag = document.locale
    contained = [tax for tax in document.taxes if any(contains(line, tax) for line in document.lines)]
    rows = [(words.before_tax if contained else words.subtotal, formats.amount(document.net, tag), "plain")]
    for tax in document.taxes:
        label = _tax_label(tax, words, tag)
        shown = words.contained.format(tax=label) if tax in contained else label
        rows.append((shown, formats.amount(tax.amount, tag), "plain"))
    if document.rounding:
        rows.append((words.rounding, formats.amount(document.rounding, tag), "plain"))
    rows.append((words.total, formats.amount(document.total, tag), "plain"))
    if document.kind is Kind.CREDIT_NOTE:
        rows.append((words.credited, formats.amount(-document.total, tag), "total"))
        return rows
    if document.credit_applied:
        rows.append((words.credit_applied, formats.amount(-document.credit_applied, tag), "plain"))
    owed = document.amount_due
    if document.paid_on:
        day = formats.long_date(document.paid_on, tag)
        rows.append((words.payment.format(date=day), formats.amount(-owed, tag), "good"))
        owed = owed - owed
    rows.append((words.amount_due, formats.amount(owed, tag), "total"))
    return rows


def _tax_label(tax: Tax, words: Words, tag: str) -> str:
    rate, base = formats.percent(tax.percent, tag), formats.amount(tax.base, tag)
    return words.tax.format(label=tax.label, percent=rate, base=base)


def draw_totals(sheet: Sheet, document: InvoiceDocument, words: Words) -> None:
    """The sums, kept together on one page."""
    rows = sums(document, words)
    sheet.need(len(rows) * 16 + 30)
    sheet.y -= 11
    table = sheet.tags.element("Table")
    left = LEFT + WIDTH * 0.42
    for label, amount, role in rows:
        size, bold = (TOTAL, True) if role == "total" else (BODY, False)
        if role == "total":
            sheet.y -= 4
            sheet.painter.rule(left, RIGHT, sheet.y, sheet.palette.brand, 1)
            sheet.y -= 5
        row = sheet.tags.element("TR", table)
        colour = GOOD if role == "good" else INK
        lines = sheet.lines(label, size, RIGHT - _AMOUNT_WIDTH - left, bold)
        head = sheet.tags.element("TH", row, ROW_HEADER)
        used = sheet.write(head, left, sheet.y, lines, size, colour if bold else MUTED, bold=bold)
        sheet.write(sheet.tags.element("TD", row), RIGHT, sheet.y, amount, size, colour, bold=bold, right=True)
        sheet.y -= used + 3
    sheet.y -= 14
