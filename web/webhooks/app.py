"""`POST /{gateway}/{account}`: a small app of its own, without Celery or Redis on its way to the answer.

Bad signature → 400; database trouble → 503, so that the gateway sends it again; anything authentic → written down,
committed, 200. What it means is decided afterwards, by a task.
"""

from __future__ import annotations

import logging
from typing import Any

from anyio.to_thread import run_sync
from prometheus_client import Counter
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from engine.inbox import receive_event
from engine.outside import machine_time
from engine.providers import gateway_account
from gateways.protocol import BadSignature
from gateways.registry import GATEWAYS
from models.database import transaction
from models.provider import Connection, Provider, business_now

BODY_MAX_BYTES = 256 * 1024

RECEIVED = Counter("planshift_webhooks_total", "Webhooks by gateway and answer", ["gateway", "answer"])

log = logging.getLogger(__name__)


def create_receiver() -> Starlette:
    """The receiver's routes, below /webhooks."""
    return Starlette(routes=[Route("/{gateway}/{account}", receive, methods=["POST"])])


def create_standalone_receiver() -> Starlette:
    """The ASGI application of `planshift receiver`: the same routes, and a health check."""
    return Starlette(routes=[Mount("/webhooks", create_receiver()), Route("/healthz", _healthz)])


async def receive(request: Request) -> JSONResponse:
    """Takes one webhook in."""
    gateway, account = request.path_params["gateway"], request.path_params["account"]
    body = await _capped_body(request)
    if body is None:
        return _answer(gateway, 413, "too_large", f"A webhook has at most {BODY_MAX_BYTES} bytes.")
    try:
        event_id = await run_sync(_write_down, gateway, account, request.headers.raw, body)
    except BadSignature as error:
        return _answer(gateway, 400, "bad_signature", str(error))
    except (DBAPIError, SQLAlchemyError) as error:
        log.error("a webhook could not be written down: %s", error)
        return _answer(gateway, 503, "not_available", "Not written down. Send it again.", {"Retry-After": "5"})
    if event_id is None:
        return _answer(gateway, 404, "unknown_account", f"There is no account {account} at gateway {gateway}.")
    RECEIVED.labels(gateway, "200").inc()
    return JSONResponse({"received": True}, background=BackgroundTask(_ring, event_id))


async def _capped_body(request: Request) -> bytes | None:
    """The raw bytes; None as soon as they are more than the cap, whatever the headers say."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            return None
    return bytes(body)


def _write_down(gateway: str, account: str, headers: list[tuple[bytes, bytes]], body: bytes) -> str | None:
    """Verifies and stores; the id of the inbox row, None for an account we do not know. Raises BadSignature."""
    adapter = GATEWAYS.get(gateway)
    if adapter is None:
        return None
    with transaction() as session:
        connection = session.scalar(
            select(Connection).where(
                Connection.kind == "gateway", Connection.adapter == gateway, Connection.account == account
            )
        )
        if connection is None:
            return None
        if not connection.secrets:
            raise BadSignature("This account has no webhook secret, so nothing can be believed. Set one.")
        delivery = adapter.verify(gateway_account(connection), headers, body, machine_time(session))
        now = business_now(session, Provider, connection.provider_id)
        return receive_event(session, now, connection, delivery.event_key, body)


def _ring(event_id: str) -> None:
    """After the answer; if the bell does not ring, the sweep finds the row."""
    from tasks.story import ring_step

    ring_step("payments.process_event", event_id=event_id)


def _answer(gateway: str, status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    RECEIVED.labels(gateway if gateway in GATEWAYS else "unknown", str(status)).inc()
    body: dict[str, Any] = {"type": f"urn:planshift:problem:{code}", "status": status, "detail": detail, "code": code}
    return JSONResponse(body, status, headers=headers, media_type="application/problem+json")


async def _healthz(request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})
