"""How deep the queues are: how many messages wait in each, and since when."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from celery.signals import before_task_publish
from redis import Redis

from settings import settings

# Of every message of ours: seconds since 1970 when it was sent.
_SENT_AT = "sent_at"


@dataclass(frozen=True, slots=True)
class Depth:
    """`oldest` is when the message was sent that has waited longest: whatever was sent later still waits, too. None
    where none waits, or where it does not say."""

    count: int
    oldest: datetime | None

    def deeper(self, count: int) -> Depth:
        """With so many more behind those that wait."""
        return Depth(self.count + count, self.oldest)


def connect() -> None:
    """From now on, messages of this process say when they were sent."""
    before_task_publish.connect(_stamp)


def _stamp(headers: dict[str, Any], **_: Any) -> None:
    headers[_SENT_AT] = time.time()


def depths(queues: list[str]) -> dict[str, Depth]:
    """In one round trip. Raises redis.RedisError when the broker is away."""
    with Redis.from_url(settings().require_broker_url(), socket_timeout=5) as broker:
        pipeline = broker.pipeline(transaction=False)
        for queue in queues:
            pipeline.llen(queue)
            pipeline.lindex(queue, -1)  # it is taken from the right
        answers = pipeline.execute()
    return {
        queue: Depth(int(count), _sent_at(message))
        for queue, count, message in zip(queues, answers[::2], answers[1::2], strict=True)
    }


def _sent_at(message: bytes | None) -> datetime | None:
    """What a stranger put there says nothing."""
    try:
        return datetime.fromtimestamp(json.loads(message or b"")["headers"][_SENT_AT], UTC)
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return None
