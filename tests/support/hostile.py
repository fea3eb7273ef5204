"""What somebody sends who means harm, or who has no idea: to every route, and to the queue of requests."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

CUSTOMER = {"name": "Ana", "email": "ana@example.com", "country": "JP", "locale": "en", "address": ["1 Street"]}
SERVICE = {"customer": "zone", "plan": "basic", "cycle": "monthly", "currency": "JPY"}
SERVICE |= {"period_start": "2027-06-30T15:00:00Z", "period_end": "2027-07-31T15:00:00Z"}
DECISION = {"actor": "ana", "reason": "because"}
LINE = {"line": "2027-07-17/1", "amount": {"amount": 1331, "currency": "JPY"}, "paid_at": "2027-07-17T03:00:00Z"}
HARD = (
    "a\0b",
    "a\x0bb",
    "a\x0cb",
    "a\ud800b",
    "a\u202eb",
    "a\u200bb",
    "\u3000",
    "a\r\nBcc: b",
    "a\ufffeb",
    "\udfff\udbff",
)
DATES = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z")
AFTERWARDS: dict[str, Any] = {
    "task": "sweep.enqueue_due",
    "args": [],
    "kwargs": {},
    "options": {},
    "subtask_type": None,
}


def bodies() -> Iterator[tuple[str, str, Any, str]]:
    """Every text and every date of every body, in turn, with every hard value; and names that nobody has."""
    routes: list[tuple[str, str, dict[str, Any], str]] = [
        ("PUT", "/v1/customers/edge", CUSTOMER, "host"),
        ("PUT", "/v1/services/edge", SERVICE, "host"),
        ("POST", "/v1/quotes", {"service": "zone", "plan": "start", "cycle": "monthly"}, "frontend"),
        ("POST", "/v1/plan-changes", {"service": "zone", "plan": "start", "cycle": "monthly", "note": "n"}, "frontend"),
        ("POST", "/v1/services/zone/cancellations", {"at": "period_end", "reason": "r"}, "frontend"),
        ("POST", "/v1/payments", LINE | DECISION, "ops"),
        ("PUT", "/v1/test-clock", {"now": "2027-07-17T03:00:00Z"}, "host"),
        ("PUT", "/v1/services/zone/usage", {"zones": 1}, "host"),
    ]
    for method, path, body, scope in routes:
        for name, value in body.items():
            for hard in DATES if isinstance(value, str) and value.startswith("2027-") else HARD:
                yield method, path, body | {name: [hard] if isinstance(value, list) else hard}, scope
        for hard in HARD:
            yield method, path, body | {hard: 1}, scope
        others: tuple[Any, ...] = (None, [], "\ud800", 10**400, {"\ud800": {}})
        for nonsense in others:
            yield method, path, nonsense, scope


def at_once(send: Callable[[int], httpx.Response], times: int = 8) -> list[int]:
    with ThreadPoolExecutor(times) as pool:
        return sorted(answer.status_code for answer in pool.map(send, range(times)))


@contextmanager
def half_open(url: str, begun: bytes = b"GET / HTTP/1.1\r\nHost: a\r\n") -> Iterator[socket.socket]:
    """A connection on which no request is finished."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=40) as connected:
        connected.sendall(begun)
        yield connected


def answer_to(connected: socket.socket, data: bytes) -> bytes:
    """What comes back until the other side has closed, also in the middle of what we say."""
    answer = b""
    with suppress(BrokenPipeError, ConnectionResetError):
        connected.sendall(data)
        while part := connected.recv(65_536):
            answer += part
    return answer


def huge_head(url: str) -> int:
    """The status that 8 MB of headers get; 431, too, where the connection is cut before it can be read."""
    with half_open(url) as connected:
        answer = answer_to(connected, b"X: " + b"a" * 8_000_000)
    return int(answer.split(b" ", 2)[1]) if answer else 431


def raw(headers: dict[str, Any], body: Any, queue: str = "requests") -> bytes:
    """What a frontend can write to its queue without Celery; `queue` is what it says of itself."""
    text = body if isinstance(body, str) else json.dumps(body)
    properties = {"delivery_tag": str(uuid4()), "delivery_info": {"exchange": queue, "routing_key": queue}}
    properties |= {"body_encoding": "base64"}
    message = {"body": base64.b64encode(text.encode()).decode(), "headers": headers, "properties": properties}
    return json.dumps(message | {"content-type": "application/json", "content-encoding": "utf-8"}).encode()


REQUEST = {"task": "planshift.request_change", "id": "r1"}
OLD = {"task": "planshift.request_change", "id": "r1", "args": [], "kwargs": {}}
OFFENCES: dict[str, tuple[dict[str, Any], Any, str]] = {
    "another task": ({"task": "sweep.enqueue_due", "id": "r1"}, [[], {}, {}], "takes planshift.request_change"),
    "a chain": (REQUEST, [[], {}, {"chain": [AFTERWARDS]}], "may not carry chain"),
    "callbacks": (REQUEST, [[], {}, {"callbacks": [AFTERWARDS]}], "may not carry callbacks"),
    "errbacks": (REQUEST, [[], {}, {"errbacks": [AFTERWARDS]}], "may not carry errbacks"),
    "a chord": (REQUEST, [[], {}, {"chord": AFTERWARDS}], "may not carry chord"),
    "no limit of time": (REQUEST | {"timelimit": [1e9, None]}, [[], {}, {}], "may not carry timelimit"),
    "a date": (REQUEST | {"eta": "2999-01-01T00:00:00Z"}, [[], {}, {}], "may not carry eta"),
    "protocol 1": ({}, OLD | {"callbacks": [1]}, "may not carry callbacks"),
    "a link": (REQUEST | {"link": [AFTERWARDS]}, [[], {}, {}], "may not carry link"),
    "no json": (REQUEST, "{{{", "cannot be read"),
    "nested": (REQUEST, "[" * 100_000, "cannot be read"),
    "a number": (REQUEST, "7", "cannot be read"),
}
