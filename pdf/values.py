"""What a document says: plain frozen values, checked for agreement before anything is drawn.

Amounts are Money in whole minor units of one currency per document. Dates are calendar days in the provider's
time zone. All sentences that the caller passes in (descriptions, arithmetic, payment instructions, notes) are
already in the customer's language; the words of the form itself come from pdf/words.py.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from domain.money import Money
from domain.texts import UnfitText, check_party


class Kind(StrEnum):
    """Which of the three documents it is."""

    PROFORMA = "proforma"
    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class InvalidDocument(ValueError):
    """The values of a document disagree with each other; correct the invoice row before it is printed."""


@dataclass(frozen=True, slots=True)
class Party:
    """Seller or buyer. `address` holds the lines as they stand on an envelope, without name and country."""

    name: str
    address: tuple[str, ...] = ()
    country: str = ""  # ISO 3166-1 alpha-2
    tax_id: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class PrintedPlan:
    """A plan as the customer knows it: its name, its billing cycle in words, its price for one cycle."""

    plan: str
    cycle: str
    price: Money


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the document. `amount` is net of tax; credits are negative.

    `quantity` and `unit_price` are shown when any line of the document has a quantity above one; quantity x unit price
    must be the amount (a credit has a negative quantity, never a negative price: EN 16931 rule BR-27).
    `period` is the first and the last day that the line pays for, both included. `tax_percent` names the Tax entry
    that applies; it may be left out while the document has only one.
    """

    description: str
    amount: Money
    arithmetic: str = ""
    kind: str = "charge"
    quantity: int = 1
    unit_price: Money | None = None
    period: tuple[date, date] | None = None
    tax_percent: str | None = None


@dataclass(frozen=True, slots=True)
class Tax:
    """Tax at one rate. `percent` is a decimal string ("10", "8.25"); `category` is the code of UNTDID 5305 (S standard,
    Z zero, E exempt, AE reverse charge, G export, K within the EU); `reason` explains every category but S and Z."""

    label: str
    percent: str
    base: Money
    amount: Money
    category: str = "S"
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Logo:
    """The provider's mark: an SVG of plain shapes, or a PNG. `alt` is read aloud in place of the picture."""

    data: bytes
    alt: str


@dataclass(frozen=True, slots=True)
class Brand:
    """How the provider looks. Colour is "#rrggbb"; too light a colour is used for rules only, never for text."""

    colour: str = "#1f3a93"
    logo: Logo | None = None
    footer: str = ""


@dataclass(frozen=True, slots=True)
class InvoiceDocument:
    """Everything that one page says, and `provider`, the id of whose document it is, for machines. See `checked` for
    what must agree.

    `number` is the legal number (None on a proforma, which shows `reference`). `supply` is the first and last day
    covered, both included. `amount_due` is what had to be paid after account credit: total - credit_applied, and zero
    on a credit note; `paid_on` says that it was paid. `rounding` is what the total was rounded by after tax; `corrects`
    names the invoices that a credit note takes from, with commas. `locale` is en, es, ja or hi; es-AR works too.
    """

    kind: Kind
    provider: str
    number: str | None
    reference: str
    issued_on: date
    locale: str
    seller: Party
    buyer: Party
    lines: tuple[Line, ...]
    net: Money
    taxes: tuple[Tax, ...]
    total: Money
    credit_applied: Money
    amount_due: Money
    due_on: date | None = None
    supply: tuple[date, date] | None = None
    before: PrintedPlan | None = None
    after: PrintedPlan | None = None
    paid_on: date | None = None
    next_renewal: tuple[date, Money] | None = None
    corrects: str | None = None
    payment_instructions: str | None = None
    notes: tuple[str, ...] = ()
    brand: Brand = Brand()
    rounding: Money | None = None

    @property
    def currency(self) -> str:
        return self.total.currency

    @property
    def label(self) -> str:
        """The number a reader would quote: the legal one, or the reference of a proforma."""
        return self.number or self.reference


def tax_of(document: InvoiceDocument, line: Line) -> Tax | None:
    """The tax that applies to a line: the one it names, or the only one there is; None on a document without tax."""
    if not document.taxes:
        return None
    if line.tax_percent is None and len(document.taxes) == 1:
        return document.taxes[0]
    for tax in document.taxes:
        if tax.percent == line.tax_percent:
            return tax
    raise InvalidDocument(f"{document.label}: “{line.description}” does not say which of the taxes applies to it")


def contains(line: Line, tax: Tax) -> bool:
    """Whether the line takes out what prices already hold of this tax: it adds up, and the sums say it."""
    named = line.tax_percent in (None, tax.percent)
    return line.kind == "included_tax" and named and bool(tax.amount) and line.amount == -tax.amount


def checked(document: InvoiceDocument) -> InvoiceDocument:
    """The same document, if its numbers agree; InvalidDocument (or the currency error of Money) if not."""
    zero = Money.zero(document.currency)
    if sum((line.amount for line in document.lines), zero) != document.net:
        raise InvalidDocument(f"{document.label}: the lines do not add up to the net amount")
    if sum((tax.amount for tax in document.taxes), document.net) + (document.rounding or zero) != document.total:
        raise InvalidDocument(f"{document.label}: net, tax and rounding do not add up to the total")
    owed = zero if document.kind is Kind.CREDIT_NOTE else document.total - document.credit_applied
    if owed != document.amount_due:
        raise InvalidDocument(f"{document.label}: total less credit is not the amount due")
    if document.kind is not Kind.PROFORMA and not document.number:
        raise InvalidDocument(f"{document.label}: an {document.kind} needs its legal number")
    if not document.lines:
        raise InvalidDocument(f"{document.label}: a document needs at least one line")
    _check_party(document.seller)
    _check_party(document.buyer)
    for line in document.lines:
        _check_line(document, line)
    return document


def _check_party(party: Party) -> None:
    """A page has room for so much; it is better to hear so when the customer is entered."""
    try:
        check_party(party.name, party.address)
    except UnfitText as error:
        raise InvalidDocument(f"{party.name[:60]!r}: {error}") from error


def _check_line(document: InvoiceDocument, line: Line) -> None:
    tax_of(document, line)
    price = line.unit_price
    if price is None:
        return
    if price.amount < 0:
        raise InvalidDocument(
            f"{document.label}: “{line.description}” has a negative price; make the quantity negative"
        )
    if (price.amount * line.quantity, price.currency) != (line.amount.amount, line.amount.currency):
        raise InvalidDocument(f"{document.label}: “{line.description}”: quantity x unit price is not the amount")
