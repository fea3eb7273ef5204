"""Gateway events as operators see them: listed, and processed again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from domain.lifecycle import InboxStatus
from engine.jobs.retention import ContentsDeleted
from models.audit import Attribution, record_action
from models.inbox import InboxEvent
from models.moves import move
from models.provider import Provider, locked_row


class UnknownEvent(Exception):
    """No such event of this provider."""

    def __init__(self, event_id: str) -> None:
        super().__init__(f"There is no event {event_id} in the inbox. See `planshift webhooks list`.")


def replay_event(
    session: Session, now: datetime, provider: Provider, event_id: str, attribution: Attribution
) -> InboxEvent:
    """An operator has an event processed again, whatever became of it. Raises UnknownEvent, ContentsDeleted.

    Money that is recorded is not recorded again: its key is in the payments.
    """
    required_event(session, provider, event_id)
    event = locked_row(session, InboxEvent, event_id)
    if not event.body:
        raise ContentsDeleted(event.id)
    record_action(session, provider.id, now, "webhook.replay", event.id, attribution, status_before=event.status)
    event.match_attempts = event.failures = 0
    move(session, event, "replay", InboxStatus.RECEIVED, now)
    session.flush()  # when it is tried next the database says
    return event


def required_event(session: Session, provider: Provider, event_id: str) -> InboxEvent:
    """Raises UnknownEvent."""
    event = session.get(InboxEvent, event_id)
    if event is None or event.provider_id != provider.id:
        raise UnknownEvent(event_id)
    return event


def events_of(provider_id: str, status: str | None = None, conflicting: bool = False) -> Select[InboxEvent]:
    """A provider's events as a query; `status` attention means all that operators should look at, foreign those of
    other applications on the same account."""
    query = select(InboxEvent).where(InboxEvent.provider_id == provider_id)
    if status == "attention":
        troubled = InboxEvent.status.in_((InboxStatus.RETRY, InboxStatus.POISON, InboxStatus.DEAD))
        query = query.where(or_(troubled, InboxEvent.conflicting))
    elif status == "foreign":
        query = query.where(InboxEvent.foreign)
    elif status is not None:
        query = query.where(InboxEvent.status == status)
    return query.where(InboxEvent.conflicting) if conflicting else query
