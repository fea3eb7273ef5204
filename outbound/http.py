"""One HTTP call to somebody else: over at its deadline, however slowly the answer drips, and never larger than its cap,
however well it was packed.

The deadline is of the whole call. A time-out of each read would let a byte a second keep a worker for hours.
"""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import anyio
import httpx

from outbound.guard import NoAnswer, guarded

# After unpacking. A page of a hundred of Stripe's events has less.
ANSWER_MAX_BYTES = 4 * 1024 * 1024

_SAYS_NOTHING = (408, 425, 429)
_DIGITS_MAX = 9
# Gzip or zlib, by what the data begins with.
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_PACKED = ("gzip", "x-gzip", "deflate")


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What the other side answered, unpacked."""

    status: int
    headers: httpx.Headers
    content: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def says_nothing(self) -> bool:
        """Neither yes nor no: the other side is ill or has too much to do. Any other answer but 2xx is a definite
        no."""
        return self.status >= 500 or self.status in _SAYS_NOTHING

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", errors="replace")

    @property
    def retry_after(self) -> float | None:
        """The pause that is asked for, in seconds."""
        return seconds_of(self.headers.get("retry-after"))


class _SaysNothing(NoAnswer):
    def __init__(self, answer: HttpAnswer) -> None:
        super().__init__(f"it answered {answer.status}")
        self.answer = answer


def request(
    system: str,
    method: str,
    url: str,
    *,
    deadline_seconds: float,
    headers: Mapping[str, str] | None = None,
    content: bytes = b"",
) -> HttpAnswer:
    """The answer, whatever its status. `system` is whom the guard counts it for. Raises NoAnswer, NotAsked, and
    httpx.InvalidURL."""

    def call() -> HttpAnswer:
        answer = anyio.run(_answer, method, url, dict(headers or {}), content, deadline_seconds)
        if answer.says_nothing:
            raise _SaysNothing(answer)
        return answer

    try:
        return guarded(system, call)
    except _SaysNothing as silence:
        return silence.answer


def seconds_of(retry_after: str | None) -> float | None:
    """What a Retry-After header says, where it says seconds."""
    sensible = retry_after and retry_after.isascii() and retry_after.isdigit() and len(retry_after) <= _DIGITS_MAX
    return float(retry_after) if retry_after and sensible else None


async def _answer(method: str, url: str, headers: dict[str, str], content: bytes, seconds: float) -> HttpAnswer:
    # A cancelled connection is closed without waiting for the other side.
    try:
        with anyio.fail_after(seconds):
            async with (
                httpx.AsyncClient(timeout=None, verify=_tls()) as client,
                client.stream(method, url, headers={"Accept-Encoding": "gzip"} | headers, content=content) as answer,
            ):
                return HttpAnswer(answer.status_code, answer.headers, await _body(answer))
    except TimeoutError as error:
        raise NoAnswer(f"not within {seconds:.3g} s") from error
    except httpx.HTTPError as error:
        raise NoAnswer(type(error).__name__) from error


async def _body(answer: httpx.Response) -> bytes:
    """Unpacked piece by piece, and given up as soon as it is too large. Raises NoAnswer."""
    unpack = _unpacker(answer.headers.get("content-encoding", ""))
    body = bytearray()
    async for piece in answer.aiter_raw():
        try:
            body += unpack(piece, ANSWER_MAX_BYTES - len(body) + 1)
        except zlib.error as error:
            raise NoAnswer("it is packed, and cannot be unpacked") from error
        if len(body) > ANSWER_MAX_BYTES:
            raise NoAnswer(f"it has more than {ANSWER_MAX_BYTES} bytes")
    return bytes(body)


def _unpacker(encoding: str) -> Callable[[bytes, int], bytes]:
    """Of a piece, at most so many bytes more. Raises NoAnswer where it is packed in a way that was not asked for."""
    if encoding.strip().lower() in ("", "identity"):
        return lambda piece, _: piece
    if encoding.strip().lower() not in _PACKED:
        raise NoAnswer("it is packed in a way that nobody asked for")
    return zlib.decompressobj(_GZIP_OR_ZLIB).decompress


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the certificates of all authorities takes longer than most calls."""
    return httpx.create_ssl_context()
