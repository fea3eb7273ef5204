"""Counts requests in windows of time: on a Redis or Valkey, so that all processes share a count; in this process's
memory while that is away, or where there is none."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.storage.redis.redispy import RedispyBridge
from redis.exceptions import RedisError

from worker.broker import redis_pool

# What a request waits for at most before it is counted here alone, and how long the server is then left in peace.
_ANSWER_SECONDS = 0.25
_AWAY_SECONDS = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Policy:
    """At most `quota` in each window of so many seconds; `name` is what the RateLimit headers call it."""

    name: str
    quota: int
    seconds: int

    @property
    def header(self) -> str:
        """The value of RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10)."""
        return f'"{self.name}";q={self.quota};w={self.seconds}'


@dataclass(frozen=True, slots=True)
class Count:
    """How much of a policy's window is used, and in how many seconds the next one begins."""

    policy: Policy
    used: int
    reset: int

    @property
    def over(self) -> bool:
        return self.used > self.policy.quota

    @property
    def header(self) -> str:
        """The value of RateLimit."""
        return f'"{self.policy.name}";r={max(0, self.policy.quota - self.used)};t={self.reset}'


class Counters:
    """The counters of one process. Windows stand on the clock's own multiples, the same in every process."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._shared: RedisStorage | None = None
        self._own = MemoryStorage()
        self._away_until = 0.0

    async def hit(self, policy: Policy, who: str, amount: int = 1) -> Count:
        """Counts it, also when it is over the quota. An amount of 0 only looks."""
        now = time.time()
        window, passed = divmod(now, policy.seconds)
        key = f"{policy.name}/{who}/{int(window)}"
        used = await self._add(key, policy.seconds + 1, amount)
        return Count(policy, used, max(1, round(policy.seconds - passed)))

    async def close(self) -> None:
        """Hangs up, at the end of the process."""
        if self._shared is not None:
            bridge = self._shared.bridge
            assert isinstance(bridge, RedispyBridge)
            await bridge.storage.aclose(close_connection_pool=True)

    async def _add(self, key: str, seconds: int, amount: int) -> int:
        if self._url is not None and time.monotonic() >= self._away_until:
            try:
                return await _add(self._storage(self._url), key, seconds, amount)
            except (RedisError, OSError, RuntimeError) as error:  # the last one: its connections are another loop's
                log.warning("this process counts requests alone, the server of the counters does not answer: %s", error)
                self._shared, self._away_until = None, time.monotonic() + _AWAY_SECONDS
        return await _add(self._own, key, seconds, amount)

    def _storage(self, url: str) -> RedisStorage:
        """Made at the first request, in the loop that it runs in."""
        if self._shared is None:
            limits = {"socket_timeout": _ANSWER_SECONDS, "socket_connect_timeout": _ANSWER_SECONDS}
            pool = redis_pool(url, max_connections=50, **limits)
            options = {"key_prefix": "planshift:rate", "connection_pool": pool}
            self._shared = RedisStorage("async+redis://", implementation="redispy", **options)  # type: ignore[arg-type]
        return self._shared


async def _add(storage: Storage, key: str, seconds: int, amount: int) -> int:
    return await storage.incr(key, seconds, amount) if amount else await storage.get(key)
