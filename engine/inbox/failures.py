"""Events that could not be processed: put off with growing pauses, given up in the end."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from engine.inbox.process import lock_event
from engine.jobs.external_call import machine_time
from models.inbox import OPEN_EVENTS
from models.pending_work import error_text

# About a day, with pauses of 10 s to 6 h.
FAILURES_BEFORE_DEAD = 12
_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 10.0, 6 * 3600.0


def put_off(error: Exception) -> Callable[[Session, datetime, str], str]:
    """The step after an event could not be processed: again after a growing pause, in the end `dead`."""

    def step(session: Session, now: datetime, event_id: str) -> str:
        event = lock_event(session, event_id)
        if event.status not in OPEN_EVENTS:
            return event.status
        event.failures += 1
        event.last_error = error_text(error)
        if event.failures >= FAILURES_BEFORE_DEAD:
            event.status, event.next_attempt_at = "dead", None
        else:
            event.status, event.next_attempt_at = "retry", machine_time(session) + retry_pause(event.failures)
        session.flush()
        return event.status

    return step


def retry_pause(failures: int) -> timedelta:
    """10 s, doubled with each failure up to 6 h, a quarter more or less so that what failed together does not come
    back together."""
    seconds = min(_FIRST_PAUSE_SECONDS * 2.0 ** (failures - 1), _LAST_PAUSE_SECONDS)
    return timedelta(seconds=seconds * random.uniform(0.75, 1.25))
