"""`POST /{gateway}/{account}`: a small app of its own, without Celery or Redis on its way to the answer.

Bad signature → 400; database trouble → 503 within 4 s, so that the gateway sends it again; anything authentic →
written down, committed, 200. What it means is decided afterwards, by a task.
"""

from __future__ import annotations

import logging
from typing import Any

import anyio
from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from engine.payments.inbox_store import ReceivedWebhook
from gateways.registry import GATEWAYS
from models.base import WrongSecretKey
from web.metrics import KEY_MISSING, may_read
from web.safe_headers import SafeHeaders
from web.webhooks.accounts import Accounts, Headers, Refused, UnknownAccount
from web.webhooks.enqueuer import Enqueuer
from web.webhooks.refused import RefusedSample
from web.webhooks.writer import InboxWriter

BODY_MAX_BYTES = 256 * 1024
# Gateways give up after 5 s; a thread that still waits for the database by then is left to itself.
ANSWER_SECONDS = 3.5

RECEIVED = Counter("planshift_webhooks_total", "Webhooks by gateway and answer", ["gateway", "answer"])

log = logging.getLogger(__name__)


def create_receiver() -> Starlette:
    """The receiver's routes, below /webhooks."""
    return _never_redirecting(Starlette(routes=[Route("/{gateway}/{account}", Receiver().receive, methods=["POST"])]))


def create_standalone_receiver() -> Starlette:
    """The ASGI application of `planshift receiver`: the same routes, a health check and metrics."""
    routes = [Mount("/webhooks", create_receiver()), Route("/healthz", _healthz), Route("/metrics", _metrics)]
    return _never_redirecting(Starlette(routes=routes, middleware=[Middleware(SafeHeaders)]))


def _never_redirecting(app: Starlette) -> Starlette:
    """To the same address with another stroke, by the name that the caller gave us, whatever that is."""
    app.router.redirect_slashes = False
    return app


class Receiver:
    """The receiver of one process: the accounts it knows, its writer, its enqueuer."""

    def __init__(self) -> None:
        self._accounts = Accounts()
        self._sample = RefusedSample()
        self._enqueuer = Enqueuer()
        self._writer = InboxWriter()

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
        except (WrongSecretKey, SQLAlchemyError, TimeoutError) as error:
            log.error("a webhook could not be written down: %s", error)
            code = "wrong_secret_key" if isinstance(error, WrongSecretKey) else "not_available"
            return _answer(gateway, 503, code, "Not written down. Send it again.", headers={"Retry-After": "5"})
        RECEIVED.labels(gateway, "200").inc()
        return JSONResponse({"received": True}, background=BackgroundTask(self._enqueuer.enqueue, event_id))

    async def _in_time(self, gateway: str, account: str, headers: Headers, body: bytes) -> str:
        """Raises UnknownAccount, Refused, SQLAlchemyError, TimeoutError; after that last one the row may still be
        committed, and the repetition is a duplicate."""
        with anyio.fail_after(ANSWER_SECONDS):
            known, delivery = await self._accounts.verified(gateway, account, headers, body)
            return await self._writer.write(ReceivedWebhook(known.provider_id, known.connection_id, delivery, body))


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
    if not may_read(request.headers.get("authorization")):
        return JSONResponse({"detail": KEY_MISSING}, 401)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
