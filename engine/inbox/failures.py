"""Events that could not be processed: put off with growing pauses, given up in the end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from domain.lifecycle import UNDECIDED, InboxStatus
from engine.inbox.process import try_later
from engine.jobs.external_call import retry_at
from gateways.protocol import GatewayNotAsked, NotAtGateway
from models.inbox import InboxEvent
from models.moves import move
from models.pending_work import error_text
from models.provider import locked_row

# About a day, with pauses of 10 s to 6 h.
FAILURES_BEFORE_DEAD = 12
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 10.0, 6 * 3600.0


def put_off(error: Exception) -> Callable[[Session, datetime, str], str]:
    """The step after an event could not be processed: again after a growing pause, in the end `dead`; at once where the
    gateway does not know the payment that the event is about. A call that was not made is no failure."""

    def step(session: Session, now: datetime, event_id: str) -> str:
        event = locked_row(session, InboxEvent, event_id)
        if event.status not in UNDECIDED:
            return event.status
        if isinstance(error, GatewayNotAsked):
            at = retry_at(session, event.attempts, FIRST_PAUSE_SECONDS, asked_seconds=error.retry_after)
            try_later(session, now, event, InboxStatus.RETRY, at, error_text(error))
            return event.status
        event.failures += 1
        if event.failures >= FAILURES_BEFORE_DEAD or isinstance(error, NotAtGateway):
            move(session, event, "give_up", InboxStatus.DEAD, now)
            event.last_error = error_text(error)
            session.flush()
            return event.status
        at = retry_at(session, event.failures - 1, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        try_later(session, now, event, InboxStatus.RETRY, at, error_text(error))
        return event.status

    return step
