"""Which web pages' scripts may call the API: the origins that the providers' catalogues name, without cookies."""

from __future__ import annotations

import time

from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from models.database import transaction
from models.provider import web_origins

KNOWN_FOR_SECONDS = 10

_METHODS = ("GET", "POST")
_SENT = ("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Last-Event-ID", "Prefer")
_READ = ("ETag", "Idempotent-Replayed", "Location", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id")


class ProvidersOrigins(CORSMiddleware):
    """A preflight names no key, so every provider's origins are answered; web/api/auth.py holds each request with a key
    or a token to the origins of its own provider."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app, allow_methods=_METHODS, allow_headers=_SENT, expose_headers=_READ)
        self._origins: frozenset[str] = frozenset()
        self._read_at = -float(KNOWN_FOR_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self.app(scope, receive, send)
            return
        if "origin" in Headers(scope=scope) and time.monotonic() - self._read_at >= KNOWN_FOR_SECONDS:
            await run_sync(self._read)
        await super().__call__(scope, receive, send)

    def is_allowed_origin(self, origin: str) -> bool:
        return origin in self._origins

    def _read(self) -> None:
        with transaction() as session:
            self._origins = web_origins(session)
        self._read_at = time.monotonic()
