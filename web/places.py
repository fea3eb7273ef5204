"""How many requests of one caller this process does at once, and how many wait for a plan change to move: one caller
who sends many waits for their own, and nobody else does."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

AT_ONCE = 4
IN_LINE_MAX = 200

# A page of a customer's own waits for a few changes; a frontend's server for those of all its customers.
WAITING_OF_A_CUSTOMER_MAX = 10
WAITING_OF_A_KEY_MAX = 200
WAITING_MAX = 600


class TooMany(Exception):
    """Too many requests of one caller at once."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"{detail} Wait for the answers to some of them before you send more.")


@dataclass
class _Line:
    free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    inside: int = 0


class _Place:
    """A caller's place among those that are being worked on; left once."""

    def __init__(self, line: _Line) -> None:
        self._line: _Line | None = line

    def leave(self) -> None:
        if self._line is not None:
            self._line.free.release()
            self._line = None


_mine: ContextVar[_Place | None] = ContextVar("place", default=None)


class Places:
    """AT_ONCE of each caller; the others stand in a line of their own."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}

    @asynccontextmanager
    async def of(self, who: str) -> AsyncIterator[None]:
        """Raises TooMany where the line is too long."""
        line = self._lines.setdefault(who, _Line())
        if line.inside >= AT_ONCE + IN_LINE_MAX:
            raise TooMany(f"{line.inside} of your requests are not answered yet.")
        line.inside += 1
        try:
            await line.free.acquire()
            place = _Place(line)
            _mine.set(place)
            try:
                yield
            finally:
                place.leave()
        finally:
            line.inside -= 1
            if not line.inside:
                self._lines.pop(who, None)


class WaitingRoom:
    """Long polls and streams of events: they hold no thread and no place, only a connection and a look in ten."""

    def __init__(self) -> None:
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def of(self, who: str, most: int) -> Iterator[None]:
        """Raises TooMany."""
        if self._waiting[who] >= most:
            raise TooMany(f"{most} of your requests are waiting for plan changes to move.")
        if self._waiting.total() >= WAITING_MAX:
            raise TooMany("Too many requests are waiting for plan changes to move.")
        self._waiting[who] += 1
        if place := _mine.get():
            place.leave()
        try:
            yield
        finally:
            self._waiting[who] -= 1
            if not self._waiting[who]:
                del self._waiting[who]


waiting_room = WaitingRoom()
