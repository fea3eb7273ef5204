"""Server-Sent Events of one row, for the API and the pages: it as it is, and again with every move, until nothing will
follow."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from anyio.to_thread import run_sync
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.types import Receive, Scope, Send

from web.api.watching import watch

# Proxies close what is silent. The numbered document is printed a moment after the last move.
SILENCE_SECONDS, LAST_SILENCE_SECONDS = 15, 5
LONGEST_STREAM_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Seen:
    """A row at a version; `over`: nothing will follow."""

    version: int
    data: str
    over: bool


class EventStream(StreamingResponse):
    """What is read of the row, from the version after `sent` on. Raises TooMany before it has begun, where `waiting`
    does."""

    def __init__(
        self, row_id: str, sent: int, read: Callable[[], Seen], waiting: Callable[[], AbstractContextManager[None]]
    ) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(_events(row_id, sent, read), media_type="text/event-stream", headers=headers)
        self._waiting = waiting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._waiting():
            await super().__call__(scope, receive, send)


async def _events(row_id: str, sent: int, read: Callable[[], Seen]) -> AsyncIterator[bytes]:
    end = time.monotonic() + LONGEST_STREAM_SECONDS
    while time.monotonic() < end:
        seen = await run_sync(read)
        if seen.version != sent:
            yield format_sse_event(data_str=seen.data, id=str(seen.version))
            sent = seen.version
        if not await watch.moved_on(row_id, seen.version, LAST_SILENCE_SECONDS if seen.over else SILENCE_SECONDS):
            if seen.over:
                return
            yield KEEPALIVE_COMMENT
