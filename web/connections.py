"""uvicorn's own protocol, with an end to what a connection may hold before it has asked anything: uvicorn itself bounds
neither the size of headers nor the time that a request takes to arrive."""

from __future__ import annotations

import asyncio
import json
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from settings import settings
from web.safe_headers import safe_headers

HEAD_MAX_BYTES = 32 * 1024
ARRIVES_SECONDS = 20.0

_TOO_LARGE = 431, "head_too_large", f"The address and the headers have at most {HEAD_MAX_BYTES} bytes together."
_NOT_HTTP = 400, "not_http", "This is not a request in HTTP/1.1."


class _HeadTooLarge(Exception):
    """Ends the parser's work."""


class BoundedProtocol(HttpToolsProtocol):
    """A head of HEAD_MAX_BYTES, ARRIVES_SECONDS for a whole request, PLANSHIFT_CONNECTIONS_MAX connections.

    Beyond the last one, what has been silent for longest gives its place to who comes.
    """

    # Those that have not sent a whole request yet, the oldest first.
    _silent: ClassVar[dict[BoundedProtocol, None]] = {}

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._head, self._led_nowhere, self._too_large = 0, 0, False
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > settings().connections_max:
            next(iter(self._silent), self).transport.abort()
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # Of a head, or of what stands between the parts of a body, the parser says nothing until it is complete.
        self._led_nowhere += len(data)
        super().data_received(data)
        if self._led_nowhere > HEAD_MAX_BYTES and not self.transport.is_closing():
            self._refuse(*_TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = 0
        self._await_request()

    def on_url(self, url: bytes) -> None:
        self._take(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._take(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._led_nowhere = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._led_nowhere = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._led_nowhere = 0
        self._arrived()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls when the parser gives up, also on our word."""
        self._refuse(*(_TOO_LARGE if self._too_large else _NOT_HTTP))

    def _take(self, size: int) -> None:
        self._head += size
        if self._head > HEAD_MAX_BYTES:
            self._too_large = True
            raise _HeadTooLarge

    def _await_request(self) -> None:
        self._arrived()
        self._silent[self] = None
        self._deadline = self.loop.call_later(ARRIVES_SECONDS, self._end)

    def _arrived(self) -> None:
        self._silent.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end(self) -> None:
        """The time is over; unless it is we who have not answered yet, and what comes next waits behind that."""
        if self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete:
            self._await_request()
        else:
            self.transport.abort()

    def _refuse(self, status: int, code: str, detail: str) -> None:
        problem = {"type": f"urn:planshift:problem:{code}", "title": "Refused", "status": status}
        body = json.dumps(problem | {"detail": detail, "code": code}).encode()
        told = {"content-type": "application/problem+json", "content-length": str(len(body)), "connection": "close"}
        head = "".join(f"{name}: {value}\r\n" for name, value in (told | safe_headers()).items()) + "\r\n"
        self.transport.write(STATUS_LINE[status] + head.encode() + body)
        self.transport.close()
