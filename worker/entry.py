"""The frontends' own broker: `planshift entry` carries what they append there over to the workers' broker, and never
more of it than has room. Whoever floods it fills that one, and is refused there; sales, payments and the sweep do not
feel it. RabbitMQ needs no such carrier: there the queue has a bound of its own, and a user may have the right to write
to it alone (docs/broker-acl.md).

A message is taken off only when it stands on the other side, so a crash in between repeats it; a request may be
repeated. Nothing that is done to the frontends' broker needs memory there, so that a full one is emptied all the same.
"""

from __future__ import annotations

import json
import logging
import time
from typing import Protocol

from redis import Redis, RedisError
from redis.exceptions import ResponseError

from worker.broker import redis_client
from worker.consumer import ENTRY_QUEUE

# So many requests wait in the workers' broker at the most; it takes messages of 1 MB, and has 512 MB for all.
WAITING_MAX = 200
# Where the process says on the workers' broker that it lives.
SIGN_OF_LIFE = "planshift:entry"
_PAUSE_SECONDS, _AWAY_SECONDS, _SIGN_SECONDS = 0.1, 1.0, 5.0

log = logging.getLogger(__name__)


class Over(Protocol):
    """Whether somebody has asked to stop."""

    def is_set(self) -> bool: ...

    def wait(self, seconds: float, /) -> bool: ...


def carry(frontends: Redis, broker: Redis) -> int:
    """Carries over what there is room for, the oldest first; returns how many. Raises RedisError."""
    room, carried = WAITING_MAX - int(broker.llen(ENTRY_QUEUE)), 0
    while carried < room and (message := frontends.lindex(ENTRY_QUEUE, -1)) is not None:
        broker.lpush(ENTRY_QUEUE, message)
        # By its text: another process may have taken the last one.
        frontends.lrem(ENTRY_QUEUE, -1, message)  # type: ignore[arg-type]  # text or bytes
        carried += 1
    return carried


def run(frontends_url: str, broker_url: str, over: Over) -> None:
    """Until `over`. A broker that is away, or full, is tried again."""
    told = 0.0
    with redis_client(frontends_url, socket_timeout=5) as frontends, redis_client(broker_url) as broker:
        while not over.is_set():
            try:
                carried = carry(frontends, broker)
                if time.monotonic() - told > _SIGN_SECONDS:
                    _give_sign(frontends, broker)
                    told = time.monotonic()
            except RedisError as error:
                log.warning("requests of frontends wait, a broker does not take them: %s", error)
                over.wait(_AWAY_SECONDS)
            else:
                over.wait(0 if carried else _PAUSE_SECONDS)


def last_sign(broker: Redis) -> tuple[float, int] | None:
    """How many seconds ago the process lived, and how many messages waited on its side; None where there is none."""
    text = broker.get(SIGN_OF_LIFE)
    if text is None:
        return None
    sign = json.loads(text)
    return time.time() - sign["at"], int(sign["waiting"])


def _give_sign(frontends: Redis, broker: Redis) -> None:
    try:
        waiting = frontends.llen(ENTRY_QUEUE)
    except ResponseError:  # what a stranger wrote under this name is no list
        waiting = -1
    broker.set(SIGN_OF_LIFE, json.dumps({"at": time.time(), "waiting": waiting}))
