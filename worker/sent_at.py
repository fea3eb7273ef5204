"""When a message was sent: written on every message of ours, and noted by the worker that takes it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, ClassVar

from celery.signals import before_task_publish

# Of every message of ours: seconds since 1970 when it was sent.
SENT_AT = "sent_at"


def connect() -> None:
    """From now on, messages of this process say when they were sent."""
    before_task_publish.connect(_stamp)


def _stamp(headers: dict[str, Any], **_: Any) -> None:
    headers[SENT_AT] = time.time()


class _LastTaken:
    """By this process: for each queue, when the last message that it took was sent."""

    at: ClassVar[dict[str, float]] = {}


def note_taken(message: Any) -> None:
    """In a worker, of each message that it takes."""
    sent_at = message.headers.get(SENT_AT)
    if instant_of(sent_at) is not None:
        _LastTaken.at[message.delivery_info["routing_key"]] = sent_at


def signs_of_taking() -> dict[str, dict[str, float]]:
    """{name of a sign of life: its details}, of what was taken since the last call. Only RabbitMQ needs them."""
    taken, _LastTaken.at = _LastTaken.at, {}
    return {sign_of(queue): {SENT_AT: at} for queue, at in taken.items()}


def sign_of(queue: str) -> str:
    """The name of the sign of life that says what was taken from a queue."""
    return f"taken:{queue}"


def instant_of(seconds: Any) -> datetime | None:
    """What a stranger put there says nothing."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return None
