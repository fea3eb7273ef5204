"""Money that takes its time: a customer has done their part, and the gateway will say later whether it came.

While it is on its way the offer's clock stands still, at most for the days that the catalogue gives and never beyond
the period that is paid for. If it does not come, the offer goes on for as long as was left when the money set out.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from domain.lifecycle import PAYABLE
from engine.notifications import notices
from engine.offers import OFFER_ENDS_BEFORE_PERIOD
from models.arrived_credit import note_arrival
from models.ledger import receivable_of
from models.payment import PaymentAttempt, attempt_on_its_way
from models.plan_change import PlanChange
from models.provider import catalog_of


def set_out(session: Session, attempt: PaymentAttempt, change: PlanChange | None, at: datetime) -> None:
    """Writes down since when the attempt's money is on its way, and until when its bill waits for it. What sets out
    after the offer's end is waited for by nobody."""
    attempt.pending_since = at
    invoice = attempt.invoice
    until = at + timedelta(days=catalog_of(session, invoice.provider).policies.pending_days_max)
    if change is None:
        attempt.pending_until = until
    elif change.payable_until is not None and at <= change.payable_until:
        until = min(until, change.service.period_end - OFFER_ENDS_BEFORE_PERIOD)
        attempt.pending_until = max(until, change.payable_until)


def goes_on(session: Session, attempt: PaymentAttempt, reported_at: datetime) -> bool:
    """Whether the money of an attempt that had failed is on its way, as of `reported_at` (the gateway's time): the
    payer took another means for the same payment, and no other attempt's money is on its way."""
    later = attempt.failed_at is not None and attempt.failed_at < reported_at
    return later and attempt_on_its_way(session, attempt.invoice_id) is None


def did_not_come(session: Session, attempt: PaymentAttempt, change: PlanChange | None, at: datetime) -> None:
    """The customer is told, and may pay again, or their credit does. An offer that waited goes on for the time that it
    had left."""
    if change is not None and change.status in PAYABLE and change.payable_until is not None:
        _give_back_time(attempt, change, change.payable_until, at)
    note_arrival(session, attempt.provider_id, attempt.invoice.customer_id, attempt.currency)
    _tell(session, attempt, change, "payment_did_not_come")


def declined(session: Session, attempt: PaymentAttempt, change: PlanChange | None) -> None:
    """The customer is told while they may still pay."""
    _tell(session, attempt, change, "payment_declined")


def _give_back_time(attempt: PaymentAttempt, change: PlanChange, payable_until: datetime, at: datetime) -> None:
    if attempt.pending_since is None or attempt.pending_until is None:
        return
    last = max(change.service.period_end - OFFER_ENDS_BEFORE_PERIOD, payable_until)
    stood_still = min(at, attempt.pending_until) - attempt.pending_since
    change.payable_until = min(payable_until + max(stood_still, timedelta(0)), last)


def _tell(session: Session, attempt: PaymentAttempt, change: PlanChange | None, event: str) -> None:
    """Once of each attempt, and of what may still be paid: an offer, or what is owed of a bill, also once more."""
    occasion = int(attempt.created_at.timestamp())
    if change is not None and change.status in PAYABLE:
        if not change.deadline_passed:
            notices.write(session, change, event, occasion)
    elif (owed := receivable_of(session, attempt.invoice)).amount > 0:
        notices.write(session, attempt.invoice, event, occasion, due=owed)


def in_time(attempt: PaymentAttempt | None, change: PlanChange, at: datetime) -> bool:
    """Whether money that came then came while the offer stood, or was waited for."""
    if change.payable_until is None:
        return False
    waited_until = attempt.pending_until if attempt is not None else None
    return at <= max(change.payable_until, waited_until or change.payable_until)
