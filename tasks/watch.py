"""What waits in silence is said in the log, too: at most once a minute, by the web process that is asked whether it
is well: it runs when beat and workers do not."""

from __future__ import annotations

import logging
import time

from engine.audit.watch import Trouble, troubles
from models.database import transaction
from worker.app import QUEUES

EVERY_SECONDS = 60.0

log = logging.getLogger(__name__)


class _Told:
    at = -EVERY_SECONDS


def found() -> list[Trouble]:
    """All that is wrong now."""
    with transaction() as session:
        return troubles(session, QUEUES)


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
