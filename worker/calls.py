"""The guard of outbound/: no system that hangs or drips takes all processes of a worker, and one that does not answer
is left alone for a while.

*Places.* At most half of a worker's processes call one system at the same time. A place is a lock on a file, which the
kernel takes back from a process that dies. Each worker keeps its own half free, so nothing has to be shared between
machines, and places are there when the broker is not.

*Breaker.* After some calls in a row without an answer none is made for a while; then one is, and its answer closes the
breaker. All processes share that through the broker, or PLANSHIFT_COUNTERS_URL; while that is away, each has its own.
"""

from __future__ import annotations

import fcntl
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TypeVar

import pybreaker
from redis import Redis, RedisError

from outbound import guard
from outbound.guard import NoAnswer, NotAsked
from settings import settings
from worker.broker import redis_client

FAILURES_TO_OPEN = 5
OPEN_SECONDS = 15
# A call that ends by then makes room without a second round of its message.
WAIT_SECONDS, _LOOK_SECONDS = 0.25, 0.02
# A breaker that was not opened again for so long is not open: nobody had anything to ask.
TOLD_FOR = timedelta(minutes=10)
_BROKER_SECONDS = 1.0

T = TypeVar("T")


class _Places:
    """Of this worker's processes, which are forked with it; none elsewhere."""

    folder: Path | None = None
    each = 0


@contextmanager
def shared_among(processes: int) -> Iterator[None]:
    """In a worker, around all it does: its calls go through the guard, and its processes share the places. Whoever
    acts for a person who waits makes a call as it is."""
    guard.install(guarded)
    with tempfile.TemporaryDirectory(prefix="planshift-calls-") as folder:
        _Places.folder, _Places.each = Path(folder), max(1, processes // 2)
        try:
            yield
        finally:
            _Places.folder = None
            guard.install(None)


def guarded(system: str, call: Callable[[], T]) -> T:
    """Raises NotAsked, and what the call raises."""
    with _place(system):
        try:
            made: T = _breaker(system).call(call)
        except pybreaker.CircuitBreakerError as error:
            raise NotAsked(
                "it has not answered lately, and is asked again in a few seconds", float(OPEN_SECONDS)
            ) from error
    return made


def open_breakers(systems: Iterable[str]) -> list[str]:
    """Those that are left alone now. Raises RedisError."""
    since = datetime.now(UTC) - TOLD_FOR
    stored = ((system, _storage(system)) for system in systems)
    return [
        system
        for system, breaker in stored
        if breaker.state != pybreaker.STATE_CLOSED and (at := breaker.opened_at) is not None and at > since
    ]


@contextmanager
def _place(system: str) -> Iterator[None]:
    folder = _Places.folder
    if folder is None:
        yield
        return
    until = time.monotonic() + WAIT_SECONDS
    while True:
        for number in range(_Places.each):
            with (folder / f"{system}.{number}").open("w") as place:
                try:
                    fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                yield
                return
        if time.monotonic() >= until:
            raise NotAsked(f"{_Places.each} calls to it are under way already")
        time.sleep(_LOOK_SECONDS)


def _breaker(system: str) -> pybreaker.CircuitBreaker:
    """A new object each time: threads that share one would wait for each other's calls."""
    try:
        storage = _storage(system)
    except RedisError:
        storage = _own_storage(system)
    return pybreaker.CircuitBreaker(
        FAILURES_TO_OPEN,
        OPEN_SECONDS,
        exclude=[lambda error: not isinstance(error, NoAnswer)],
        state_storage=storage,
        throw_new_error_on_trip=False,
    )


def _storage(system: str) -> pybreaker.CircuitBreakerStorage:
    """Raises RedisError."""
    url = settings().shared_counters_url
    if url is None:
        return _own_storage(system)
    return pybreaker.CircuitRedisStorage(pybreaker.STATE_CLOSED, _client(url), namespace=f"planshift:calls:{system}")


@cache
def _own_storage(system: str) -> pybreaker.CircuitMemoryStorage:
    return pybreaker.CircuitMemoryStorage(pybreaker.STATE_CLOSED)


@cache
def _client(url: str) -> Redis:
    return redis_client(url, socket_timeout=_BROKER_SECONDS, socket_connect_timeout=_BROKER_SECONDS)
