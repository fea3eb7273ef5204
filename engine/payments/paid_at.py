"""When a change was paid for: the instant at which what came for it reached its total, by the gateway's own time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.pricing.quote_values import Quote
from models.inbox import InboxEvent
from models.invoice import Invoice
from models.ledger import paid_from_credit
from models.payment import Payment, gone_minor
from models.plan_change import PlanChange


def paid_at(session: Session, now: datetime, change: PlanChange, invoice: Invoice) -> datetime | None:
    """Business time of the payment with which the credit and the money of an unsettled change reached the total; credit
    that arrived later pays when it is used.

    None where nobody paid, as credit covered it or nothing was due.
    """
    held = Quote.from_json(change.quote or {}).credit_applied.amount
    if held >= invoice.total_minor:
        return None
    reached = None
    for instant, amount in sorted([*_payments(session, change, invoice), *paid_from_credit(session, invoice)]):
        if held >= invoice.total_minor:
            break
        held += amount
        reached = min(instant, now)
    return reached


def _payments(session: Session, change: PlanChange, invoice: Invoice) -> list[tuple[datetime, int]]:
    """What came and has not gone back, each with its instant: the gateway's, but ours where a sandbox's clock was
    moved, since a gateway knows the world's time only; what an operator records has the time that they wrote."""
    query = (
        select(Payment, InboxEvent)
        .outerjoin(InboxEvent, InboxEvent.id == Payment.event_id)
        .where(Payment.invoice_id == invoice.id, Payment.kind == "payment", Payment.outcome == "held")
    )
    moved_clock = change.provider.clock_at is not None
    found = []
    for payment, event in session.execute(query):
        gone = gone_minor(session, payment)
        ours = moved_clock and event is not None and event.source != "operator"
        if payment.amount_minor > gone:
            found.append((event.received_at if ours else payment.paid_at, payment.amount_minor - gone))
    return found
