"""A gateway event becomes money in the ledger, once, in whatever order events come.

Each movement of money is recorded under the key (connection, gateway's object, kind). Money for an open offer is held
for it; late or second money is credit; money that fits nothing is unmatched, and shown to operators. Payment returns
are in returns.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from domain.lifecycle import (
    ENDED,
    EXPIRABLE,
    PAYABLE,
    PAYMENT_ATTEMPT,
    UNRESOLVED_ATTEMPT,
    AttemptStatus,
    Event,
    InvoiceStatus,
    ServiceStatus,
    Status,
)
from domain.money import Money
from engine import expiry, late_payment
from engine.inbox import returns, slow_money
from engine.inbox.ownership import PaymentTarget, is_ours, target_of
from engine.inbox.reports import PaymentReport
from engine.ledger import postings
from engine.ledger.open_claims import open_claim_on
from engine.ledger.postings import MoneySource
from engine.notifications import notices
from engine.payments.attempts import close_attempts
from gateways.protocol import EventKind, GatewayEvent
from models.inbox import InboxEvent, instant_of
from models.invoice import Invoice
from models.ledger import receivable_of
from models.moves import move
from models.payment import Payment, PaymentAttempt, attempt_on_its_way, record_movement
from models.plan_change import PlanChange, lock_invoice


@dataclass(frozen=True, slots=True)
class Allocated:
    """Whether the event was allocated, and the ids of the changes that may move on."""

    found: bool
    changes: tuple[str, ...] = ()


def allocate_event(
    session: Session, now: datetime, event: InboxEvent, gateway_event: GatewayEvent, last_attempt: bool
) -> Allocated:
    """Allocates one event. What matches nothing may come again; at the last attempt money of ours is recorded as
    unmatched."""
    if gateway_event.kind is EventKind.IGNORED:
        return Allocated(True)
    if gateway_event.kind in returns.KINDS:
        changes = returns.process_return(session, now, event, gateway_event, last_attempt)
        return Allocated(changes is not None, tuple(changes or ()))
    target = target_of(session, event, gateway_event)
    if target is None:
        ours = event.source == "operator" or is_ours(session, event, gateway_event)
        is_money = gateway_event.kind is EventKind.PAYMENT_SUCCEEDED
        if ours and is_money and (last_attempt or event.source == "operator"):
            _record_unmatched(session, now, event, gateway_event, None)
            return Allocated(True)
        return Allocated(ours and not is_money)
    change = lock_invoice(session, target.invoice)
    if target.attempt is not None:
        session.refresh(target.attempt, with_for_update={"of": PaymentAttempt})
    at = instant_of(session, event, gateway_event.occurred_at)
    report = PaymentReport(event, gateway_event, target, change, at)
    is_money = gateway_event.kind is EventKind.PAYMENT_SUCCEEDED
    if is_money and not last_attempt and _too_early(session, report):
        return Allocated(False)
    changes = [change.id] if change is not None else []
    if change is not None and change.status in EXPIRABLE:
        change.schedule_now()
    if is_money:
        changes += _record_payment(session, now, report)
    if target.attempt is not None:
        _move_attempt(session, now, target.attempt, report)
    return Allocated(True, tuple(changes))


def allocate(
    session: Session,
    now: datetime,
    payment: Payment,
    invoice: Invoice,
    change: PlanChange | None,
    in_time: bool,
    source: MoneySource,
) -> list[str]:
    """Allocates money: held for an open offer, paid on what is owed or has gone back, else credit. Returns the changes
    to enqueue."""
    payment.invoice_id = invoice.id
    if change is not None and in_time and change.status in PAYABLE:
        payment.outcome = "held"
        postings.hold_payment(session, change, payment, source, now)
        return [change.id]
    if change is None or receivable_of(session, invoice) or open_claim_on(session, invoice):
        payment.outcome = "renewal"
        _pay_bill(session, now, invoice, payment, source)
        return []
    waits = attempt_on_its_way(session, invoice.id) is not None and not change.deadline_passed
    if not in_time and change.status in EXPIRABLE and not change.covered and not waits:
        # Its time was over before the sweep could say so: late money is not a second payment.
        expiry.end_unpaid(session, change, Event.EXPIRE, Status.EXPIRED, now, reason="not_paid_in_time")
    payment.outcome = "credited"
    postings.credit_payment(session, invoice.customer_id, payment, source, now)
    if change.status not in ENDED or change.status in (Status.APPLIED, Status.REVERSED, Status.COMPENSATED):
        notices.write(session, change, "paid_twice")
        return []
    newer = late_payment.change_from_late_money(session, now, change, payment)
    notices.write(session, change, "late_payment_used" if newer else "late_payment_credited")
    return [newer] if newer else []


def new_payment(
    session: Session, event: InboxEvent, gateway_event: GatewayEvent, target: PaymentTarget | None, outcome: str
) -> Payment | None:
    """The payment's row; None if this movement of money is recorded already."""
    return record_movement(
        session,
        event.connection_id,
        gateway_event.gateway_object,
        "payment",
        provider_id=event.provider_id,
        attempt_id=target.attempt.id if target and target.attempt else None,
        invoice_id=target.invoice.id if target else None,
        amount_minor=gateway_event.amount.amount,
        currency=gateway_event.amount.currency,
        outcome=outcome,
        paid_at=gateway_event.occurred_at,
        event_id=event.id,
    )


# What an event about a payment does to its attempt. Nothing undoes a success, and a late decline does not reopen a
# closed attempt: a move that the machine does not have is not made.
_MOVES = {
    EventKind.PAYMENT_SUCCEEDED: ("succeed", AttemptStatus.SUCCEEDED, None),
    EventKind.PAYMENT_FAILED: ("fail", AttemptStatus.FAILED, "the payment was declined"),
    EventKind.PAYMENT_CANCELED: ("cancel", AttemptStatus.CANCELED, None),
    EventKind.PAYMENT_PENDING: ("pend", AttemptStatus.PENDING, None),
    EventKind.PAYMENT_ACTION_REQUIRED: ("require_action", AttemptStatus.ACTION_REQUIRED, None),
}


def _move_attempt(session: Session, now: datetime, attempt: PaymentAttempt, report: PaymentReport) -> None:
    gateway_event, kind = report.gateway_event, report.gateway_event.kind
    attempt.gateway_ref = attempt.gateway_ref or gateway_event.gateway_ref
    if kind is EventKind.PAYMENT_PENDING and not _sets_out(session, now, attempt, report):
        return
    if kind not in _MOVES:
        return
    event, target, error = _MOVES[kind]
    if (attempt.status, event, target) not in PAYMENT_ATTEMPT.moves:
        return
    attempt.error = error
    attempt.failed_at = gateway_event.occurred_at if kind is EventKind.PAYMENT_FAILED else None
    was_on_its_way = attempt.money_on_its_way
    move(session, attempt, event, target, now, actor="gateway", reason=error)
    session.flush()
    if was_on_its_way and kind in (EventKind.PAYMENT_FAILED, EventKind.PAYMENT_CANCELED):
        slow_money.did_not_come(session, attempt, report.change, report.at)
    elif kind is EventKind.PAYMENT_FAILED:
        slow_money.declined(session, attempt, report.change)


def _sets_out(session: Session, now: datetime, attempt: PaymentAttempt, report: PaymentReport) -> bool:
    """Its money is on its way; that of an attempt which had failed takes the place of what was begun since. False
    where one that had failed does not go on: then the report moves nothing."""
    if attempt.status == AttemptStatus.FAILED:
        if not slow_money.goes_on(session, attempt, report.gateway_event.occurred_at):
            return False
        close_attempts(session, now, attempt.invoice)
        slow_money.set_out(session, attempt, report.change, report.at)
    elif attempt.pending_since is None and attempt.status in UNRESOLVED_ATTEMPT:
        slow_money.set_out(session, attempt, report.change, report.at)
    return True


def _record_payment(session: Session, now: datetime, report: PaymentReport) -> list[str]:
    event, gateway_event, target, change = report.event, report.gateway_event, report.target, report.change
    if gateway_event.amount.currency != target.invoice.currency:
        _record_unmatched(session, now, event, gateway_event, target)
        return []
    payment = new_payment(session, event, gateway_event, target, "")
    if payment is None:
        return []
    in_time = change is not None and slow_money.in_time(target.attempt, change, report.at)
    source = MoneySource("payment", f"clearing:{event.connection.adapter}")
    return allocate(session, now, payment, target.invoice, change, in_time, source)


def _too_early(session: Session, report: PaymentReport) -> bool:
    """Late money is allocated when its offer has ended: what was reported before it may have been in time, and another
    attempt that is being closed may have been paid."""
    change, target = report.change, report.target
    if change is None or change.status not in EXPIRABLE or slow_money.in_time(target.attempt, change, report.at):
        return False
    if change.covered or not change.deadline_passed:
        return False
    others = [attempt for attempt in expiry.closing(session, target.invoice) if attempt is not target.attempt]
    return bool(others) or expiry.unread_events(session, target.invoice, before=report.event.id)


def _pay_bill(session: Session, now: datetime, invoice: Invoice, payment: Payment, source: MoneySource) -> None:
    """A renewal's, or any of which something is owed again, or went back."""
    owed = receivable_of(session, invoice)
    gone = open_claim_on(session, invoice) if payment.amount > owed else Money.zero(owed.currency)
    postings.pay_bill(session, invoice, payment, source, owed, gone, now)
    if payment.amount >= owed:
        close_attempts(session, now, invoice, but=payment.attempt_id)
    if payment.amount >= owed and invoice.change_id is None and invoice.status is InvoiceStatus.OPEN:
        invoice.settle(now)
        service = invoice.service
        if service.status == ServiceStatus.PAST_DUE:
            move(session, service, "pay", ServiceStatus.ACTIVE, now, reason=f"paid:{invoice.id}")
    session.flush()


def _record_unmatched(
    session: Session, now: datetime, event: InboxEvent, gateway_event: GatewayEvent, target: PaymentTarget | None
) -> None:
    payment = new_payment(session, event, gateway_event, target, "unmatched")
    if payment is not None:
        adapter = event.connection.adapter
        postings.park_unmatched(session, payment, f"clearing:{adapter}", f"unmatched:{adapter}", now)
