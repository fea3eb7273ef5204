"""Every string that a reader should find on a document, written by Babel and the values, not by our own formatter."""

import re
from decimal import Decimal

from babel import Locale
from babel.dates import format_date, format_interval
from babel.numbers import format_currency

from domain.money import Money
from pdf.values import InvoiceDocument, Kind
from pdf.words import WORDS, Words


def shown(money: Money, locale: str) -> str:
    return re.sub(r"(?<=[A-Z])(?=\d)", "\u00a0", format_currency(Decimal(money.major()), money.currency, locale=locale))


def strings(document: InvoiceDocument) -> list[str]:
    """Whitespace is the reader's affair."""
    locale = document.locale.replace("-", "_")
    words = WORDS[locale[:2]]
    found = [words.titles[document.kind], document.label, words.issued, format_date(document.issued_on, "long", locale)]
    found += [words.description, words.amount, *_parties(document, words, locale)]
    if document.supply:
        found += [words.period, format_interval(*document.supply, "yMMMd", locale=locale)]
    for plan in filter(None, (document.before, document.after)):
        found += [plan.plan, plan.cycle, shown(plan.price, locale)]
    for line in document.lines:
        if line.kind == "included_tax":
            continue
        found += [line.description, line.arithmetic, shown(line.amount, locale)]
        if line.period:
            found.append(format_interval(*line.period, "yMMMd", locale=locale))
    found += _sums(document, words, locale)
    if document.payment_instructions and document.amount_due and not document.paid_on:
        found += document.payment_instructions.splitlines()
    return [text for text in found if text]


def _parties(document: InvoiceDocument, words: Words, locale: str) -> list[str]:
    found = []
    for label, party in ((words.seller, document.seller), (words.buyer, document.buyer)):
        found += [label, party.name, *party.address, party.tax_id or "", party.email or ""]
        found.append(Locale.parse(locale).territories[party.country])
    return found


def _sums(document: InvoiceDocument, words: Words, locale: str) -> list[str]:
    contained = any(line.kind == "included_tax" for line in document.lines)
    found = [words.before_tax if contained else words.subtotal, shown(document.net, locale)]
    found += [words.total, shown(document.total, locale)]
    for tax in document.taxes:
        found += [tax.label, shown(tax.base, locale), shown(tax.amount, locale)]
        found += [words.contained.removeprefix("{tax}")] if contained else []
    if document.kind is not Kind.CREDIT_NOTE:
        found += [words.amount_due, shown(document.amount_due, locale)]
    if document.next_renewal:
        found += [words.renewal, format_date(document.next_renewal[0], "long", locale)]
    return found


def squeezed(text: str) -> str:
    """Without white space and invisible characters."""
    return re.sub(r"[\s\u200b\xad]+", "", text)
