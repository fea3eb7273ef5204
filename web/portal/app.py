"""The portal's application, mounted at /portal: the steps a customer clicks, and what is shown when one goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from babel import negotiate_locale
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from domain.words import LANGUAGES, sentence
from models.database import DATABASE_AWAY, UNSTORABLE
from web.places import TooMany
from web.portal import branding, choosing, ending, entering, overview, paying, progress
from web.portal.pages import PAGE_PATH, STATIC, plain_page, with_headers
from web.portal.problems import NotSignedIn, PageProblem
from web.portal.sign_in import sign_in_link
from web.portal.visit import COOKIE_PATH, visit_of

log = logging.getLogger(__name__)


def create_portal() -> FastAPI:
    """The ASGI application of the portal; its paths are below /portal."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.middleware("http")(_on_its_page)
    for part in (branding, entering, overview, choosing, paying, progress, ending):
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=STATIC))
    _install_problems(app)
    return app


async def _on_its_page(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    query = f"?{request.url.query}" if request.url.query else ""
    PAGE_PATH.set(request.url.path.removeprefix(COOKIE_PATH) + query)
    return await with_headers(request, call_next)


def _install_problems(app: FastAPI) -> None:
    app.add_exception_handler(PageProblem, _problem)
    app.add_exception_handler(TooMany, _too_many)
    for malformed in (RequestValidationError, HTTPException, *UNSTORABLE):
        app.add_exception_handler(malformed, _malformed)
    for away in DATABASE_AWAY:
        app.add_exception_handler(away, _database_away)
    app.add_exception_handler(Exception, _unexpected)


def _problem(request: Request, problem: Exception) -> HTMLResponse:
    assert isinstance(problem, PageProblem)
    sign_in = None
    if isinstance(problem, NotSignedIn):
        sign_in = sign_in_link(request.url.path.removeprefix(COOKIE_PATH))
    return _page(request, problem.name, problem.status, sign_in)


def _too_many(request: Request, error: Exception) -> Response:
    """More tabs wait for news than one customer may have: this one looks from time to time instead."""
    return Response(status_code=429)


def _malformed(request: Request, error: Exception) -> HTMLResponse:
    """An address or a form that no page of ours makes."""
    return _page(request, "not_found", error.status_code if isinstance(error, HTTPException) else 404)


def _database_away(request: Request, error: Exception) -> HTMLResponse:
    log.warning("the database does not answer: %s", error)
    return _page(request, "away", 503)


def _unexpected(request: Request, error: Exception) -> HTMLResponse:
    return _page(request, "unexpected", 500)


def _page(request: Request, name: str, status: int, sign_in: str | None = None) -> HTMLResponse:
    locale = _locale(request)
    heading, text = sentence(locale, f"problem_{name}"), sentence(locale, f"problem_{name}_text")
    signed_in = status != 401
    return plain_page(
        "problem.html", locale, status, heading=heading, sentence=text, signed_in=signed_in, sign_in=sign_in
    )


def _locale(request: Request) -> str:
    """The visit's language; without one, that which the browser asks for."""
    try:
        visit = visit_of(request)
    except NotSignedIn:
        visit = None
    if visit is not None and visit.locale:
        return visit.locale
    wanted = [part.partition(";")[0].strip() for part in request.headers.get("accept-language", "").split(",")]
    return negotiate_locale(wanted, list(LANGUAGES), sep="-") or "en"
