"""The web application: the API, the portal, the staff pages, and the webhook receiver, which can also run as a process
of its own."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

import structlog
from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from settings import settings
from web.api import (
    cancellations,
    changes,
    customer_access,
    dead_letters,
    following,
    host,
    invoice_decisions,
    invoices,
    manual_payments,
    operations,
    ops,
    payment_attempts,
    problems,
    reference,
    services,
)
from web.api.pages import check_address
from web.cors import ProvidersOrigins
from web.etags import JsonETags
from web.portal.app import create_portal
from web.portal.pages import see
from web.rate_limits import RateLimits
from web.safe_headers import SafeHeaders
from web.sandbox.app import create_sandbox, home
from web.staff.app import create_staff
from web.webhooks.app import Receiver

BODY_MAX_BYTES = 256 * 1024

TAGS = {
    "services": "What customers have, what they may change to, and for how much.",
    "plan changes": "Asked for, followed, paid, canceled.",
    "invoices": "Invoices, their documents, and account credit.",
    "host system": "What the provider's own system reports.",
    "operators": "What staff decide.",
    "manual payments": "Gateway events, unmatched money, refunds.",
    "sandbox": "For trying things out.",
    "operations": "Whether the process is well.",
}

# Of the API's answers, besides what their bodies say.
HEADERS = {
    "RateLimit": 'What is left in this window and when the next one begins, in seconds: `"key";r=1999;t=7`.',
    "RateLimit-Policy": 'How many requests a window of so many seconds takes: `"key";q=2000;w=10`.',
    "Retry-After": "With 429: after how many seconds the request may be sent again.",
}


def create_app() -> ASGIApp:
    """The ASGI application of `planshift web`."""
    # Pages hold tokens against forged forms beside what others may put into them: nothing of theirs is compressed.
    plain = (*DEFAULT_EXCLUDED_CONTENT_TYPES, "application/pdf", "text/html")
    compressed = GZipMiddleware(JsonETags(create_api()), compresslevel=5, exclude_content_types=plain)
    return SafeHeaders(WithRequestId(ProvidersOrigins(RateLimits(compressed, settings()))))


def create_api() -> FastAPI:
    """The API with the portal, the staff pages and the webhook receiver mounted."""
    app = FastAPI(
        title="Planshift",
        version="1",
        description="Plan upgrades and downgrades done right. Money is in minor units, instants are RFC 3339 in UTC.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # by the name that the caller gave us, whatever that is
        servers=[{"url": "/"}],
        openapi_tags=[{"name": name, "description": description} for name, description in TAGS.items()],
        max_body_size=BODY_MAX_BYTES,
        generate_unique_id_function=_operation_id,
        responses=problems.ANSWERS,
        dependencies=[Depends(check_address)],
    )
    problems.install(app)
    for routes in (
        services,
        cancellations,
        changes,
        following,
        payment_attempts,
        invoices,
        invoice_decisions,
        host,
        customer_access,
        operations,
        manual_payments,
        ops,
        dead_letters,
        reference,
    ):
        app.include_router(routes.router)
    app.mount(reference.ASSETS, reference.assets())
    app.mount("/webhooks", Receiver())
    app.mount("/portal", create_portal())
    app.add_route("/portal", lambda _: see("/services"), include_in_schema=False)
    app.mount("/staff", create_staff())
    app.add_route("/staff", lambda _: RedirectResponse("/staff/", 303), include_in_schema=False)
    app.mount("/sandbox", create_sandbox())
    app.add_route("/", home, include_in_schema=False)
    app.openapi = partial(_described, app)  # type: ignore[method-assign]  # as FastAPI's manual extends it
    return app


def _described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, in which errors have the media type that they are sent with."""
    if app.openapi_schema:
        return app.openapi_schema
    document = FastAPI.openapi(app)
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    for answers in [operation["responses"] for operation in operations]:
        for status in problems.ANSWERS.keys() & answers.keys():
            content = answers[status]["content"]
            content[problems.MEDIA_TYPE] = content.pop("application/json")
    _describe_unchanged(document)
    _describe_headers(document)
    return document


def _describe_unchanged(document: dict[str, Any]) -> None:
    """What has an ETag is answered without its body to whoever has it already; a stream has none."""
    for path, by_method in document["paths"].items():
        answers = by_method.get("get", {}).get("responses", {})
        if path.startswith("/v1/") and "text/event-stream" not in answers.get("200", {}).get("content", {}):
            answers["304"] = {"description": "It is as it was when it had the ETag that you sent in `If-None-Match`."}


def _describe_headers(document: dict[str, Any]) -> None:
    """What the answers of /v1/ carry beside their bodies."""
    document["components"]["headers"] = {
        name: {"description": description, "schema": {"type": "string"}} for name, description in HEADERS.items()
    }
    for path, by_method in document["paths"].items():
        for operation in by_method.values() if path.startswith("/v1/") else ():
            for status, answer in operation["responses"].items():
                names = HEADERS if status == "4XX" else HEADERS.keys() - {"Retry-After"}
                named = {name: {"$ref": f"#/components/headers/{name}"} for name in sorted(names)}
                answer["headers"] = answer.get("headers", {}) | named


def _operation_id(route: APIRoute) -> str:
    """The function's own name: what generated clients call it."""
    return route.name


class WithRequestId:
    """Every answer, an unexpected error's too, and every log line about it carry the same id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"req_{uuid.uuid4().hex}"
        too_large = False

        async def send_with_id(message: Message) -> None:
            nonlocal too_large
            if message["type"] == "http.response.start":
                # The framework's limit on bodies answers in plain text, and outside of every handler of ours.
                too_large = message["status"] == 413 and scope["path"].startswith("/v1/")
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            if not too_large:
                await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._app(scope, receive, send_with_id)
            if too_large:
                detail = f"A request body has at most {BODY_MAX_BYTES} bytes."
                answer = problems.problem(413, "too_large", detail, {"X-Request-Id": request_id})
                await answer(scope, receive, send)
