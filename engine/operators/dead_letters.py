"""Rows that were enqueued in vain and given up, payments that a gateway refused for good, and failed refunds of which a
person is asked: they stay untouched, with the last error, until a person retries them (dead_letter_retry.py).

A paid change is not among them: it becomes `stuck`, since a customer waits for it (apply.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from engine.jobs.work_kinds import WORK_KINDS, WorkKind
from models.arrived_credit import ArrivedCredit
from models.customer import Service
from models.ending import Ending
from models.inbox import InboxEvent
from models.invoice import Invoice
from models.outbox import OutboxMessage
from models.plan_change import PlanChange
from models.provider import Provider

# A list shows so many of each kind, the oldest first.
LISTED_MAX = 200


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
            error_of(row),
            row.customer.name if isinstance(row, OutboxMessage) else None,
        )
        for work in WORK_KINDS
        for row, slug in _listed(session, work, dead(work, work.row.id, provider_id))
    ]


def dead_rows(
    session: Session, provider_id: str, ids: list[str] | None = None
) -> Iterator[tuple[str, Any, str | None]]:
    """The rows themselves, with their kind and what went wrong last; with `ids`, those of them that were given up."""
    prefixes = None if ids is None else {one.partition("_")[0] for one in ids}
    for work in WORK_KINDS if prefixes is None else [work for work in WORK_KINDS if work.prefix in prefixes]:
        found = dead(work, work.row.id, provider_id)
        for row, _ in _listed(session, work, found if ids is None else found.where(work.row.id.in_(ids))):
            yield work.kind, row, error_of(row)


def error_of(row: Any) -> str | None:
    """What went wrong last: in trying, at the gateway, or on the page."""
    return row.last_error or getattr(row, "error", None) or getattr(row, "print_error", None)


def count_dead_letters(session: Session) -> int:
    return sum(session.scalar(dead(work, func.count())) or 0 for work in WORK_KINDS)


def _listed(session: Session, work: WorkKind, found: Select[Any]) -> list[tuple[Any, str]]:
    """The oldest of these rows, each with the name of its provider."""
    ids = session.scalars(found.order_by(work.row.id).limit(LISTED_MAX)).all()
    if not ids:
        return []
    rows = select(work.row, Provider.slug).join(Provider, Provider.id == work.row.provider_id)
    return [(row, slug) for row, slug in session.execute(rows.where(work.row.id.in_(ids)).order_by(work.row.id))]


def dead(work: WorkKind, column: Any, provider_id: str | None = None) -> Select[Any]:
    """The query of those of one kind."""
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
