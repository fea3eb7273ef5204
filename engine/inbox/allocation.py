"""A fact that a gateway told becomes money in the ledger, once, in whatever order facts come.

Each movement of money is booked under the key (connection, gateway's object, kind). Money for an open offer is held
for it; late or second money is credit; money that fits nothing is unmatched, and shown to operators. What goes back
again is in returned.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.lifecycle import ENDED, EXPIRABLE, PAYABLE, Status
from engine import late_payment
from engine.inbox import returns
from engine.ledger import postings
from engine.ledger.postings import Arrival
from engine.notifications import notices
from gateways.protocol import EventKind, GatewayEvent
from models.base import new_id
from models.customer import lock_service
from models.inbox import InboxEvent
from models.invoice import Invoice
from models.ledger import receivable_of
from models.payment import Payment, PaymentAttempt
from models.plan_change import PlanChange, lock_change
from models.provider import Provider


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether the fact found its place, and the ids of the changes that may move on."""

    found: bool
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """What a payment pays: an invoice, by an attempt of ours unless it came by itself."""

    invoice: Invoice
    attempt: PaymentAttempt | None


def take_in(session: Session, now: datetime, event: InboxEvent, fact: GatewayEvent, last_look: bool) -> Taken:
    """Books one fact. What matches nothing may come again; at the last look money is booked as unmatched."""
    if fact.kind is EventKind.IGNORED:
        return Taken(True)
    if fact.kind in returns.KINDS:
        changes = returns.take_back(session, now, event, fact)
        return Taken(changes is not None, tuple(changes or ()))
    place = _place_of(session, event, fact)
    if place is None:
        is_money = fact.kind is EventKind.PAYMENT_SUCCEEDED
        if is_money and (last_look or event.source == "operator"):
            _book_unmatched(session, now, event, fact, None)
            return Taken(True)
        return Taken(not is_money)
    change = lock_for(session, place.invoice)
    if place.attempt is not None:
        session.refresh(place.attempt, with_for_update={"of": PaymentAttempt})
    changes = [change.id] if change is not None else []
    if change is not None and change.status in EXPIRABLE:
        change.ring_soon()
    if fact.kind is EventKind.PAYMENT_SUCCEEDED:
        changes += _book_payment(session, now, event, fact, place, change)
    if place.attempt is not None:
        _move_attempt(session, place.attempt, fact)
    return Taken(True, tuple(changes))


def lock_for(session: Session, invoice: Invoice) -> PlanChange | None:
    """The locks of everything that touches an invoice's money: the service first, then the change if it has one."""
    if invoice.change_id is not None:
        return lock_change(session, invoice.change_id)
    lock_service(session, invoice.service_id)
    return None


def place_money(
    session: Session,
    now: datetime,
    payment: Payment,
    invoice: Invoice,
    change: PlanChange | None,
    in_time: bool,
    arrival: Arrival,
) -> list[str]:
    """Puts money where it belongs: held for an open offer, paid on a renewal, else credit. Returns changes to ring."""
    payment.invoice_id = invoice.id
    if change is None:
        payment.outcome = "renewal"
        _pay_renewal(session, now, invoice, payment, arrival)
        return []
    if in_time and change.status in PAYABLE:
        payment.outcome = "held"
        postings.hold_payment(session, change, payment, arrival, now)
        return [change.id]
    payment.outcome = "credited"
    postings.credit_payment(session, invoice.customer_id, payment, arrival, now)
    if change.status not in ENDED or change.status in (Status.APPLIED, Status.REVERSED, Status.COMPENSATED):
        notices.write(session, change, "paid_twice")
        return []
    newer = late_payment.change_from_late_money(session, now, change, payment)
    notices.write(session, change, "late_payment_used" if newer else "late_payment_credited")
    return [newer] if newer else []


def new_payment(
    session: Session, event: InboxEvent, fact: GatewayEvent, place: Place | None, outcome: str
) -> Payment | None:
    """The payment's row; None if this movement of money is booked already."""
    payment_id = session.execute(
        insert(Payment)
        .values(
            id=new_id("mny"),
            provider_id=event.provider_id,
            connection_id=event.connection_id,
            gateway_object=fact.gateway_object,
            kind="payment",
            attempt_id=place.attempt.id if place and place.attempt else None,
            invoice_id=place.invoice.id if place else None,
            amount_minor=fact.amount.amount,
            currency=fact.amount.currency,
            outcome=outcome,
            paid_at=fact.occurred_at,
            event_id=event.id,
        )
        .on_conflict_do_nothing(index_elements=["connection_id", "gateway_object", "kind"])
        .returning(Payment.id)
    ).scalar_one_or_none()
    return session.get_one(Payment, payment_id) if payment_id else None


def _place_of(session: Session, event: InboxEvent, fact: GatewayEvent) -> Place | None:
    """By our own reference, else by the gateway's, always within the account that signed; an operator names the
    invoice itself."""
    ours = select(PaymentAttempt).where(PaymentAttempt.connection_id == event.connection_id)
    if event.source == "operator":
        invoice = session.get(Invoice, fact.reference) if fact.reference else None
        if invoice is None or invoice.provider_id != event.provider_id:
            return None
        latest = ours.where(PaymentAttempt.invoice_id == invoice.id).order_by(PaymentAttempt.id.desc()).limit(1)
        return Place(invoice, session.scalar(latest))
    attempt = None
    if fact.reference is not None:
        attempt = session.scalar(ours.where(PaymentAttempt.id == fact.reference))
    if attempt is None:
        attempt = session.scalar(ours.where(PaymentAttempt.gateway_ref == fact.gateway_ref))
    return Place(attempt.invoice, attempt) if attempt is not None else None


def _move_attempt(session: Session, attempt: PaymentAttempt, fact: GatewayEvent) -> None:
    """Attempts only move forward: nothing undoes a success, and a late decline does not reopen a closed attempt."""
    if attempt.status == "succeeded":
        return
    if fact.kind is EventKind.PAYMENT_SUCCEEDED:
        attempt.status = "succeeded"
    elif fact.kind is EventKind.PAYMENT_FAILED:
        attempt.status, attempt.error = "failed", "the payment was declined"
    elif fact.kind is EventKind.PAYMENT_CANCELED:
        attempt.status = "canceled"
    elif fact.kind is EventKind.PAYMENT_ACTION_REQUIRED and attempt.status in ("creating", "open"):
        attempt.status = "action_required"
    if attempt.gateway_ref is None:
        attempt.gateway_ref = fact.gateway_ref
    if attempt.status in ("succeeded", "failed", "canceled"):
        attempt.rest()
    session.flush()


def _book_payment(
    session: Session, now: datetime, event: InboxEvent, fact: GatewayEvent, place: Place, change: PlanChange | None
) -> list[str]:
    if fact.amount.currency != place.invoice.currency:
        _book_unmatched(session, now, event, fact, place)
        return []
    payment = new_payment(session, event, fact, place, "")
    if payment is None:
        return []
    in_time = change is not None and _in_time(session, event, fact, change)
    arrival = Arrival("payment", f"clearing:{event.connection.adapter}")
    return place_money(session, now, payment, place.invoice, change, in_time, arrival)


def _in_time(session: Session, event: InboxEvent, fact: GatewayEvent, change: PlanChange) -> bool:
    """Paid while the offer stood: by the gateway's time, but by ours where a sandbox's clock was moved."""
    if change.payable_until is None:
        return False
    moved_clock = session.get_one(Provider, change.provider_id).clock_at is not None
    return (event.received_at if moved_clock else fact.occurred_at) <= change.payable_until


def _pay_renewal(session: Session, now: datetime, invoice: Invoice, payment: Payment, arrival: Arrival) -> None:
    owed = receivable_of(session, invoice.id, invoice.currency)
    postings.pay_renewal(session, invoice, payment, arrival, owed, now)
    if payment.amount >= owed and invoice.settled_at is None:
        invoice.settled_at = now
        service = invoice.service
        service.period_paid_minor = invoice.net_minor
        if service.status == "past_due":
            service.status = "active"
    session.flush()


def _book_unmatched(
    session: Session, now: datetime, event: InboxEvent, fact: GatewayEvent, place: Place | None
) -> None:
    payment = new_payment(session, event, fact, place, "unmatched")
    if payment is not None:
        adapter = event.connection.adapter
        postings.park_unmatched(session, payment, f"clearing:{adapter}", f"unmatched:{adapter}", now)
