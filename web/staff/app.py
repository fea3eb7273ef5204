"""The staff pages' application, mounted at /staff, and what is shown when something goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from models.database import DATABASE_AWAY, UNSTORABLE
from web.api.problems import STATUS_OF
from web.portal.pages import with_headers
from web.staff import changes, decisions, entering, looking, money, payments, rows
from web.staff.deciding import BadForm
from web.staff.pages import STATIC, plain_page, see
from web.staff.visit import ForgedStaffForm, NoSuchRow, StaffSignedOut

log = logging.getLogger(__name__)

_AWAY = "Nothing was changed. Wait a moment, then reload this page."
_UNEXPECTED = "An error of ours; it is in the log of web. Look at what you decided about before you try again."


def create_staff() -> FastAPI:
    """The ASGI application of the staff pages; its paths are below /staff."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.middleware("http")(with_headers)
    for part in (entering, looking, changes, rows, money, decisions, payments):
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=STATIC))
    _install_problems(app)
    return app


def _install_problems(app: FastAPI) -> None:
    app.add_exception_handler(StaffSignedOut, _not_signed_in)
    app.add_exception_handler(ForgedStaffForm, _handler(403, "Nothing was done"))
    app.add_exception_handler(NoSuchRow, _handler(404, "Not found"))
    app.add_exception_handler(BadForm, _handler(422, "Not done yet"))
    # What the engine refuses has one sentence, here as over HTTP.
    for refused, status, _ in STATUS_OF:
        app.add_exception_handler(refused, _handler(status, "That cannot be done"))
    for malformed in (RequestValidationError, HTTPException, *UNSTORABLE):
        app.add_exception_handler(malformed, _malformed)
    for away in DATABASE_AWAY:
        app.add_exception_handler(away, _database_away)
    app.add_exception_handler(Exception, _unexpected)


def _not_signed_in(request: Request, error: Exception) -> Response:
    assert isinstance(error, StaffSignedOut)
    return see(f"/sign-in?next={quote(error.path, safe='/')}")


def _handler(status: int, heading: str) -> Callable[[Request, Exception], HTMLResponse]:
    def answer(request: Request, error: Exception) -> HTMLResponse:
        # A form's action is the page that it stands on and one word more.
        back = request.url.path.rpartition("/")[0] if request.method == "POST" else ""
        return plain_page("problem.html", status, heading=heading, sentence=str(error), back=back)

    return answer


def _malformed(request: Request, error: Exception) -> HTMLResponse:
    """An address or a form that no page of ours makes."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    return plain_page("problem.html", status, heading="Not found", sentence=str(NoSuchRow()))


def _database_away(request: Request, error: Exception) -> HTMLResponse:
    log.warning("the database does not answer: %s", error)
    return plain_page("problem.html", 503, heading="Not available just now", sentence=_AWAY)


def _unexpected(request: Request, error: Exception) -> HTMLResponse:
    return plain_page("problem.html", 500, heading="An error of ours", sentence=_UNEXPECTED)
