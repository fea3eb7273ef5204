"""Lines and parties are frozen into an invoice row; its documents are printed from that row, once each.

A proforma is printed while there is something to pay; the invoice, or the credit note, once it has its number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from domain.lifecycle import Event, Status
from domain.money import Money
from domain.periods import Period
from domain.pricing.quote_values import Quote
from engine.invoicing.content import RESTATED, frozen_content, proforma_of
from models.base import new_id
from models.billed_item import numbers_of_items
from models.customer import Service
from models.ending import Ending
from models.invoice import Invoice
from models.moves import move
from models.plan_change import PlanChange, lock_change
from models.provider import catalog_of
from models.renewal import Renewal


def issue_invoice(session: Session, now: datetime, change_id: str) -> Status:
    """quoted → invoiced: who owes what to whom, and why, as it is at this moment."""
    change = lock_change(session, change_id)
    if change.status != Status.QUOTED or change.quote is None or change.payable_until is None:
        return Status(change.status)
    quote = Quote.from_json(change.quote)
    change.invoice = new_invoice(
        change,
        change.service,
        kind=_kind_of(quote),
        amounts=Amounts.of(quote),
        content=_content_of(session, change, quote),
        now=now,
        due_at=change.payable_until,
    )
    move(session, change, Event.ISSUE, Status.INVOICED, now)
    return Status.INVOICED


def restate(session: Session, change: PlanChange, invoice: Invoice, settled: Quote) -> None:
    """An invoice without a number says what is settled from now on. Parties stay; what its proforma said is kept."""
    stated = _content_of(session, change, settled)
    now_stated = {key: stated[key] for key in RESTATED}
    invoice.content = invoice.content | now_stated | {"proforma": proforma_of(invoice)}
    invoice.kind = _kind_of(settled)
    for name, amount in Amounts.of(settled).as_columns().items():
        setattr(invoice, name, amount)
    session.flush()


def _kind_of(quote: Quote) -> str:
    return "credit_note" if quote.total.amount < 0 else "invoice"


def _content_of(session: Session, change: PlanChange, quote: Quote) -> dict[str, Any]:
    content = frozen_content(
        catalog_of(session, change.provider),
        change.customer,
        lines=quote.lines,
        before=quote.from_,
        after=quote.to,
        supply=Period(quote.effective_at, quote.new_period.end),
        next_renewal=quote.next_renewal.as_json(),
        notes=list(quote.notes),
    )
    return content | {"corrects": _takes_from(session, quote)}


def _takes_from(session: Session, quote: Quote) -> str | None:
    """The numbers of all invoices that a credit note takes from; None on an invoice."""
    if quote.total.amount >= 0:
        return None
    numbers = numbers_of_items(session, [taken.item for taken in quote.taken if taken.net])
    return ", ".join(numbers) or None


@dataclass(frozen=True, slots=True)
class Amounts:
    """What an invoice comes to: total = net + tax + rounding; `due` is what remains to be paid after account credit."""

    net: Money
    tax: Money
    total: Money
    credit_applied: Money
    due: Money
    rounding: Money | None = None

    @classmethod
    def of(cls, quote: Quote) -> Amounts:
        """What a priced change comes to."""
        return cls(quote.net, quote.tax, quote.total, quote.credit_applied, quote.total_due_today, quote.rounding)

    def as_columns(self) -> dict[str, int]:
        """By the names of the row's columns, in minor units."""
        return {
            "net_minor": self.net.amount,
            "tax_minor": self.tax.amount,
            "rounding_minor": self.rounding.amount if self.rounding else 0,
            "total_minor": self.total.amount,
            "credit_applied_minor": self.credit_applied.amount,
            "due_minor": self.due.amount,
        }

    @classmethod
    def taking_back(cls, invoice: Invoice) -> Amounts:
        """The opposite of an invoice, with nothing to pay."""
        net, tax = Money(-invoice.net_minor, invoice.currency), Money(-invoice.tax_minor, invoice.currency)
        nothing = Money.zero(invoice.currency)
        return cls(net, tax, -invoice.total, nothing, nothing, Money(-invoice.rounding_minor, invoice.currency))


def new_invoice(
    cause: PlanChange | Renewal | Invoice | Ending,
    service: Service,
    *,
    kind: str,
    amounts: Amounts,
    content: dict[str, Any],
    now: datetime,
    due_at: datetime,
    settled_at: datetime | None = None,
) -> Invoice:
    """The row, in no session and without a number. It has one cause; an invoice as cause is the one it corrects."""
    return Invoice(
        id=new_id("inv"),
        provider_id=cause.provider_id,
        customer_id=service.customer_id,
        service=service,
        change_id=cause.id if isinstance(cause, PlanChange) else None,
        renewal_id=cause.id if isinstance(cause, Renewal) else None,
        corrects_id=cause.id if isinstance(cause, Invoice) else None,
        ending_id=cause.id if isinstance(cause, Ending) else None,
        kind=kind,
        currency=amounts.total.currency,
        **amounts.as_columns(),
        content=content,
        issued_at=now,
        due_at=due_at,
        settled_at=settled_at,
    )
