"""Verified and committed webhooks a second, against a bare app that does one insert and nothing else.

Both are served by uvicorn in a process of their own, by turns and in one run (A B A B …), over the same PostgreSQL with
fsync on, and get the same signed requests over the same number of connections. The receiver also enqueues after each
answer, as in production.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import selectors
import socket
import statistics
import subprocess
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from cli.sandbox import sample_catalogs, set_up_provider
from local.folders import temporary_folder
from local.ports import accepts, free_port
from local.stack import Stack
from models.database import engine, transaction
from models.migrate import migrate
from models.provider import Connection
from settings import settings

REQUESTS, ROUNDS, CONNECTIONS = 1_600, 4, 32
WARM_UP = 320
_ANSWER = b'{"received":true}'


def run() -> dict[str, Any]:
    """Webhooks a second of both, their ratio (median of the rounds), and the receiver's p99 in milliseconds."""
    with temporary_folder("bench-webhooks") as folder, Stack(folder) as stack, _environment(stack):
        stack.start_servers()
        migrate()
        catalog = sample_catalogs()[0]
        set_up_provider(catalog, stack.addresses)
        with transaction() as session:
            secret = session.query(Connection).filter(Connection.kind == "gateway").one().secrets[0]
        with engine().begin() as connection:
            connection.exec_driver_sql("CREATE TABLE bare (id bigserial PRIMARY KEY, body bytea NOT NULL)")
        path = f"/webhooks/standard/{catalog.provider}"
        with (
            _server("benchmarks.webhooks_bare:app") as bare,
            _server("web.webhooks.app:create_standalone_receiver", "--factory") as receiver,
        ):
            for port in (bare, receiver):
                _leg(port, path, secret, WARM_UP)
            rounds = [
                (_leg(bare, path, secret, REQUESTS), _leg(receiver, path, secret, REQUESTS)) for _ in range(ROUNDS)
            ]
    return {
        "receiver_per_second": round(statistics.median(ours for _, (ours, _) in rounds)),
        "bare_per_second": round(statistics.median(bare for (bare, _), _ in rounds)),
        "ratio": round(statistics.median(ours / bare for (bare, _), (ours, _) in rounds), 3),
        "receiver_p99_ms": round(statistics.median(p99 for _, (_, p99) in rounds) * 1000, 1),
        "requests": REQUESTS * ROUNDS,
        "connections": CONNECTIONS,
    }


@contextmanager
def _environment(stack: Stack) -> Iterator[None]:
    os.environ.update(stack.environment() | {"PLANSHIFT_SECRET_KEY": secrets.token_urlsafe(32)})
    settings.cache_clear()
    yield


@contextmanager
def _server(app: str, *options: str) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", app, "--port", str(port), "--log-level", "error", *options]
    process = subprocess.Popen(command, env=dict(os.environ))
    try:
        deadline = time.monotonic() + 30
        while not accepts(port):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{app} did not start")
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def _leg(port: int, path: str, secret: str, count: int) -> tuple[float, float]:
    """Requests a second and the p99 in seconds. Raises RuntimeError for any other answer than 200."""
    todo = [_request(path, secret) for _ in range(count)]
    began = time.perf_counter()
    seconds = sorted(_sent(port, todo))
    return count / (time.perf_counter() - began), seconds[int(count * 0.99)]


def _sent(port: int, todo: list[bytes]) -> Iterator[float]:
    """Each connection sends its next request once it has its answer; yields how long each answer took.

    One thread serves all connections: many would take the servers' processors and wait for each other.
    """
    with selectors.DefaultSelector() as selector, ExitStack() as opened:
        for _ in range(CONNECTIONS):
            connection = opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ, _Asked(connection, todo.pop()))
        while selector.get_map():
            for key, _ in selector.select():
                asked: _Asked = key.data
                if asked.is_answered():
                    yield time.perf_counter() - asked.at
                    if todo:
                        selector.modify(asked.connection, selectors.EVENT_READ, _Asked(asked.connection, todo.pop()))
                    else:
                        selector.unregister(asked.connection)


class _Asked:
    """One request on its way."""

    def __init__(self, connection: socket.socket, request: bytes) -> None:
        self.connection, self.at, self._answer = connection, time.perf_counter(), b""
        connection.sendall(request)

    def is_answered(self) -> bool:
        """Reads what has come. Raises RuntimeError."""
        part = self.connection.recv(65_536)
        self._answer += part
        if not part or not self._answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"answered {self._answer[:200]!r}")
        return self._answer.endswith(_ANSWER)


def _request(path: str, secret: str) -> bytes:
    """A signed webhook of about 1 kB, as bytes on the wire."""
    event_id, stamp = f"evt_{secrets.token_hex(12)}", str(int(time.time()))
    payment = {"id": f"pay_{secrets.token_hex(12)}", "reference": f"pay_{secrets.token_hex(12)}", "amount": 1331}
    payment |= {"currency": "JPY", "status": "succeeded", "paid_at": "2027-07-17T03:05:00Z", "description": "x" * 700}
    event = {"id": event_id, "type": "payment.succeeded", "occurred_at": "2027-07-17T03:05:00Z"}
    body = json.dumps(event | {"data": {"payment": payment}}).encode()
    signed = f"{event_id}.{stamp}.".encode() + body
    digest = hmac.digest(b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256)
    head = (
        f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        f"webhook-id: {event_id}\r\nwebhook-timestamp: {stamp}\r\n"
        f"webhook-signature: v1,{b64encode(digest).decode()}\r\n\r\n"
    )
    return head.encode() + body


if __name__ == "__main__":
    json.dump(run(), sys.stdout, indent=2)
    print()
