"""The invoice of the benchmark as plain strings, already formatted: what each peer sets in its own way.

Formatting is done once, outside the peers' clock; our own figure includes it.
"""

from dataclasses import dataclass, replace

from domain.money import Money
from pdf import formats
from pdf.layout_table import sums
from pdf.samples.documents import LANGUAGES, SUPPLY, build
from pdf.samples.stories import STORIES
from pdf.values import InvoiceDocument, Line, Party
from pdf.words import WORDS

__all__ = ["LANGUAGES", "Content", "content", "documents"]


@dataclass(frozen=True, slots=True)
class Content:
    """Five lines, two parties, the plan before and after, sums, afterwords."""

    language: str
    title: str
    seller: list[str]
    buyer: list[str]
    facts: list[tuple[str, str]]
    plans: list[tuple[str, str, str]]
    headline: tuple[str, str, str]
    header: list[str]
    rows: list[tuple[str, str, str, str, str]]
    totals: list[tuple[str, str]]
    afterwords: list[tuple[str, str]]
    footer: str
    page: str


def documents(language: str, serials: range) -> list[InvoiceDocument]:
    """Different invoices of five lines, each for another customer with other amounts."""
    story = STORIES[language]
    made = []
    for serial in serials:
        lines = tuple(
            _line(text, arithmetic, Money(abs(minor) + serial * (97 + index), story.currency), index)
            for index, (text, arithmetic, minor) in enumerate([*story.lines, *story.lines, story.lines[0]])
        )
        document = build(language, lines=lines, serial=serial)
        name = f"{story.buyer.name} {serial * 7919 % 10_007}"
        made.append(replace(document, buyer=replace(story.buyer, name=name)))
    return made


def _line(text: str, arithmetic: str, price: Money, index: int) -> Line:
    """One piece, one credit, three, one, seven."""
    quantity = (1, -1, 3, 1, 7)[index]
    amount = Money(price.amount * quantity, price.currency)
    return Line(text, amount, arithmetic, quantity=quantity, unit_price=price, period=SUPPLY)


def _party(party: Party, tag: str) -> list[str]:
    country = formats.locale_of(tag).territories[party.country]
    tax_id = [WORDS[tag].tax_id.format(number=party.tax_id)] if party.tax_id else []
    return [party.name, *party.address, country, *tax_id, party.email or ""]


def _rows(document: InvoiceDocument) -> list[tuple[str, str, str, str, str]]:
    tag = document.locale
    rows = []
    for line in document.lines:
        assert line.period is not None
        assert line.unit_price is not None
        small = f"{line.arithmetic}\n{formats.period(*line.period, tag)}"
        count, unit = formats.whole_number(line.quantity, tag), formats.amount(line.unit_price, tag)
        rows.append((line.description, small, count, unit, formats.amount(line.amount, tag)))
    return rows


def content(document: InvoiceDocument) -> Content:
    """The same strings that our layout puts on the page."""
    tag, words = document.locale, WORDS[document.locale]
    assert document.before is not None
    assert document.after is not None
    assert document.due_on is not None
    assert document.supply is not None
    assert document.next_renewal is not None
    plans = [
        (label, plan.plan, words.each_cycle.format(price=formats.amount(plan.price, tag), cycle=plan.cycle))
        for label, plan in ((words.before, document.before), (words.after, document.after))
    ]
    day, price = document.next_renewal
    return Content(
        language=tag,
        title=words.titles[document.kind],
        seller=[words.seller, *_party(document.seller, tag)],
        buyer=[words.buyer, *_party(document.buyer, tag)],
        headline=(words.paid, formats.amount(document.amount_due, tag), formats.long_date(document.issued_on, tag)),
        facts=[
            (words.number, document.label),
            (words.issued, formats.long_date(document.issued_on, tag)),
            (words.due, formats.long_date(document.due_on, tag)),
            (words.period, formats.period(*document.supply, tag)),
            (words.reference, document.reference),
        ],
        plans=plans,
        header=[words.description, words.quantity, words.unit_price, words.amount],
        rows=_rows(document),
        totals=[(label, amount) for label, amount, _ in sums(document, words)],
        afterwords=[(words.renewal, f"{formats.long_date(day, tag)}, {formats.amount(price, tag)}")],
        footer=f"{document.seller.name} · {document.seller.tax_id} · {document.seller.email}",
        page=words.page.format(page=1, pages=1),
    )
