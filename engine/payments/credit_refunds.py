"""Credit refunds: where the catalogue says so, a negative total goes back to the payments it came from, and no more."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.catalog import Catalog
from domain.money import Money
from domain.pricing.modes import CreditBecomes
from engine.payments.refunds import start_refund
from models.audit import Attribution
from models.customer import Service
from models.ending import Ending
from models.invoice import Invoice
from models.payment import Payment
from models.plan_change import PlanChange


def refundable_for(session: Session, catalog: Catalog, service: Service) -> Money | None:
    """What gateways can still refund of what was paid for a service; None where no rule refunds credit."""
    if not any(rule.proration and rule.proration.credit_becomes is CreditBecomes.REFUND for rule in catalog.rules):
        return None
    left = (payment.refundable for payment in _payments_for(session, service))
    return sum(left, Money.zero(service.currency))


def start_credit_refunds(session: Session, now: datetime, cause: PlanChange | Ending, amount: Money) -> None:
    """Starts the refunds of a settled credit note, newest payment first; it is taken from the customer's credit.

    What no payment can be refunded for any more stays there.
    """
    for payment in _payments_for(session, cause.service):
        part = min(amount, payment.refundable)
        if part:
            attribution = Attribution("system", f"the credit of {cause.id}")
            start_refund(session, now, cause.provider, payment.id, part, attribution)
            amount -= part
        if not amount:
            return


def _payments_for(session: Session, service: Service) -> list[Payment]:
    query = (
        select(Payment)
        .join(Invoice, Invoice.id == Payment.invoice_id)
        .where(Invoice.service_id == service.id, Payment.kind == "payment", Payment.outcome.in_(("held", "renewal")))
        .where(Payment.currency == service.currency)
    )
    return list(session.scalars(query.order_by(Payment.id.desc())))
