"""`POST /{gateway}/{account}`: a small app of its own, without Celery or Redis on its way to the answer.

Bad signature → 400; database trouble → 503 within 4 s, so that the gateway sends it again; anything authentic →
written down, committed, 200. What it means is decided afterwards, by a task.
"""

from __future__ import annotations

import logging
from typing import Any

import anyio
from anyio.to_thread import run_sync
from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from engine.inbox import receive_event
from gateways.registry import GATEWAYS
from models.database import DOOR_CONNECTIONS, single_statement
from web.webhooks.accounts import Accounts, Headers, Refused, UnknownAccount
from web.webhooks.bell import Bell
from web.webhooks.refused import RefusedSample

BODY_MAX_BYTES = 256 * 1024
# Gateways give up after 5 s; a thread that still waits for the database by then is left to itself.
ANSWER_SECONDS = 3.5

RECEIVED = Counter("planshift_webhooks_total", "Webhooks by gateway and answer", ["gateway", "answer"])

log = logging.getLogger(__name__)


def create_receiver() -> Starlette:
    """The receiver's routes, below /webhooks."""
    return Starlette(routes=[Route("/{gateway}/{account}", Receiver().receive, methods=["POST"])])


def create_standalone_receiver() -> Starlette:
    """The ASGI application of `planshift receiver`: the same routes, a health check and metrics."""
    return Starlette(
        routes=[Mount("/webhooks", create_receiver()), Route("/healthz", _healthz), Route("/metrics", _metrics)]
    )


class Receiver:
    """The door of one process: what it knows of accounts, and how many threads it writes with."""

    def __init__(self) -> None:
        self._accounts = Accounts()
        self._sample = RefusedSample()
        self._bell = Bell()
        self._writers: anyio.CapacityLimiter | None = None

    async def receive(self, request: Request) -> Response:
        """Takes one webhook in."""
        gateway, account = request.path_params["gateway"], request.path_params["account"]
        try:
            body = await _capped_body(request)
        except ClientDisconnect:
            return _answer(gateway, 400, "cut_off", "The request ended before its body did.")
        if body is None:
            return _answer(gateway, 413, "too_large", f"A webhook has at most {BODY_MAX_BYTES} bytes.")
        headers = request.headers.raw
        try:
            event_id = await self._in_time(gateway, account, headers, body)
        except UnknownAccount as error:
            return _answer(gateway, 404, "unknown_account", str(error))
        except Refused as error:
            keep = BackgroundTask(self._sample.keep, error.connection_id, str(error), headers, body)
            return _answer(gateway, 400, "bad_signature", str(error), background=keep)
        except (SQLAlchemyError, TimeoutError) as error:
            log.error("a webhook could not be written down: %s", error)
            away = {"Retry-After": "5"}
            return _answer(gateway, 503, "not_available", "Not written down. Send it again.", headers=away)
        RECEIVED.labels(gateway, "200").inc()
        return JSONResponse({"received": True}, background=BackgroundTask(self._bell.ring, event_id))

    async def _in_time(self, gateway: str, account: str, headers: Headers, body: bytes) -> str:
        """Raises TimeoutError; then the thread may still commit, and the repetition is a duplicate."""
        if self._writers is None:
            self._writers = anyio.CapacityLimiter(DOOR_CONNECTIONS)
        with anyio.fail_after(ANSWER_SECONDS):
            return await run_sync(
                self.write_down, gateway, account, headers, body, abandon_on_cancel=True, limiter=self._writers
            )

    def write_down(self, gateway: str, account: str, headers: Headers, body: bytes) -> str:
        """Verifies, stores and commits; the id of the inbox row. Raises UnknownAccount, Refused, SQLAlchemyError."""
        known, delivery = self._accounts.verified(gateway, account, headers, body)
        ids = (known.provider_id, known.connection_id)
        for last_try in (False, True):
            try:
                with single_statement() as connection:
                    return receive_event(connection, ids, delivery, body)
            except OperationalError as error:
                # A connection that was cut while it lay in the pool says nothing about the database now.
                if last_try or not error.connection_invalidated:
                    raise
        raise AssertionError("the second try returns or raises")


async def _capped_body(request: Request) -> bytes | None:
    """The raw bytes; None as soon as they are more than the cap, whatever the headers say."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            return None
    return bytes(body)


def _answer(
    gateway: str,
    status: int,
    code: str,
    detail: str,
    headers: dict[str, str] | None = None,
    background: BackgroundTask | None = None,
) -> JSONResponse:
    RECEIVED.labels(gateway if gateway in GATEWAYS else "unknown", str(status)).inc()
    body: dict[str, Any] = {"type": f"urn:planshift:problem:{code}", "status": status, "detail": detail, "code": code}
    return JSONResponse(body, status, headers=headers, media_type="application/problem+json", background=background)


async def _healthz(request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


async def _metrics(request: Request) -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
