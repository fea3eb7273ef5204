"""How deep the queues are: how many messages wait in each, and since when.

Redis shows the message that has waited longest. RabbitMQ shows none without delivering it; there a worker writes down
now and then when the last one that it took was sent: whatever was sent later still waits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from amqp.exceptions import NotFound
from kombu import Connection
from sqlalchemy import select

from models.database import transaction
from models.heartbeat import Heartbeat
from settings import is_rabbitmq, settings
from worker.broker import ANSWER_SECONDS, redis_client
from worker.sent_at import SENT_AT, instant_of, sign_of


@dataclass(frozen=True, slots=True)
class Depth:
    """`oldest` is when the message was sent that has waited longest: whatever was sent later still waits, too. None
    where none waits, or where it does not say."""

    count: int
    oldest: datetime | None

    def deeper(self, count: int) -> Depth:
        """With so many more behind those that wait."""
        return Depth(self.count + count, self.oldest)


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
        signs = select(Heartbeat.name, Heartbeat.details).where(
            Heartbeat.name.in_([sign_of(queue) for queue in queues])
        )
        taken = {name: instant_of(details[SENT_AT]) for name, details in session.execute(signs)}
    return {queue: Depth(count, taken.get(sign_of(queue)) if count else None) for queue, count in counts.items()}


def _count(broker: Connection, queue: str) -> int:
    try:
        channel: Any = broker.channel()
        with channel:
            return int(channel.queue_declare(queue, passive=True).message_count)
    except NotFound:  # nobody has sent anything there, and no worker was ever started
        return 0


def _sent_at(message: bytes | None) -> datetime | None:
    try:
        return instant_of(json.loads(message or b"")["headers"][SENT_AT])
    except (ValueError, KeyError, TypeError):
        return None
