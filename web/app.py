"""The web application: the API, the portal, and the webhook door, which can also run as a process of its own."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable

import structlog
from fastapi import FastAPI, Request, Response

from web.api import changes, host, invoices, operations, problems, services
from web.portal.app import create_portal
from web.webhooks.app import create_receiver

BODY_MAX_BYTES = 256 * 1024


def create_app() -> FastAPI:
    """The ASGI application of `planshift web`."""
    app = FastAPI(
        title="Planshift",
        version="1",
        description="Plan upgrades and downgrades done right. Money is in minor units, instants are RFC 3339 in UTC.",
        max_body_size=BODY_MAX_BYTES,
    )
    problems.install(app)
    app.middleware("http")(_with_request_id)
    for routes in (services, changes, invoices, host, operations):
        app.include_router(routes.router)
    app.mount("/webhooks", create_receiver())
    app.mount("/portal", create_portal())
    return app


async def _with_request_id(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Every answer, and every log line about it, carries the same id."""
    request_id = f"req_{uuid.uuid4().hex}"
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        response = await call_next(request)
    response.headers["X-Request-Id"] = request_id
    return response
