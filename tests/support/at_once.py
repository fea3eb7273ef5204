"""Two steps at once, on connections of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.database import transaction
from tests.support.waiting import until


def waiting() -> int | None:
    """How many connections wait for a lock, once there are any."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with transaction() as session:
        return session.scalar(text(query)) or None


@contextmanager
def waits_for(session: Session, step: Callable[[], str]) -> Iterator[Future[str]]:
    """Begins a step on another connection, and goes on once it waits for what `session` has locked. Its end is known
    after this session's."""
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(step)
        until(waiting, "the other step to wait for the lock")
        yield late
        session.commit()
