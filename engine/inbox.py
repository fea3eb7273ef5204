"""A gateway's event becomes money in the ledger, once, in whatever order events come.

The door only writes events down. Here one is read, matched with its attempt, and booked under the key (account,
gateway object, kind); what matches nothing yet is parked and looked at again, and in the end shown to operators.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.lifecycle import PAYABLE
from domain.money import Money
from domain.periods import parse_instant
from engine import notices, postings
from engine.outside import machine_time, pause_after
from gateways.protocol import EventKind, GatewayEvent, NotUnderstood
from gateways.registry import GATEWAYS
from models.base import new_id
from models.customer import lock_service
from models.invoice import Invoice
from models.ledger import receivable_of
from models.payment import InboxEvent, Payment, PaymentAttempt
from models.plan_change import PlanChange, lock_change
from models.provider import Connection, Provider

# A webhook can overtake the answer to our own request by seconds; after these looks the money is shown to operators.
LOOKS_BEFORE_UNMATCHED = 6

_FETCHED_KINDS = {
    "succeeded": EventKind.PAYMENT_SUCCEEDED,
    "failed": EventKind.PAYMENT_FAILED,
    "canceled": EventKind.PAYMENT_CANCELED,
}


def receive_event(session: Session, now: datetime, connection: Connection, event_key: str, body: bytes) -> str:
    """Writes a verified webhook down and returns its row's id. The same event again is counted, and the same key
    with other contents is flagged and never overwritten."""
    digest = hashlib.sha256(body).hexdigest()
    statement = insert(InboxEvent).values(
        id=new_id("evt"),
        provider_id=connection.provider_id,
        connection_id=connection.id,
        source="webhook",
        event_key=event_key,
        body=body,
        body_sha256=digest,
        received_at=now,
    )
    return session.execute(
        statement.on_conflict_do_update(
            index_elements=["connection_id", "event_key"],
            set_={
                "deliveries": InboxEvent.deliveries + 1,
                "conflicting": InboxEvent.conflicting | (InboxEvent.body_sha256 != digest),
            },
        ).returning(InboxEvent.id)
    ).scalar_one()


def process_event(session: Session, now: datetime, event_id: str) -> str | None:
    """Books one event; returns the id of the change that it moves on, if any. Processed twice is processed once."""
    event = session.execute(
        select(InboxEvent).where(InboxEvent.id == event_id).with_for_update(of=InboxEvent)
    ).scalar_one()
    if event.status not in ("received", "parked"):
        return None
    try:
        told = _read(event)
    except NotUnderstood as error:
        event.status, event.error, event.next_at = "poison", str(error), None
        return None
    event.attempts += 1
    last_look = event.attempts >= LOOKS_BEFORE_UNMATCHED
    matched = [_take_in(session, now, event, fact, last_look) for fact in told]
    if all(done for done, _ in matched):
        event.status = "ignored" if all(fact.kind is EventKind.IGNORED for fact in told) else "processed"
        event.next_at = None
    else:
        event.status, event.error = "parked", "no payment attempt of ours matches it yet"
        event.next_at = machine_time(session) + pause_after(event.attempts)
    session.flush()
    return next((change_id for _, change_id in matched if change_id), None)


def _read(event: InboxEvent) -> list[GatewayEvent]:
    if event.source == "webhook":
        return GATEWAYS[event.connection.adapter].parse(event.body)
    told = json.loads(event.body)
    return [
        GatewayEvent(
            kind=_FETCHED_KINDS[told["status"]],
            gateway_object=told["gateway_ref"],
            gateway_ref=told["gateway_ref"],
            reference=told["reference"],
            amount=Money.from_json(told["amount"]),
            occurred_at=parse_instant(told["at"]),
        )
    ]


def _take_in(
    session: Session, now: datetime, event: InboxEvent, fact: GatewayEvent, last_look: bool
) -> tuple[bool, str | None]:
    """Whether the fact found its place, and the id of the change that it moves on."""
    if fact.kind is EventKind.IGNORED:
        return True, None
    attempt = _attempt_of(session, event, fact)
    if attempt is None:
        if fact.kind is EventKind.PAYMENT_SUCCEEDED and last_look:
            _book_unmatched(session, now, event, fact, None)
        return last_look or fact.kind is not EventKind.PAYMENT_SUCCEEDED, None
    invoice = attempt.invoice
    change = lock_change(session, invoice.change_id) if invoice.change_id else None
    if change is None:
        lock_service(session, invoice.service_id)
    session.refresh(attempt, with_for_update={"of": PaymentAttempt})
    if fact.kind is EventKind.PAYMENT_SUCCEEDED:
        _book_payment(session, now, event, fact, attempt, change)
    _move_attempt(session, attempt, fact)
    return True, invoice.change_id


def _attempt_of(session: Session, event: InboxEvent, fact: GatewayEvent) -> PaymentAttempt | None:
    """By our own reference, else by the gateway's; always within the account that signed."""
    ours = select(PaymentAttempt).where(PaymentAttempt.connection_id == event.connection_id)
    if fact.reference is not None:
        attempt = session.scalar(ours.where(PaymentAttempt.id == fact.reference))
        if attempt is not None:
            return attempt
    return session.scalar(ours.where(PaymentAttempt.gateway_ref == fact.gateway_ref))


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
        attempt.next_ring_at = None
    session.flush()


def _book_payment(
    session: Session,
    now: datetime,
    event: InboxEvent,
    fact: GatewayEvent,
    attempt: PaymentAttempt,
    change: PlanChange | None,
) -> None:
    invoice = attempt.invoice
    if fact.amount.currency != invoice.currency:
        _book_unmatched(session, now, event, fact, attempt)
        return
    in_time = change is not None and _in_time(session, event, fact, change)
    outcome = "held" if in_time else "renewal" if change is None else "credited"
    payment = _new_payment(session, event, fact, attempt, outcome)
    if payment is None:
        return
    clearing = f"clearing:{event.connection.adapter}"
    if change is None:
        _pay_renewal(session, now, invoice, payment, clearing)
    elif in_time:
        postings.hold_payment(session, change, payment, clearing, now)
    else:
        postings.credit_payment(session, invoice.customer_id, payment, clearing, now)
        notices.write(session, change, "late_payment_credited")


def _in_time(session: Session, event: InboxEvent, fact: GatewayEvent, change: PlanChange) -> bool:
    """Paid while the offer stood: by the gateway's time, but by ours where a sandbox's clock was moved."""
    if change.status not in PAYABLE or change.payable_until is None:
        return False
    moved_clock = session.get_one(Provider, change.provider_id).clock_at is not None
    return (event.received_at if moved_clock else fact.occurred_at) <= change.payable_until


def _pay_renewal(session: Session, now: datetime, invoice: Invoice, payment: Payment, clearing: str) -> None:
    owed = receivable_of(session, invoice.id, invoice.currency)
    postings.pay_renewal(session, invoice, payment, clearing, owed, now)
    if payment.amount >= owed and invoice.settled_at is None:
        invoice.settled_at = now
        service = invoice.service
        service.period_paid_minor = invoice.net_minor
        if service.status == "past_due":
            service.status = "active"
    session.flush()


def _book_unmatched(
    session: Session, now: datetime, event: InboxEvent, fact: GatewayEvent, attempt: PaymentAttempt | None
) -> None:
    payment = _new_payment(session, event, fact, attempt, "unmatched")
    if payment is not None:
        adapter = event.connection.adapter
        postings.park_unmatched(session, payment, f"clearing:{adapter}", f"unmatched:{adapter}", now)


def _new_payment(
    session: Session, event: InboxEvent, fact: GatewayEvent, attempt: PaymentAttempt | None, outcome: str
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
            attempt_id=attempt.id if attempt else None,
            invoice_id=attempt.invoice_id if attempt else None,
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
