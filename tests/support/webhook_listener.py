"""A place where webhooks arrive, in a thread of the test."""

import json
import secrets
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class ReceivedWebhook:
    headers: dict[str, str]
    body: bytes

    @property
    def payload(self) -> dict[str, Any]:
        payload: dict[str, Any] = json.loads(self.body)
        return payload


@dataclass
class WebhookListener:
    """Answers with the statuses of `answers` in turn, then with 200. Other addresses than `url` are gone."""

    answers: deque[int] = field(default_factory=deque)
    webhooks: list[ReceivedWebhook] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __enter__(self) -> Self:
        listener = self
        # A gateway repeats for minutes what it owes to a listener that is gone, whose port may be this one's by now.
        path = f"/webhooks/{secrets.token_hex(8)}"

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.path != path:
                    self.send_response(410)
                    self.end_headers()
                    return
                status = listener.answers.popleft() if listener.answers else 200
                self.send_response(status)
                self.end_headers()
                listener.take(ReceivedWebhook({name.lower(): value for name, value in self.headers.items()}, body))

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}{path}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, webhook: ReceivedWebhook) -> None:
        with self._changed:
            self.webhooks.append(webhook)
            self._changed.notify_all()

    def wait_for(self, count: int, seconds: float = 10) -> list[ReceivedWebhook]:
        """The first `count` arrivals; fails if they do not come in time."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.webhooks) >= count, seconds), self.webhooks
            return self.webhooks[:count]
