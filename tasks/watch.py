"""What waits in silence is said in the log, too: at most once a minute, by the web process that is asked whether it
is well: it runs when beat and workers do not."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

from redis import RedisError
from sqlalchemy import select

from engine.audit.watch import Trouble, troubles
from engine.notifications.smtp import SYSTEM as MAIL
from models.database import transaction
from models.provider import Connection, Provider
from worker.app import QUEUES
from worker.calls import FAILURES_TO_OPEN, OPEN_SECONDS, open_breakers

EVERY_SECONDS = 60.0

log = logging.getLogger(__name__)


class _Told:
    at = -EVERY_SECONDS


def found() -> list[Trouble]:
    """All that is wrong now."""
    with transaction() as session:
        rows = select(Connection.id, Provider.slug, Connection.kind, Connection.base_url).join(Provider)
        systems = {one: (slug, f"the {kind} at {url}") for one, slug, kind, url in session.execute(rows)}
        wrong = troubles(session, QUEUES)
    return [*wrong, *_left_alone(systems | {MAIL: ("", "the mail server")})]


def _left_alone(systems: dict[str, tuple[str, str]]) -> Iterator[Trouble]:
    """What no call is made to for a moment, because it has not answered."""
    try:
        paused = open_breakers(systems)
    except RedisError:  # the broker is away; that is said elsewhere
        return
    for one in paused:
        slug, name = systems[one]
        sentence = f"Calls to {name} are paused: {FAILURES_TO_OPEN} in a row had no answer."
        yield Trouble("calls_paused", slug, f"{sentence} It is tried again every {OPEN_SECONDS} s, by itself.")


def tell_troubles() -> None:
    """Looks, and logs what it finds, where that was not done just now."""
    if time.monotonic() - _Told.at >= EVERY_SECONDS:
        tell(found())


def tell(what: list[Trouble]) -> None:
    """One line each."""
    if time.monotonic() - _Told.at >= EVERY_SECONDS:
        _Told.at = time.monotonic()
        for one in what:
            log.warning("%s %s: %s", one.kind, one.subject, one.sentence)
