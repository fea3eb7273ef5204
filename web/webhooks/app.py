"""`POST /{gateway}/{account}`: a small app of its own, without Celery or Redis on its way to the answer.

Bad signature → 400; database trouble → 503 within 4 s, so that the gateway sends it again; anything authentic →
written down, committed, 200. What it means is decided afterwards, by a task. What nobody signed and names no payment
that we opened is dropped with the same answer, which tells nobody what we opened.
"""

from __future__ import annotations

import logging
from typing import Any

import anyio
from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from engine.payments.inbox_store import ReceivedWebhook
from gateways.registry import GATEWAYS
from models.base import WrongSecretKey
from web.addresses import address_of
from web.metrics import KEY_MISSING, may_read
from web.safe_headers import SafeHeaders
from web.webhooks.accounts import Accounts, Refused, UnknownAccount
from web.webhooks.enqueuer import Enqueuer
from web.webhooks.refused import RefusedSample
from web.webhooks.unsigned import WINDOW_SECONDS, TooManyUnsigned, Unsigned
from web.webhooks.writer import Filed, InboxWriter

BODY_MAX_BYTES = 256 * 1024
# Gateways give up after 5 s; a thread that still waits for the database by then is left to itself.
ANSWER_SECONDS = 3.5

RECEIVED = Counter("planshift_webhooks_total", "Webhooks by gateway and answer", ["gateway", "answer"])
DROPPED = Counter("planshift_webhooks_dropped_total", "Unsigned webhooks that led to nothing new", ["gateway"])

log = logging.getLogger(__name__)


class TooLarge(Exception):
    """No gateway sends so much."""

    def __init__(self) -> None:
        super().__init__(f"A webhook has at most {BODY_MAX_BYTES} bytes.")


_REFUSALS: dict[type[Exception], tuple[int, str, dict[str, str] | None]] = {
    TooLarge: (413, "too_large", None),
    UnknownAccount: (404, "unknown_account", None),
    TooManyUnsigned: (429, "rate_limited", {"Retry-After": str(WINDOW_SECONDS)}),
}


def create_receiver() -> Starlette:
    """The receiver's routes, below /webhooks."""
    return _never_redirecting(Starlette(routes=[Route("/{gateway}/{account}", Receiver().receive, methods=["POST"])]))


def create_standalone_receiver() -> ASGIApp:
    """The ASGI application of `planshift receiver`: the same routes, a health check and metrics."""
    routes = [Mount("/webhooks", create_receiver()), Route("/healthz", _healthz), Route("/metrics", _metrics)]
    return SafeHeaders(_never_redirecting(Starlette(routes=routes)))


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
        self._unsigned = Unsigned()

    async def receive(self, request: Request) -> Response:
        """Takes one webhook in."""
        gateway = request.path_params["gateway"]
        try:
            body = await _capped_body(request)
            webhook, event_id = await self._in_time(request, body)
        except ClientDisconnect:
            return _answer(gateway, 400, "cut_off", "The request ended before its body did.")
        except tuple(_REFUSALS) as error:
            status, code, headers = _REFUSALS[type(error)]
            return _answer(gateway, status, code, str(error), headers=headers)
        except Refused as error:
            keep = BackgroundTask(self._sample.keep, error.connection_id, str(error), request.headers.raw, body)
            return _answer(gateway, 400, "bad_signature", str(error), background=keep)
        except (WrongSecretKey, SQLAlchemyError, TimeoutError) as error:
            log.error("a webhook could not be written down: %s", error)
            code = "wrong_secret_key" if isinstance(error, WrongSecretKey) else "not_available"
            return _answer(gateway, 503, code, "Not written down. Send it again.", headers={"Retry-After": "5"})
        RECEIVED.labels(gateway, "200").inc()
        if event_id is None:
            DROPPED.labels(gateway).inc()
            return JSONResponse({"received": True})
        return JSONResponse(
            {"received": True}, background=BackgroundTask(self._enqueuer.enqueue, event_id, webhook.delivery.fetch_only)
        )

    async def _in_time(self, request: Request, body: bytes) -> tuple[ReceivedWebhook, Filed]:
        """Raises UnknownAccount, Refused, TooManyUnsigned, SQLAlchemyError, TimeoutError; after that last one the row
        may still be committed, and the repetition is a duplicate."""
        gateway, account = request.path_params["gateway"], request.path_params["account"]
        with anyio.fail_after(ANSWER_SECONDS):
            known, delivery = await self._accounts.verified(gateway, account, request.headers.raw, body)
            webhook = ReceivedWebhook(known.provider_id, known.connection_id, delivery, body)
            if not delivery.fetch_only:
                return webhook, await self._writer.write(webhook)
            counted = (known.connection_id, address_of(request.scope))
            await self._unsigned.check(*counted)
            filed = await self._writer.write(webhook)
            if filed is None:
                await self._unsigned.was_dropped(*counted)
            return webhook, filed


async def _capped_body(request: Request) -> bytes:
    """The raw bytes; given up as soon as they are more than the cap, whatever the headers say. Raises TooLarge."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            raise TooLarge
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
