"""From an invoice row to the values of a printed document: nothing is computed here, everything was frozen."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from domain.money import Money
from domain.periods import Period, parse_instant
from engine.invoicing.content import amounts_of
from engine.invoicing.printable import logo_bytes
from models.invoice import Invoice
from pdf.values import Brand, InvoiceDocument, Kind, Line, Logo, Party, PrintedPlan, Tax


def document_values(invoice: Invoice, kind: str) -> InvoiceDocument:
    """The proforma, invoice or credit note of a row, in the provider's zone and the customer's language."""
    content, amounts = _stated(invoice, kind)
    zone = ZoneInfo(content["timezone"])
    is_proforma = kind == "proforma"
    is_credit_note = kind == "credit_note"
    zero = Money.zero(invoice.currency)
    renewal = content["next_renewal"]
    return InvoiceDocument(
        kind=Kind(kind),
        provider=invoice.provider_id,
        number=None if is_proforma else invoice.number,
        reference=invoice.id,
        issued_on=_local_date(invoice.issued_at, zone) if is_proforma else _required(invoice.numbered_on),
        locale=content["locale"],
        seller=_party(content["seller"]),
        buyer=_party(content["buyer"]),
        lines=tuple(_line(line) for line in content["lines"]),
        net=amounts["net_minor"],
        taxes=tuple(_tax(tax) for tax in content["taxes"]),
        total=amounts["total_minor"],
        credit_applied=zero if is_credit_note else amounts["credit_applied_minor"],
        amount_due=zero if is_credit_note else amounts["due_minor"],
        due_on=_local_date(invoice.due_at, zone) if amounts["due_minor"] else None,
        supply=_days(Period.from_json(content["supply"]), zone),
        before=_plan(content["before"]),
        after=_plan(content["after"]),
        paid_on=_paid_on(invoice, kind, zone),
        next_renewal=_renewal(renewal, zone) if renewal else None,
        payment_instructions=content["payment_instructions"] if amounts["due_minor"] else None,
        corrects=content.get("corrects"),
        notes=tuple(content["notes"]),
        brand=_brand(content),
        rounding=amounts["rounding_minor"],
    )


def _stated(invoice: Invoice, kind: str) -> tuple[dict[str, Any], dict[str, Money]]:
    """Content and amounts. A proforma says what was asked, also after its invoice was settled for another price."""
    content, amounts = invoice.content, amounts_of(invoice)
    if kind == "proforma" and "proforma" in content:
        content, amounts = content | content["proforma"], {key: content["proforma"][key] for key in amounts}
    return content, {key: Money(amount, invoice.currency) for key, amount in amounts.items()}


def _paid_on(invoice: Invoice, kind: str, zone: ZoneInfo) -> date | None:
    """A change's invoice is paid when it gets its number; a renewal's only where credit paid for it at its issue:
    its document must not depend on when it is printed."""
    paid_at_issue = invoice.change_id is not None or invoice.due_minor == 0
    if kind != "invoice" or invoice.settled_at is None or not paid_at_issue:
        return None
    return _local_date(invoice.settled_at, zone)


def _brand(content: dict[str, Any]) -> Brand:
    logo = content.get("logo")
    picture = Logo(logo_bytes(logo), alt=content["seller"]["name"]) if logo else None
    return Brand(colour=content["colour"], logo=picture)


def _party(party: dict[str, Any]) -> Party:
    return Party(
        name=party["name"],
        address=tuple(party["address"]),
        country=party["country"],
        tax_id=party["tax_id"],
        email=party["email"],
    )


def _plan(plan: dict[str, Any] | None) -> PrintedPlan | None:
    return PrintedPlan(plan["plan"], plan["cycle"], Money.from_json(plan["price"])) if plan else None


def _line(line: dict[str, Any]) -> Line:
    return Line(
        description=line["description"],
        amount=Money.from_json(line["amount"]),
        arithmetic=line["arithmetic"],
        kind=line["kind"],
        # A line from before its rate was named has the only one that its document has.
        tax_percent=line.get("percent"),
    )


def _tax(tax: dict[str, Any]) -> Tax:
    return Tax(
        label=tax["label"],
        percent=tax["percent"],
        base=Money.from_json(tax["base"]),
        amount=Money.from_json(tax["amount"]),
        category=tax.get("category", "S"),
        reason=tax.get("reason"),
    )


def _renewal(renewal: dict[str, Any], zone: ZoneInfo) -> tuple[date, Money]:
    return _local_date(parse_instant(renewal["at"]), zone), Money.from_json(renewal["amount"])


def _days(period: Period, zone: ZoneInfo) -> tuple[date, date]:
    """The first and the last day covered, both included: a period's end belongs to the next one."""
    first = _local_date(period.start, zone)
    return first, max(first, _local_date(period.end, zone) - timedelta(days=1))


def _local_date(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


def _required(day: date | None) -> date:
    assert day is not None, "a numbered invoice has its date (check constraint number_has_a_date)"
    return day
