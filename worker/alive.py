"""A worker writes down every few seconds which queues it takes from, so that a queue without one is not found out by
its customers."""

from __future__ import annotations

import logging
import time
from typing import Any

from celery.signals import heartbeat_sent, worker_ready

from models.database import engine
from models.heartbeat import beat
from worker.sent_at import signs_of_taking

EVERY_SECONDS = 10.0

log = logging.getLogger(__name__)


class _Signs:
    """Of this process."""

    queues: tuple[str, ...] = ()
    next_at = 0.0


def connect() -> None:
    worker_ready.connect(_ready)
    heartbeat_sent.connect(_sent)


def _ready(sender: Any, **_: Any) -> None:
    _Signs.queues = tuple(sender.app.amqp.queues.consume_from)
    _sent()


def _sent(**_: Any) -> None:
    now = time.monotonic()
    if not _Signs.queues or now < _Signs.next_at:
        return
    _Signs.next_at = now + EVERY_SECONDS
    try:
        # Each a statement of its own: nothing here belongs together, and nothing is lost with it.
        with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for queue in sorted(_Signs.queues):
                beat(connection, f"queue:{queue}")
            for name, details in signs_of_taking().items():
                beat(connection, name, **details)
    except Exception as error:  # the database is away; that is said elsewhere
        log.warning("no sign of life could be written: %s", type(error).__name__)
