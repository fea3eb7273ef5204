"""`POST /webhooks/{gateway}/{account}`: ASGI without a framework, and without Celery or Redis on its way to the answer.

Bad signature → 400; database trouble → 503 within 4 s, so that the gateway sends it again; anything authentic →
written down, committed, 200. What it means is decided afterwards, by a task. What nobody signed and names no payment
that we opened is dropped with the same answer, which tells nobody what we opened.
"""

from __future__ import annotations

import asyncio
import logging

from anyio.to_thread import run_sync
from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

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


class NoSuchAddress(Exception):
    """Not of the form that webhooks have."""

    def __init__(self) -> None:
        super().__init__("Webhooks go to /webhooks/{gateway}/{account}.")


class NotPosted(Exception):
    """Asked for, put or deleted."""

    def __init__(self) -> None:
        super().__init__("A webhook is posted.")


class CutOff(Exception):
    """Its sender went away."""

    def __init__(self) -> None:
        super().__init__("The request ended before its body did.")


class TooLarge(Exception):
    """No gateway sends so much."""

    def __init__(self) -> None:
        super().__init__(f"A webhook has at most {BODY_MAX_BYTES} bytes.")


_REFUSALS: dict[type[Exception], tuple[int, str, dict[str, str] | None]] = {
    NoSuchAddress: (404, "not_found", None),
    NotPosted: (405, "method_not_allowed", {"Allow": "POST"}),
    CutOff: (400, "cut_off", None),
    TooLarge: (413, "too_large", None),
    UnknownAccount: (404, "unknown_account", None),
    TooManyUnsigned: (429, "rate_limited", {"Retry-After": str(WINDOW_SECONDS)}),
}
_RECEIVED = JSONResponse({"received": True})
_ANSWERED_200 = {gateway: RECEIVED.labels(gateway, "200") for gateway in GATEWAYS}


def create_standalone_receiver() -> ASGIApp:
    """The ASGI application of `planshift receiver`: the receiver, a health check and metrics."""
    routes = [Mount("/webhooks", Receiver()), Route("/healthz", _healthz), Route("/metrics", _metrics)]
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False  # by the name that the caller gave us, whatever that is
    return SafeHeaders(app)


class Receiver:
    """The receiver of one process, an ASGI application: the accounts it knows, its writer, its enqueuer."""

    def __init__(self) -> None:
        self._accounts = Accounts()
        self._sample = RefusedSample()
        self._enqueuer = Enqueuer()
        self._writer = InboxWriter()
        self._unsigned = Unsigned()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Takes one webhook in, answers it, and only then does what may wait."""
        gateway = ""
        try:
            gateway, account = _addressed(scope)
            body = await _capped_body(receive)
            webhook, event_id = await self._in_time(scope, gateway, account, body)
        except tuple(_REFUSALS) as error:
            status, code, headers = _REFUSALS[type(error)]
            await _problem(gateway, status, code, str(error), headers)(scope, receive, send)
        except Refused as error:
            await _problem(gateway, 400, "bad_signature", str(error))(scope, receive, send)
            await run_sync(self._sample.keep, error.connection_id, str(error), scope["headers"], body)
        except (WrongSecretKey, SQLAlchemyError, TimeoutError) as error:
            log.error("a webhook could not be written down: %s", error)
            code = "wrong_secret_key" if isinstance(error, WrongSecretKey) else "not_available"
            again = {"Retry-After": "5"}
            await _problem(gateway, 503, code, "Not written down. Send it again.", again)(scope, receive, send)
        else:
            _ANSWERED_200[gateway].inc()
            await _RECEIVED(scope, receive, send)
            if event_id is None:
                DROPPED.labels(gateway).inc()
            else:
                self._enqueuer.enqueue(event_id, webhook.delivery.fetch_only)

    async def _in_time(self, scope: Scope, gateway: str, account: str, body: bytes) -> tuple[ReceivedWebhook, Filed]:
        """Raises UnknownAccount, Refused, TooManyUnsigned, SQLAlchemyError, TimeoutError; after that last one the row
        may still be committed, and the repetition is a duplicate."""
        async with asyncio.timeout(ANSWER_SECONDS):
            known, delivery = await self._accounts.verified(gateway, account, scope["headers"], body)
            webhook = ReceivedWebhook(known.provider_id, known.connection_id, delivery, body)
            if not delivery.fetch_only:
                return webhook, await self._writer.write(webhook)
            counted = (known.connection_id, address_of(scope))
            await self._unsigned.check(*counted)
            filed = await self._writer.write(webhook)
            if filed is None:
                await self._unsigned.was_dropped(*counted)
            return webhook, filed


def _addressed(scope: Scope) -> tuple[str, str]:
    """The gateway, and the account at it. Raises NoSuchAddress, NotPosted."""
    match scope["path"].split("/"):
        case ["", "webhooks", gateway, account] if gateway and account:
            if scope["method"] != "POST":
                raise NotPosted
            return gateway, account
    raise NoSuchAddress


async def _capped_body(receive: Receive) -> bytes:
    """The raw bytes; given up as soon as they are more than the cap, whatever the headers say. Raises CutOff,
    TooLarge."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CutOff
        body += message.get("body", b"")
        if len(body) > BODY_MAX_BYTES:
            raise TooLarge
        more = message.get("more_body", False)
    return body


def _problem(gateway: str, status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    RECEIVED.labels(gateway if gateway in GATEWAYS else "unknown", str(status)).inc()
    body = {"type": f"urn:planshift:problem:{code}", "status": status, "detail": detail, "code": code}
    return JSONResponse(body, status, headers=headers, media_type="application/problem+json")


async def _healthz(request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


async def _metrics(request: Request) -> Response:
    if not may_read(request.headers.get("authorization")):
        return JSONResponse({"detail": KEY_MISSING}, 401)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
