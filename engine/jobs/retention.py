"""What grows for ever and decides nothing any more is kept for so many days, and then deleted: a batch of each kind at
a time, the oldest first, each found by an index.

Never deleted: invoices and their pages, the ledger, what was billed, histories, what people did, and keys of requests
with their answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, select, text, update
from sqlalchemy.orm import Session

from engine.jobs.external_call import machine_time
from models.inbox import WITH_BODY, InboxEvent
from models.invoice import StoredQuote
from models.outbox import WITH_WORDS, OutboxMessage
from models.plan_change import PlanChange
from models.rejected import RejectedMessage
from settings import settings

BATCH = 500


class ContentsDeleted(Exception):
    """What this row was about is not kept any more."""

    def __init__(self, row_id: str) -> None:
        super().__init__(
            f"{row_id} can no longer be repeated: its contents were deleted, after the days that a setting keeps them."
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind of contents: for how many days, which rows have any that are older, and what deletes those of a batch
    of them, by id."""

    name: str
    days: Callable[[], int]
    older_than: Callable[[datetime], Select[Any]]
    delete: Callable[[Session, list[str]], None]


def delete_old(session: Session, kept: Kept) -> int:
    """Deletes the oldest, at most a batch; returns how many rows were looked at. A row in somebody's hands is left for
    the next time."""
    before = machine_time(session) - timedelta(days=kept.days())
    query = kept.older_than(before).limit(BATCH).with_for_update(skip_locked=True)
    ids = list(session.scalars(query))
    if ids:
        kept.delete(session, ids)
    return len(ids)


def _bodies(before: datetime) -> Select[Any]:
    old = select(InboxEvent.id).where(text(WITH_BODY), InboxEvent.recorded_at < before)
    return old.order_by(InboxEvent.recorded_at)


def _delete_bodies(session: Session, ids: list[str]) -> None:
    """Its key and digest stay: the same event again is still the same."""
    _blank(session, InboxEvent, ids, body=b"", conflicting_body=None)


def _words(before: datetime) -> Select[Any]:
    return (
        select(OutboxMessage.id).where(text(WITH_WORDS), OutboxMessage.sent_at < before).order_by(OutboxMessage.sent_at)
    )


def _delete_words(session: Session, ids: list[str]) -> None:
    """That it was sent, and about what, stays: nothing is told twice."""
    _blank(session, OutboxMessage, ids, recipient="", values={})


def _quotes(before: datetime) -> Select[Any]:
    old = select(StoredQuote.id).where(text("NOT taken"), StoredQuote.created_at < before)
    return old.order_by(StoredQuote.created_at)


def _delete_quotes(session: Session, ids: list[str]) -> None:
    """Those that a request has accepted are marked, and not looked at again."""
    taken = set(session.scalars(select(PlanChange.accepted_quote_id).where(PlanChange.accepted_quote_id.in_(ids))))
    _blank(session, StoredQuote, sorted(filter(None, taken)), taken=True)
    _delete(session, StoredQuote, [one for one in ids if one not in taken])


def _rejected(before: datetime) -> Select[Any]:
    return select(RejectedMessage.id).where(RejectedMessage.recorded_at < before).order_by(RejectedMessage.recorded_at)


def _delete_rejected(session: Session, ids: list[str]) -> None:
    _delete(session, RejectedMessage, ids)


def _blank(session: Session, row: Any, ids: list[str], **values: Any) -> None:
    session.execute(update(row).where(row.id.in_(ids)).values(values).execution_options(synchronize_session=False))


def _delete(session: Session, row: Any, ids: list[str]) -> None:
    session.execute(delete(row).where(row.id.in_(ids)).execution_options(synchronize_session=False))


KEPT = (
    Kept("event bodies", lambda: settings().keep_event_bodies_days, _bodies, _delete_bodies),
    Kept("mails", lambda: settings().keep_mails_days, _words, _delete_words),
    Kept("quotes", lambda: settings().keep_quotes_days, _quotes, _delete_quotes),
    Kept("rejected messages", lambda: settings().keep_rejected_days, _rejected, _delete_rejected),
)
