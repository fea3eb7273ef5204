"""A change ends before any money was settled: canceled, superseded or expired. The old plan is untouched.

Whatever was held for it becomes spendable credit, and payments still open at the gateway are closed there; money
that comes in all the same is credited by inbox/allocation.py.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.lifecycle import CANCELABLE, EXPIRABLE, OVER, UNDECIDED, UNPAID, Event, Status
from engine.ledger import postings
from engine.notifications import notices
from engine.payments.attempts import close_attempts
from models.customer import Service
from models.inbox import InboxEvent
from models.invoice import Invoice
from models.moves import move
from models.payment import PaymentAttempt, unresolved_attempts
from models.plan_change import PlanChange, lock_change, scheduled_change


class NotCancelable(Exception):
    """The change has gone too far, or is over."""

    def __init__(self, change: PlanChange) -> None:
        super().__init__(
            f"{change.id} is {change.status} and cannot be canceled any more."
            " Only a change that is not paid yet, or one that is scheduled, can be."
        )


def cancel_change(session: Session, now: datetime, change_id: str, actor: str) -> Status:
    """Cancels a change that is unpaid or scheduled; canceled twice is canceled. Raises NotCancelable."""
    change = lock_change(session, change_id)
    if change.status == Status.CANCELED:
        return Status.CANCELED
    if change.status not in CANCELABLE:
        raise NotCancelable(change)
    end_unpaid(session, change, Event.CANCEL, Status.CANCELED, now, actor=actor, reason=f"canceled_by_{actor}")
    return Status.CANCELED


def expire_change(session: Session, now: datetime, change_id: str) -> Status:
    """Ends an offer that was not paid in time.

    First every attempt is closed at the gateway, which may report that the money has come after all, and no event
    about it may be unread: until then the change stays, and the sweep comes back. What is paid for is settled instead.
    """
    change = lock_change(session, change_id)
    if change.status not in EXPIRABLE or not change.deadline_passed or change.covered:
        return Status(change.status)
    invoice = change.invoice
    if invoice is not None:
        close_attempts(session, now, invoice)
        session.flush()
        if closing(session, invoice) or unread_events(session, invoice):
            return Status(change.status)
    end_unpaid(session, change, Event.EXPIRE, Status.EXPIRED, now, reason="not_paid_in_time")
    return Status.EXPIRED


def end_unpaid(
    session: Session,
    change: PlanChange,
    event: Event,
    target: Status,
    now: datetime,
    actor: str = "system",
    reason: str | None = None,
) -> None:
    """Ends a locked change for which nothing was settled: held money → credit, invoice void, attempts → canceling. The
    customer is told."""
    move(session, change, event, target, now, actor, reason)
    change.reason = change.reason or reason
    held = postings.held_for(session, change, change.service.currency)
    postings.release_held(session, change, held, now)
    invoice = change.invoice
    if invoice is not None:
        invoice.void(now)
        close_attempts(session, now, invoice)
    notices.write(session, change, target.value, why=reason)


def cancel_open_changes(session: Session, now: datetime, service: Service, actor: str, reason: str) -> list[str]:
    """The service is no longer active: what is unpaid ends, and with a service that is over what was scheduled. Returns
    the ids of what was canceled."""
    return _cancel(session, now, service, actor, reason, CANCELABLE if service.status in OVER else UNPAID)


def cancel_scheduled(session: Session, now: datetime, service: Service, actor: str, reason: str) -> list[str]:
    """What was promised for the renewal cannot be had any more. Returns its id."""
    return _cancel(session, now, service, actor, reason, frozenset({Status.SCHEDULED}))


def _cancel(
    session: Session, now: datetime, service: Service, actor: str, reason: str, statuses: frozenset[Status]
) -> list[str]:
    query = select(PlanChange.id).where(PlanChange.service_id == service.id, PlanChange.status.in_(statuses))
    canceled = []
    for change_id in session.scalars(query.order_by(PlanChange.id)).all():
        change = lock_change(session, change_id)
        if change.status in statuses:
            end_unpaid(session, change, Event.CANCEL, Status.CANCELED, now, actor, reason)
            canceled.append(change.id)
    return canceled


def closing(session: Session, invoice: Invoice) -> list[PaymentAttempt]:
    """Attempts whose gateway has not said yet how they end. Money that it cannot stop is waited for no longer."""
    return [attempt for attempt in unresolved_attempts(session, invoice.id) if not attempt.outlasts]


def unread_events(session: Session, invoice: Invoice, before: str | None = None) -> bool:
    """Whether an event about this invoice's attempts (one that is older than `before`) is not processed yet.

    The body names the attempt by its id; to look for it as text errs on the side of waiting.
    """
    attempt_ids = session.scalars(select(PaymentAttempt.id).where(PaymentAttempt.invoice_id == invoice.id)).all()
    waiting = select(InboxEvent.id).where(
        InboxEvent.provider_id == invoice.provider_id, InboxEvent.status.in_(UNDECIDED)
    )
    if before is not None:
        waiting = waiting.where(InboxEvent.id < before)
    return any(
        session.scalar(waiting.where(func.strpos(func.encode(InboxEvent.body, "escape"), attempt_id) > 0).limit(1))
        for attempt_id in attempt_ids
    )


def supersede_scheduled(session: Session, now: datetime, newer: PlanChange) -> None:
    """A scheduled change makes room for a newer one that is certain: paid, or scheduled itself."""
    older = scheduled_change(session, newer.service_id)
    if older is not None and older.id != newer.id:
        older = lock_change(session, older.id)
        end_unpaid(session, older, Event.SUPERSEDE, Status.SUPERSEDED, now, reason=f"superseded_by:{newer.id}")
