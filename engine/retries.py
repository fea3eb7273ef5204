"""Events that could not be processed: put off with growing pauses, given up in the end, replayed by operators."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from engine.inbox import lock_event
from engine.outside import machine_time
from models.audit import record_action
from models.inbox import OPEN_EVENTS, InboxEvent
from models.provider import Provider
from models.rung import error_text

# About a day, with pauses of 10 s to 6 h.
FAILURES_BEFORE_DEAD = 12
_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 10.0, 6 * 3600.0


class UnknownEvent(Exception):
    """No such event of this provider."""

    def __init__(self, event_id: str) -> None:
        super().__init__(f"There is no event {event_id} in the inbox. See `planshift webhooks list`.")


def put_off(error: Exception) -> Callable[[Session, datetime, str], str]:
    """The step after an event could not be processed: again after a growing pause, in the end `dead`."""

    def step(session: Session, now: datetime, event_id: str) -> str:
        event = lock_event(session, event_id)
        if event.status not in OPEN_EVENTS:
            return event.status
        event.failures += 1
        event.ring_error = error_text(error)
        if event.failures >= FAILURES_BEFORE_DEAD:
            event.status, event.next_ring_at = "dead", None
        else:
            event.status, event.next_ring_at = "retry", machine_time(session) + retry_pause(event.failures)
        session.flush()
        return event.status

    return step


def retry_pause(failures: int) -> timedelta:
    """10 s, doubled with each failure up to 6 h, a quarter more or less so that what failed together does not come
    back together."""
    seconds = min(_FIRST_PAUSE_SECONDS * 2.0 ** (failures - 1), _LAST_PAUSE_SECONDS)
    return timedelta(seconds=seconds * random.uniform(0.75, 1.25))


def replay_event(session: Session, now: datetime, provider: Provider, event_id: str, by: tuple[str, str]) -> InboxEvent:
    """An operator, `by` (who, why), has an event processed again, whatever became of it. Raises UnknownEvent.

    Money that is booked is not booked again: its key stands in the payments.
    """
    required_event(session, provider, event_id)
    event = lock_event(session, event_id)
    record_action(session, provider.id, now, "webhook.replay", event.id, by, status_before=event.status)
    event.status, event.attempts, event.failures = "received", 0, 0
    event.ring_soon()
    session.flush()
    return event


def required_event(session: Session, provider: Provider, event_id: str) -> InboxEvent:
    """Raises UnknownEvent."""
    event = session.get(InboxEvent, event_id)
    if event is None or event.provider_id != provider.id:
        raise UnknownEvent(event_id)
    return event


def events_of(provider_id: str, status: str | None = None, conflicting: bool = False) -> Select[InboxEvent]:
    """A provider's events as a query; `status` attention means all that operators should look at."""
    query = select(InboxEvent).where(InboxEvent.provider_id == provider_id)
    if status == "attention":
        troubled = InboxEvent.status.in_(("retry", "poison", "dead"))
        query = query.where(or_(troubled, InboxEvent.conflicting))
    elif status is not None:
        query = query.where(InboxEvent.status == status)
    return query.where(InboxEvent.conflicting) if conflicting else query
