"""Payment returns: refunds, disputes, and payments that fail after they had succeeded.

Refunds are reported as sums, so that only what is new is recorded whatever the order. What goes back before its invoice
is settled was held for it; afterwards it is a claim (`returned`), paid from the customer's credit as far as there was
too much, and for the rest decided by the catalogue's policy in reversal.py. A dispute is decided when it is lost.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.lifecycle import PAYABLE, Status
from domain.money import Money
from engine import reversal
from engine.ledger import postings
from engine.payments import refunds
from gateways.protocol import EventKind, GatewayEvent
from models.inbox import InboxEvent
from models.invoice import Invoice
from models.ledger import returned_of
from models.payment import Payment, Refund, movements_of, pending_refunds, record_movement
from models.plan_change import PlanChange, lock_invoice

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

# The sale itself was undone, so its invoice needs no money any more.
_UNDONE = (Status.REVERSED, Status.COMPENSATED)


def process_return(session: Session, now: datetime, event: InboxEvent, gateway_event: GatewayEvent) -> list[str] | None:
    """Processes one such event. Returns the changes to enqueue; None if the payment it is about has not come yet."""
    payment = _payment_of(session, event, gateway_event)
    if payment is None:
        return None
    invoice = session.get(Invoice, payment.invoice_id) if payment.invoice_id else None
    change = lock_invoice(session, invoice) if invoice is not None else None
    session.refresh(payment, with_for_update={"of": Payment})
    if gateway_event.kind is EventKind.REFUND_FAILED:
        return _refund_failed(session, now, payment, gateway_event)
    if gateway_event.kind is EventKind.REFUND_SUCCEEDED:
        return _refunded(session, now, event, gateway_event, payment, change)
    if gateway_event.kind is EventKind.PAYMENT_LATE_FAILED:
        movement = _movement(session, event, gateway_event, payment, "late_failure", gateway_event.amount)
        return _post_return(session, now, movement, payment, change, final=True) if movement else []
    return _disputed(session, now, event, gateway_event, payment, change)


def _payment_of(session: Session, event: InboxEvent, gateway_event: GatewayEvent) -> Payment | None:
    """The payment that came under this name, or for this attempt of ours."""
    payments = select(Payment).where(Payment.connection_id == event.connection_id, Payment.kind == "payment")
    payment = session.scalar(payments.where(Payment.gateway_object == gateway_event.gateway_ref))
    if payment is None and gateway_event.reference is not None:
        payment = session.scalar(payments.where(Payment.attempt_id == gateway_event.reference))
    return payment


def _refund_failed(session: Session, now: datetime, payment: Payment, gateway_event: GatewayEvent) -> list[str]:
    for refund in pending_refunds(session, payment):
        if refund.gateway_ref == gateway_event.gateway_object:
            refunds.fail_refund(session, now, refund, "The gateway could not refund.")
    return []


def _refunded(
    session: Session,
    now: datetime,
    event: InboxEvent,
    gateway_event: GatewayEvent,
    payment: Payment,
    change: PlanChange | None,
) -> list[str]:
    """What is new in the sum confirms refunds of ours first; the rest was refunded at the gateway by somebody."""
    known = sum(movement.amount_minor for movement in movements_of(session, payment, "refund"))
    new = gateway_event.amount.amount - known
    for refund in _named_first(pending_refunds(session, payment), gateway_event.gateway_object):
        if refund.amount_minor <= new:
            refunds.confirm_refund(session, now, refund)
            new -= refund.amount_minor
    if new <= 0:
        return []
    amount = Money(new, payment.currency)
    movement = _movement(
        session,
        event,
        gateway_event,
        payment,
        "refund",
        amount,
        f"{gateway_event.gateway_ref}:{gateway_event.amount.amount}",
    )
    return _post_return(session, now, movement, payment, change, final=True) if movement else []


def _named_first(pending: list[Refund], gateway_object: str) -> list[Refund]:
    return sorted(pending, key=lambda refund: refund.gateway_ref != gateway_object)


def _disputed(
    session: Session,
    now: datetime,
    event: InboxEvent,
    gateway_event: GatewayEvent,
    payment: Payment,
    change: PlanChange | None,
) -> list[str]:
    """A decision implies that the dispute was opened, whether that was reported or not."""
    opened = _movement(session, event, gateway_event, payment, "dispute", gateway_event.amount)
    if opened is not None:
        _post_return(session, now, opened, payment, change, final=False)
    invoice = session.get(Invoice, payment.invoice_id) if payment.invoice_id else None
    if gateway_event.kind is EventKind.DISPUTE_WON:
        won = _movement(session, event, gateway_event, payment, "dispute_won", gateway_event.amount)
        if won is not None and invoice is not None:
            postings.win_dispute(session, invoice, won, f"clearing:{payment.connection.adapter}", now)
    if gateway_event.kind is EventKind.DISPUTE_LOST:
        lost = _movement(session, event, gateway_event, payment, "dispute_lost", gateway_event.amount)
        if lost is not None and invoice is not None:
            return _decide(session, now, lost, payment, invoice, change)
    return []


def _post_return(
    session: Session, now: datetime, movement: Payment, payment: Payment, change: PlanChange | None, final: bool
) -> list[str]:
    clearing = f"clearing:{payment.connection.adapter}"
    if payment.outcome == "unmatched" or payment.invoice_id is None:
        postings.return_unmatched(session, movement, f"unmatched:{payment.connection.adapter}", clearing, now)
        return []
    if payment.outcome == "held" and change is not None and change.status in PAYABLE:
        postings.return_held(session, change, movement, clearing, now)
        return []
    invoice = session.get_one(Invoice, payment.invoice_id)
    postings.return_settled(session, invoice, movement, clearing, now)
    return _decide(session, now, movement, payment, invoice, change) if final else []


def _decide(
    session: Session,
    now: datetime,
    movement: Payment,
    payment: Payment,
    invoice: Invoice,
    change: PlanChange | None,
) -> list[str]:
    """What was too much was credit, and is taken from there; what the invoice needed is the policy's matter."""
    claim = returned_of(session, invoice.id, invoice.currency)
    stands = invoice.settled_at is not None and (change is None or change.status not in _UNDONE)
    needed = Money(invoice.due_minor if stands else 0, invoice.currency)
    kept = reversal.net_received(session, invoice)
    too_much = kept + claim - needed
    credit = postings.credit_of(session, invoice.provider_id, invoice.customer_id, invoice.currency)
    taken = max(Money.zero(invoice.currency), min(movement.amount, claim, too_much, credit))
    postings.take_returned_from_credit(session, invoice, movement, taken, now)
    if taken == claim:
        return []
    return reversal.answer_return(session, now, change, invoice)


def _movement(
    session: Session,
    event: InboxEvent,
    gateway_event: GatewayEvent,
    payment: Payment,
    kind: str,
    amount: Money,
    gateway_object: str | None = None,
) -> Payment | None:
    """The movement's row; None if it is recorded already."""
    return record_movement(
        session,
        payment.connection_id,
        gateway_object or gateway_event.gateway_object,
        kind,
        provider_id=payment.provider_id,
        of_payment_id=payment.id,
        attempt_id=payment.attempt_id,
        invoice_id=payment.invoice_id,
        amount_minor=amount.amount,
        currency=payment.currency,
        outcome="returned",
        paid_at=gateway_event.occurred_at,
        event_id=event.id,
    )
