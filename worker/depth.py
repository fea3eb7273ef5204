"""How deep the queues are: how many messages wait in each, and since when.

Redis shows the message that has waited longest. RabbitMQ shows none without delivering it; there a worker writes down
now and then when the last one that it took was sent: whatever was sent later still waits."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from amqp.exceptions import NotFound
from celery.signals import before_task_publish
from kombu import Connection
from sqlalchemy import select

from models.database import transaction
from models.heartbeat import Heartbeat
from settings import is_rabbitmq, settings
from worker.broker import ANSWER_SECONDS, redis_client

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
    """Raises what the broker's client raises when the broker is away."""
    url = settings().require_broker_url()
    return _on_rabbitmq(url, queues) if is_rabbitmq(url) else _on_redis(url, queues)


def _on_redis(url: str, queues: list[str]) -> dict[str, Depth]:
    """In one round trip."""
    with redis_client(url, socket_timeout=ANSWER_SECONDS) as broker:
        pipeline = broker.pipeline(transaction=False)
        for queue in queues:
            pipeline.llen(queue)
            pipeline.lindex(queue, -1)  # it is taken from the right
        answers = pipeline.execute()
    return {
        queue: Depth(int(count), _sent_at(message))
        for queue, count, message in zip(queues, answers[::2], answers[1::2], strict=True)
    }


def _on_rabbitmq(url: str, queues: list[str]) -> dict[str, Depth]:
    with Connection(url, connect_timeout=ANSWER_SECONDS) as broker:
        counts = {queue: _count(broker, queue) for queue in queues}
    with transaction() as session:
        signs = select(Heartbeat.name, Heartbeat.details).where(Heartbeat.name.in_([_taken(queue) for queue in queues]))
        taken = {name: _instant(details[_SENT_AT]) for name, details in session.execute(signs)}
    return {queue: Depth(count, taken.get(_taken(queue)) if count else None) for queue, count in counts.items()}


def _count(broker: Connection, queue: str) -> int:
    try:
        channel: Any = broker.channel()
        with channel:
            return int(channel.queue_declare(queue, passive=True).message_count)
    except NotFound:  # nobody has sent anything there, and no worker was ever started
        return 0


class _LastTaken:
    """By this process: for each queue, when the last message that it took was sent."""

    at: ClassVar[dict[str, float]] = {}


def note_taken(message: Any) -> None:
    """In a worker, of each message that it takes."""
    sent_at = message.headers.get(_SENT_AT)
    if _instant(sent_at) is not None:
        _LastTaken.at[message.delivery_info["routing_key"]] = sent_at


def signs_of_taking() -> dict[str, dict[str, float]]:
    """{name of a sign of life: its details}, of what was taken since the last call. Only RabbitMQ needs them."""
    taken, _LastTaken.at = _LastTaken.at, {}
    return {_taken(queue): {_SENT_AT: at} for queue, at in taken.items()}


def _taken(queue: str) -> str:
    return f"taken:{queue}"


def _sent_at(message: bytes | None) -> datetime | None:
    try:
        return _instant(json.loads(message or b"")["headers"][_SENT_AT])
    except (ValueError, KeyError, TypeError):
        return None


def _instant(seconds: Any) -> datetime | None:
    """What a stranger put there says nothing."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return None
