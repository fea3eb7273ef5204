"""Rows that were rung for in vain and given up: they rest untouched, with the last error, until a person rings again.

A paid change is not among them: it becomes `stuck`, since a customer waits for it (apply.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from engine.jobs.sweep import BELLS, Bell
from engine.operators.replay import replay_event
from models.audit import record_action
from models.customer import Service
from models.inbox import InboxEvent
from models.invoice import Invoice
from models.outbox import OutboxMessage
from models.plan_change import PlanChange
from models.provider import Provider

# A list shows so many of each kind, the oldest first.
LISTED_MAX = 200


class NotADeadLetter(Exception):
    """Only a row that was given up can be rung for again."""

    def __init__(self, row_id: str) -> None:
        super().__init__(
            f"{row_id} is no dead letter. `planshift dead-letters list` shows them all;"
            " a change that is stuck is tried again by `planshift changes retry`."
        )


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What waits for a person: `what` names no customer, `rings` is how often it was rung for in vain."""

    id: str
    kind: str
    provider: str
    what: str
    rings: int
    error: str | None


def dead_letters(session: Session, provider_id: str | None = None) -> list[DeadLetter]:
    """Of one provider, or of all of them."""
    return [
        DeadLetter(row.id, bell.kind, slug, _what(row), row.rings, row.ring_error or getattr(row, "error", None))
        for bell in BELLS
        for row, slug in session.execute(
            _dead(bell, bell.row, Provider.slug, provider_id=provider_id).order_by(bell.row.id).limit(LISTED_MAX)
        )
    ]


def count_dead_letters(session: Session) -> int:
    return sum(session.scalar(_dead(bell, func.count())) or 0 for bell in BELLS)


def ring_again(
    session: Session, now: datetime, row_id: str, by: tuple[str, str], provider_id: str | None = None
) -> None:
    """An operator, `by` (who, why), gives a dead letter its rings back; the caller rings. Raises NotADeadLetter."""
    bell = bell_of(row_id)
    dead = _dead(bell, bell.row, provider_id=provider_id).where(bell.row.id == row_id)
    row = session.scalar(dead.with_for_update(of=bell.row))
    if row is None:
        raise NotADeadLetter(row_id)
    if isinstance(row, InboxEvent):
        replay_event(session, now, session.get_one(Provider, row.provider_id), row_id, by)
        return
    details = {"kind": bell.kind, "rings": row.rings, "error": row.ring_error}
    record_action(session, row.provider_id, now, "dead_letter.ring", row_id, by, **details)
    row.ring_soon()
    session.flush()


def bell_of(row_id: str) -> Bell:
    """The kind of a row, by its id. Raises NotADeadLetter for what is never rung for."""
    for bell in BELLS:
        if row_id.startswith(f"{bell.prefix}_"):
            return bell
    raise NotADeadLetter(row_id)


def _dead(bell: Bell, *columns: Any, provider_id: str | None = None) -> Select[Any]:
    query = select(*columns).select_from(bell.row).join(Provider, Provider.id == bell.row.provider_id)
    query = query.where(bell.dead)
    return query.where(Provider.id == provider_id) if provider_id else query


def _what(row: Any) -> str:
    if isinstance(row, PlanChange):
        return f"{row.status}: {row.summary}"
    if isinstance(row, Service):
        return f"service {row.ref}: its period ends {row.period_end:%Y-%m-%d %H:%M} UTC"
    if isinstance(row, Invoice):
        return f"{row.number}: its document, or the request to pay it"
    if isinstance(row, OutboxMessage):
        return f"{row.event} of {row.change_id}"
    if isinstance(row, InboxEvent):
        return f"{row.source} {row.event_key}"
    return f"{row.status}: {row.amount.major()} {row.currency}"
