"""The portal's application, mounted at /portal: the steps a customer clicks, and what is shown when one goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from models.database import DATABASE_AWAY, UNSTORABLE
from web.portal import choosing, ending, entering, overview, progress
from web.portal.links import LinkExpired
from web.portal.pages import HEADERS, STATIC, plain_page
from web.portal.visit import FormNotOurs, NotFound, NotSignedIn

log = logging.getLogger(__name__)

# The nearest class of an exception decides which HTTP status and heading its sentence gets.
_PROBLEMS: tuple[tuple[type[Exception], int, str], ...] = (
    (LinkExpired, 401, "This link cannot be used"),
    (NotSignedIn, 401, "You are not signed in"),
    (FormNotOurs, 403, "Nothing was sent"),
    (NotFound, 404, "Not found"),
)
_AWAY = "Nothing was changed. Wait a moment, then reload this page."
_UNEXPECTED = "Something went wrong on our side. Look at your services before you try again."


def create_portal() -> FastAPI:
    """The ASGI application of the portal; its paths are below /portal."""
    app = FastAPI(openapi_url=None)
    app.middleware("http")(_with_headers)
    for part in (entering, overview, choosing, progress, ending):
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=STATIC))
    _install_problems(app)
    return app


async def _with_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    for name, value in HEADERS.items():
        if name != "Cache-Control" or "/static/" not in request.url.path:
            response.headers[name] = value
    return response


def _install_problems(app: FastAPI) -> None:
    for error_class, status, heading in _PROBLEMS:
        app.add_exception_handler(error_class, _handler(status, heading))
    for malformed in (RequestValidationError, HTTPException, *UNSTORABLE):
        app.add_exception_handler(malformed, _malformed)
    for away in DATABASE_AWAY:
        app.add_exception_handler(away, _database_away)
    app.add_exception_handler(Exception, _unexpected)


def _handler(status: int, heading: str) -> Callable[[Request, Exception], HTMLResponse]:
    def answer(request: Request, error: Exception) -> HTMLResponse:
        return plain_page("problem.html", status, heading=heading, sentence=str(error), signed_in=status != 401)

    return answer


def _malformed(request: Request, error: Exception) -> HTMLResponse:
    """An address or a form that no page of ours makes."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    return plain_page("problem.html", status, heading="Not found", sentence=str(NotFound()), signed_in=True)


def _database_away(request: Request, error: Exception) -> HTMLResponse:
    log.warning("the database does not answer: %s", error)
    return plain_page("problem.html", 503, heading="Not available just now", sentence=_AWAY, signed_in=True)


def _unexpected(request: Request, error: Exception) -> HTMLResponse:
    return plain_page("problem.html", 500, heading="An error of ours", sentence=_UNEXPECTED, signed_in=True)
