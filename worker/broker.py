"""What depends on the broker: Redis or Valkey (`redis://`, `rediss://`; `sentinel://` where Sentinels say which of
several is the primary), or RabbitMQ with quorum queues (`amqp://`, `amqps://`).

Whatever else is kept beside the messages (counts of requests, calls without an answer) needs a Redis or Valkey:
`settings().shared_counters_url`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from kombu import Exchange, Queue
from redis import Redis
from redis.asyncio import ConnectionPool as AsyncConnectionPool
from redis.asyncio import sentinel as for_a_loop
from redis.asyncio.retry import Retry as RetryInALoop
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from settings import is_rabbitmq, settings

# What no broker should be waited for longer.
ANSWER_SECONDS = 5
# A message that ends its worker so often is dropped, as RabbitMQ 4 does by itself; the sweep finds its row.
DELIVERIES_MAX = 20
# What frontends may have waiting in the workers' own broker, in bytes; more is refused there.
REQUESTS_BYTES_MAX = 64_000_000


def queues(names: list[str], url: str) -> list[Queue]:
    """Each has an exchange of its own: a bare Queue(name) would bind them all to one exchange and key."""
    return [Queue(name, Exchange(name), routing_key=name, queue_arguments=_arguments(name, url)) for name in names]


def _arguments(name: str, url: str) -> dict[str, Any]:
    if not is_rabbitmq(url):
        return {}
    bound = {"x-max-length-bytes": REQUESTS_BYTES_MAX, "x-overflow": "reject-publish"} if name == "requests" else {}
    return {"x-queue-type": "quorum", "x-delivery-limit": DELIVERIES_MAX, **bound}


def transport_options(url: str, longest_task_seconds: float) -> dict[str, Any]:
    """Of kombu's transport. RabbitMQ: a message is sent when a majority has it on disk."""
    if is_rabbitmq(url):
        return {"confirm_publish": True, "connect_timeout": ANSWER_SECONDS, "write_timeout": ANSWER_SECONDS}
    return _OF_REDIS | {"visibility_timeout": 3 * longest_task_seconds} | _of_sentinel(url)


# Without the first four, a silent connection (a NAT that forgot it) hangs a worker for ever; socket_timeout alone would
# lose the message that was just taken.
_OF_REDIS = {
    "socket_timeout": ANSWER_SECONDS,
    "socket_connect_timeout": ANSWER_SECONDS,
    "health_check_interval": 10,
    "retry_on_timeout": True,
    "socket_keepalive": True,
    "unacked_restore_interval": 5,  # a dead worker's messages come back within seconds
    "unacked_restore_throttle": 1,
    "client_name": "planshift",
}


def _of_sentinel(url: str) -> dict[str, Any]:
    if not _has_sentinels(url):
        return {}
    return {"master_name": settings().sentinel_primary, "sentinel_kwargs": _sentinel_login(_OF_REDIS)}


class _Client(Redis):
    def close(self) -> None:
        """On the Sentinels, too."""
        super().close()
        pool: Any = self.connection_pool
        pool.sentinel_manager.close()


class _Pool(for_a_loop.SentinelConnectionPool):
    async def disconnect(self, inuse_connections: bool = True) -> None:
        """From the Sentinels, too."""
        await super().disconnect(inuse_connections)
        await self.sentinel_manager.aclose()


def redis_client(url: str, **options: Any) -> Redis:
    """A client of the server at this address; of the primary, wherever it is now, where the address names Sentinels.
    A server that does not answer in time is not asked again: redis-py would ask a Sentinel ten times more."""
    options["retry"] = Retry(NoBackoff(), 0)
    if not _has_sentinels(url):
        return Redis.from_url(url, **options)
    nodes, login = _parts(url)
    sentinel = Sentinel(nodes, sentinel_kwargs=_sentinel_login(options), **login, **options)  # type: ignore[no-untyped-call]
    client: Redis = sentinel.master_for(settings().sentinel_primary, _Client)  # type: ignore[no-untyped-call]
    return client


def redis_pool(url: str, **options: Any) -> AsyncConnectionPool:
    """The same for an event loop."""
    options["retry"] = RetryInALoop(NoBackoff(), 0)
    if not _has_sentinels(url):
        return AsyncConnectionPool.from_url(url, **options)
    nodes, login = _parts(url)
    sentinel = for_a_loop.Sentinel(nodes, sentinel_kwargs=_sentinel_login(options), **login, **options)  # type: ignore[no-untyped-call]
    client = sentinel.master_for(settings().sentinel_primary, connection_pool_class=_Pool)
    pool: AsyncConnectionPool = client.connection_pool
    return pool


def _has_sentinels(url: str) -> bool:
    return url.startswith("sentinel://")


def _parts(url: str) -> tuple[list[tuple[str, int]], dict[str, Any]]:
    """`sentinel://:password@host:port;sentinel://…/0`: where the Sentinels are, and the login of the servers, which
    stands in the first."""
    parts = [urlsplit(part) for part in url.split(";")]
    login: dict[str, Any] = {"db": int(parts[-1].path.strip("/") or 0)}
    login |= {"username": unquote(parts[0].username)} if parts[0].username else {}
    login |= {"password": unquote(parts[0].password)} if parts[0].password else {}
    return [(part.hostname or "", part.port or 26379) for part in parts], login


def _sentinel_login(options: dict[str, Any]) -> dict[str, Any]:
    """And how long to wait for them, and how often: as for the servers themselves."""
    password = settings().sentinel_password
    waits = {name: value for name, value in options.items() if name.startswith("socket_") or name == "retry"}
    return waits | ({"password": password.get_secret_value()} if password else {})
