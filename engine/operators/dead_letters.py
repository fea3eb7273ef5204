"""Rows that were enqueued in vain and given up, payments that a gateway refused for good, and failed refunds of which a
person is asked: they stay untouched, with the last error, until a person retries them.

A paid change is not among them: it becomes `stuck`, since a customer waits for it (apply.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from domain.lifecycle import AttemptStatus, RefundStatus
from engine.jobs.work_kinds import WORK_KINDS, NoPendingWork, WorkKind, work_kind_of
from engine.notifications.notices import address_again
from engine.operators.failed_refunds import decide_refund
from engine.operators.replay import replay_event
from engine.payments.attempts import NothingToPay, attempt_after_refusal
from models.arrived_credit import ArrivedCredit
from models.audit import Attribution, record_action
from models.customer import Service
from models.ending import Ending
from models.inbox import InboxEvent
from models.invoice import Invoice
from models.outbox import OutboxMessage
from models.payment import PaymentAttempt, Refund
from models.plan_change import PlanChange
from models.provider import Provider

# A list shows so many of each kind, the oldest first.
LISTED_MAX = 200


class NotADeadLetter(Exception):
    """Only a row that was given up can be retried."""

    def __init__(self, row_id: str) -> None:
        super().__init__(
            f"{row_id} is no dead letter. `planshift dead-letters list` shows them all;"
            " a change that is stuck is tried again by `planshift changes retry`."
        )


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What waits for a person: `what` names no customer, `attempts` is how often it was enqueued in vain. `customer`
    is whom a mail did not reach."""

    id: str
    kind: str
    provider: str
    what: str
    attempts: int
    error: str | None
    customer: str | None = None


def dead_letters(session: Session, provider_id: str | None = None) -> list[DeadLetter]:
    """Of one provider, or of all of them."""
    return [
        DeadLetter(
            row.id,
            work.kind,
            slug,
            _what(row),
            row.attempts,
            _error_of(row),
            row.customer.name if isinstance(row, OutboxMessage) else None,
        )
        for work in WORK_KINDS
        for row, slug in _listed(session, work, _dead(work, work.row.id, provider_id))
    ]


def dead_rows(
    session: Session, provider_id: str, ids: list[str] | None = None
) -> Iterator[tuple[str, Any, str | None]]:
    """The rows themselves, with their kind and what went wrong last; with `ids`, those of them that were given up."""
    prefixes = None if ids is None else {one.partition("_")[0] for one in ids}
    for work in WORK_KINDS if prefixes is None else [work for work in WORK_KINDS if work.prefix in prefixes]:
        dead = _dead(work, work.row.id, provider_id)
        for row, _ in _listed(session, work, dead if ids is None else dead.where(work.row.id.in_(ids))):
            yield work.kind, row, _error_of(row)


def _error_of(row: Any) -> str | None:
    """What went wrong last: in trying, at the gateway, or on the page."""
    return row.last_error or getattr(row, "error", None) or getattr(row, "print_error", None)


def count_dead_letters(session: Session) -> int:
    return sum(session.scalar(_dead(work, func.count())) or 0 for work in WORK_KINDS)


def retry_dead_letter(
    session: Session, now: datetime, row_id: str, attribution: Attribution, provider_id: str | None = None
) -> str:
    """An operator gives a dead letter all its attempts again; a refused payment is asked for anew. Returns the id of
    the row that the caller enqueues. Raises NotADeadLetter."""
    try:
        work = work_kind_of(row_id)
    except NoPendingWork as error:
        raise NotADeadLetter(row_id) from error
    dead = _dead(work, work.row.id, provider_id).where(work.row.id == row_id)
    if session.scalar(dead.with_for_update(of=work.row)) is None:
        raise NotADeadLetter(row_id)
    row = session.get_one(work.row, row_id, populate_existing=True)
    if isinstance(row, InboxEvent):
        replay_event(session, now, session.get_one(Provider, row.provider_id), row_id, attribution)
        return row_id
    details = {"kind": work.kind, "attempts": row.attempts, "error": _error_of(row)}
    record_action(session, row.provider_id, now, "dead_letter.retry", row_id, attribution, **details)
    if isinstance(row, PaymentAttempt) and row.status == AttemptStatus.FAILED:
        return _ask_again(session, now, row)
    if isinstance(row, Refund) and row.status == RefundStatus.FAILED:
        provider = session.get_one(Provider, row.provider_id)
        return decide_refund(session, now, provider, row.id, "again", attribution).id
    if isinstance(row, OutboxMessage):
        address_again(session, row)
    if isinstance(row, Invoice):
        row.print_error = None
        if row.number is None and row.change_id is not None:
            session.flush()
            return row.change_id  # its proforma is printed by the change, which may have moved on
    row.schedule_now()
    session.flush()
    return row_id


def _ask_again(session: Session, now: datetime, attempt: PaymentAttempt) -> str:
    try:
        return attempt_after_refusal(session, now, attempt).id
    except NothingToPay as error:
        raise NotADeadLetter(attempt.id) from error


def _listed(session: Session, work: WorkKind, dead: Select[Any]) -> list[tuple[Any, str]]:
    """The oldest of these rows, each with the name of its provider."""
    ids = session.scalars(dead.order_by(work.row.id).limit(LISTED_MAX)).all()
    if not ids:
        return []
    rows = select(work.row, Provider.slug).join(Provider, Provider.id == work.row.provider_id)
    return [(row, slug) for row, slug in session.execute(rows.where(work.row.id.in_(ids)).order_by(work.row.id))]


def _dead(work: WorkKind, column: Any, provider_id: str | None = None) -> Select[Any]:
    query = select(column).select_from(work.row).join(Provider, Provider.id == work.row.provider_id)
    query = query.where(work.dead)
    return query.where(Provider.id == provider_id) if provider_id else query


def _what(row: Any) -> str:
    if isinstance(row, PlanChange):
        return f"{row.status}: {row.summary}"
    if isinstance(row, Service):
        return f"service {row.ref}: its period ends {row.period_end:%Y-%m-%d %H:%M} UTC"
    if isinstance(row, Ending):
        return f"{row.status}: service {row.service.ref} ended, and its host is to be told"
    if isinstance(row, Invoice):
        return f"{row.number}: its document, or the request to pay it"
    if isinstance(row, ArrivedCredit):
        return f"account credit in {row.currency}: whether it pays what is open"
    return _message(row)


def _message(row: Any) -> str:
    if isinstance(row, OutboxMessage):
        return f"{row.event} of {row.subject}"
    if isinstance(row, InboxEvent):
        return f"{row.source} {row.event_key}"
    return f"{row.status}: {row.amount.major()} {row.currency}"
