"""Payment returns: refunds, disputes, and payments that fail after they had succeeded.

Refunds are in refund_events.py, what a return does in return_postings.py. A dispute is decided when it is lost.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from engine.inbox.refund_events import refund_failed, refunded
from engine.inbox.reports import ReturnReport
from engine.inbox.return_postings import decide, post_return, record_return, win_back
from gateways.protocol import EventKind, GatewayEvent
from models.inbox import InboxEvent, instant_of
from models.payment import Payment
from models.plan_change import lock_invoice

KINDS = frozenset(
    {
        EventKind.PAYMENT_LATE_FAILED,
        EventKind.REFUND_SUCCEEDED,
        EventKind.REFUND_FAILED,
        EventKind.DISPUTE_OPENED,
        EventKind.DISPUTE_WON,
        EventKind.DISPUTE_LOST,
    }
)


def process_return(
    session: Session, now: datetime, event: InboxEvent, gateway_event: GatewayEvent, last_attempt: bool
) -> list[str] | None:
    """Processes one such event. Returns the changes to enqueue; None if what it is about has not come yet."""
    payment = _payment_of(session, event, gateway_event)
    if payment is None:
        return None
    change = lock_invoice(session, payment.invoice) if payment.invoice is not None else None
    was_of = payment.invoice_id
    session.refresh(payment, with_for_update={"of": Payment})
    if payment.invoice_id != was_of:
        return None  # somebody matched it a moment ago: its invoice is locked first, the next time
    report = ReturnReport(event, gateway_event, payment, change, instant_of(session, event, gateway_event.occurred_at))
    if gateway_event.kind is EventKind.REFUND_FAILED:
        return refund_failed(session, now, report, last_attempt)
    if gateway_event.kind is EventKind.REFUND_SUCCEEDED:
        return refunded(session, now, report)
    if gateway_event.kind is EventKind.PAYMENT_LATE_FAILED:
        movement = record_return(session, report, "late_failure", gateway_event.amount)
        return post_return(session, now, movement, report, final=True) if movement else []
    return _disputed(session, now, report)


def _payment_of(session: Session, event: InboxEvent, gateway_event: GatewayEvent) -> Payment | None:
    """The payment that came under this name, or for this attempt of ours, with what it paid."""
    payments = select(Payment).where(Payment.connection_id == event.connection_id, Payment.kind == "payment")
    payments = payments.options(joinedload(Payment.invoice))
    payment = session.scalar(payments.where(Payment.gateway_object == gateway_event.gateway_ref))
    if payment is None and gateway_event.reference is not None:
        payment = session.scalar(payments.where(Payment.attempt_id == gateway_event.reference))
    return payment


def _disputed(session: Session, now: datetime, report: ReturnReport) -> list[str]:
    """A decision implies that the dispute was opened, whether that was reported or not."""
    kind, amount, invoice = report.gateway_event.kind, report.gateway_event.amount, report.payment.invoice
    opened = record_return(session, report, "dispute", amount)
    if opened is not None:
        post_return(session, now, opened, report, final=False)
    if kind is EventKind.DISPUTE_WON:
        won = record_return(session, report, "dispute_won", amount)
        if won is not None:
            return win_back(session, now, won, report)
    if kind is EventKind.DISPUTE_LOST:
        lost = record_return(session, report, "dispute_lost", amount)
        if lost is not None and invoice is not None and report.payment.outcome != "unmatched":
            return decide(session, now, lost, invoice, report.change)
    return []
