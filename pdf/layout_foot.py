"""What follows the totals (next renewal, how to pay, notes), and the footer of every page."""

import re

from pdf import formats
from pdf.sheet import Sheet
from pdf.style import BODY, FOOTER_RULE, FOOTER_TEXT, LABEL, LEADING, LEFT, MUTED, RIGHT, RULE, WIDTH
from pdf.values import InvoiceDocument, Kind
from pdf.words import Words

_WEB_ADDRESS = re.compile(r"https?://\S+")
_MEASURE = WIDTH * 0.78  # a line of more than some 90 characters is hard to follow


def draw_afterwords(sheet: Sheet, document: InvoiceDocument, words: Words) -> None:
    """Each with a small heading; left out where there is nothing to say."""
    if document.next_renewal:
        day, price = document.next_renewal
        sentence = words.renewal_sentence.format(
            date=formats.long_date(day, document.locale), price=formats.amount(price, document.locale)
        )
        _paragraphs(sheet, words.renewal, [sentence])
    if document.payment_instructions and document.amount_due and not document.paid_on:
        _paragraphs(sheet, words.how_to_pay, document.payment_instructions.splitlines())
    notes = [*document.notes]
    if document.kind is Kind.PROFORMA:
        notes.append(words.proforma_note)
    notes += [tax.reason for tax in document.taxes if tax.reason]
    if notes:
        _paragraphs(sheet, words.notes, notes)


def _paragraphs(sheet: Sheet, heading: str, paragraphs: list[str]) -> None:
    section = sheet.tags.element("Sect")
    sheet.need(LABEL * LEADING + BODY * LEADING + 10)
    sheet.y -= sheet.write(sheet.tags.element("H2", section), LEFT, sheet.y, heading, LABEL, MUTED, bold=True) + 2
    for paragraph in paragraphs:
        owner = sheet.tags.element("P", section)
        addresses = [address.rstrip(".,;)") for address in _WEB_ADDRESS.findall(paragraph)]
        for line in sheet.lines(paragraph, BODY, _MEASURE):
            sheet.need(BODY * LEADING)
            if addresses:
                sheet.write_linked(owner, LEFT, sheet.y, line, addresses)
                sheet.y -= BODY * LEADING
            else:
                sheet.y -= sheet.write(owner, LEFT, sheet.y, [line], BODY)
    sheet.y -= 10


def draw_footers(sheet: Sheet, document: InvoiceDocument, words: Words) -> None:
    """Seller on the left, page x of y on the right, on every page; pagination artifacts."""
    seller = document.seller
    facts = [seller.name, words.tax_id.format(number=seller.tax_id) if seller.tax_id else "", seller.email or ""]
    left = document.brand.footer or " · ".join([fact for fact in facts if fact])
    pages = len(sheet.painter.pages)
    for index in range(pages):
        with sheet.painter.on_page(index):
            sheet.painter.rule(LEFT, RIGHT, FOOTER_RULE, RULE)
            page = words.page.format(page=index + 1, pages=pages)
            room = WIDTH - sheet.width(page, LABEL) - 20
            sheet.write(None, LEFT, FOOTER_TEXT + LABEL, sheet.lines(left, LABEL, room)[:2], LABEL, MUTED)
            sheet.write(None, RIGHT, FOOTER_TEXT + LABEL, page, LABEL, MUTED, right=True)
