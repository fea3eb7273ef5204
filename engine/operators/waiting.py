"""What waits for a person, oldest first: changes whose next step is staff's or an operator's, rows that were given up,
money that belongs to nothing, money that a gateway took back, and events without sense.

Whom a change waits for says domain/next_steps.py, what was given up dead_letters.py; nothing is decided here anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain import next_steps
from domain.lifecycle import InboxStatus, Status
from engine.operators.dead_letters import dead_rows
from engine.operators.finding import rows_by_id, shown_for
from engine.operators.manual_payments import payments_of
from models.arrived_credit import ArrivedCredit
from models.customer import Customer, OfService, Service
from models.inbox import InboxEvent
from models.invoice import Invoice
from models.ledger import LedgerEntry
from models.outbox import OutboxMessage
from models.payment import Payment, PaymentAttempt, Refund, newest_returns
from models.pending_work import next_of
from models.plan_change import ChangeMove, PlanChange

# A list shows so many of each kind, the oldest first.
LISTED_MAX = 200


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that nobody but a person moves. `since` is machine time. `kind` is review, stuck, unmatched, returned,
    poison, or that of the row that was given up; `row` is the row that it is about, `shown` the id of that on whose
    page a person decides about it, `error` what was said last."""

    kind: str
    row: Any
    since: datetime
    shown: str
    customer: Customer | None = None
    service: Service | None = None
    error: str | None = None


def waiting_for_a_person(session: Session, provider_id: str) -> list[Waiting]:
    """All of a provider's, the oldest first."""
    found = [
        *_changes(session, provider_id),
        *_given_up(session, provider_id),
        *_unmatched(session, provider_id),
        *_returned(session, provider_id),
        *_poison(session, provider_id),
    ]
    return sorted(found, key=lambda one: one.since)


def _changes(session: Session, provider_id: str) -> Iterator[Waiting]:
    """One that waits because its payment was refused is told by the payment, which a person asks for anew."""
    since = (
        select(func.max(ChangeMove.recorded_at))
        .where(ChangeMove.change_id == PlanChange.id)
        .correlate(PlanChange)
        .scalar_subquery()
    )
    query = select(PlanChange, since).where(
        PlanChange.provider_id == provider_id,
        PlanChange.status.in_(sorted(next_steps.PLAN_CHANGE.waits_for(next_steps.PEOPLE) - {Status.INVOICED})),
        next_of(PlanChange, next_steps.PLAN_CHANGE).in_(next_steps.WAITS_FOR_PEOPLE),
    )
    for change, moved_at in session.execute(query.order_by(PlanChange.id).limit(LISTED_MAX)):
        kind = "review" if change.status == Status.AWAITING_REVIEW else "stuck"
        error = change.reason_text if kind == "stuck" else None
        yield Waiting(kind, change, moved_at, change.id, change.customer, change.service, error)


def _given_up(session: Session, provider_id: str) -> Iterator[Waiting]:
    found = list(dead_rows(session, provider_id))
    # Held until all are told, so that the session has them.
    about = _read_at_once(session, [row for _, row, _ in found])
    for kind, row, error in found:
        since = row.recorded_at if isinstance(row, InboxEvent) else row.created_at
        yield Waiting(kind, row, since, shown_for(session, row).id, *_whose(session, row), error)
    del about


def _read_at_once(session: Session, rows: list[Any]) -> list[Any]:
    """What they are about: the invoices of payments and refunds with their changes, and the subjects of mails."""
    bills = {row.invoice_id for row in rows if isinstance(row, PaymentAttempt)}
    bills |= {row.payment.invoice_id for row in rows if isinstance(row, Refund) and row.payment.invoice_id}
    invoices = rows_by_id(session, bills)
    changes = {invoice.change_id for invoice in invoices if invoice.change_id}
    return [*invoices, *rows_by_id(session, changes | {row.subject for row in rows if isinstance(row, OutboxMessage)})]


def _whose(session: Session, row: Any) -> tuple[Customer | None, Service | None]:
    """Customer and service of a row, as far as it has them."""
    if isinstance(row, Service):
        return row.customer, row
    if isinstance(row, OfService):
        return row.customer, row.service
    if isinstance(row, PaymentAttempt):
        return _whose(session, session.get_one(Invoice, row.invoice_id))
    if isinstance(row, OutboxMessage | ArrivedCredit):
        return row.customer, None
    if isinstance(row, Refund) and row.payment.invoice_id:
        return _whose(session, session.get_one(Invoice, row.payment.invoice_id))
    return None, None


def _unmatched(session: Session, provider_id: str) -> Iterator[Waiting]:
    query = payments_of(provider_id, unmatched=True).order_by(Payment.id).limit(LISTED_MAX)
    for payment in session.scalars(query):
        yield Waiting("unmatched", payment, payment.created_at, payment.id)


def _returned(session: Session, provider_id: str) -> Iterator[Waiting]:
    """Money that a gateway took back: a dispute runs, or nobody has decided yet who bears it."""
    claim = func.sum(LedgerEntry.amount_minor)
    query = (
        select(LedgerEntry.owner)
        .where(LedgerEntry.provider_id == provider_id, LedgerEntry.account == "returned")
        .group_by(LedgerEntry.owner)
        .having(claim > 0)
        .order_by(func.max(LedgerEntry.id).filter(LedgerEntry.amount_minor > 0))  # when money of it went back last
        .limit(LISTED_MAX)
    )
    invoices = session.scalars(select(Invoice).where(Invoice.id.in_(query))).all()
    newest = newest_returns(session, [invoice.id for invoice in invoices])
    for invoice in invoices:
        if (movement := newest.get(invoice.id)) is not None:
            shown = invoice.change_id or invoice.id
            yield Waiting("returned", invoice, movement.created_at, shown, invoice.customer, invoice.service)


def _poison(session: Session, provider_id: str) -> Iterator[Waiting]:
    query = select(InboxEvent).where(InboxEvent.provider_id == provider_id, InboxEvent.status == InboxStatus.POISON)
    for event in session.scalars(query.order_by(InboxEvent.id).limit(LISTED_MAX)):
        yield Waiting("poison", event, event.recorded_at, event.id, error=event.last_error)
