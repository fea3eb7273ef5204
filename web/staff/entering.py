"""The way in and out: an operators' key and the name that is written beside every decision become a visit."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from domain.texts import UnfitText, check_line
from models.database import transaction
from models.provider import find_api_key
from web.staff.pages import plain_page, see
from web.staff.visit import SCOPE, ForgedStaffForm, SignedForm, begin_visit, end_visit

router = APIRouter()

ACTOR_MAX = 100
# A page of ours, and never an address elsewhere: one slash begins it.
_OWN_PAGE = re.compile(r"/(?:[A-Za-z0-9_-][A-Za-z0-9_/-]*)?(?:\?[A-Za-z0-9_=&%.+~@-]*)?")

Next = Annotated[str, Query(max_length=500)]


@router.get("/sign-in")
def show_sign_in(next: Next = "/") -> HTMLResponse:
    """The form. `next` is the page that was asked for."""
    return plain_page("sign_in.html", next=_own(next), actor="", problem="")


@router.post("/sign-in")
def sign_in(
    request: Request,
    key: Annotated[str, Form(max_length=200)] = "",
    actor: Annotated[str, Form(max_length=ACTOR_MAX)] = "",
    next: Annotated[str, Form(max_length=500)] = "/",
) -> Response:
    """Checks the key. It is not kept: the cookie names its row, and ends when the key is revoked."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise ForgedStaffForm()
    with transaction() as session:
        found = find_api_key(session, key.strip())
        request.state.credential_is_good = found is not None  # who guesses is slowed down: web/rate_limits.py
        problem = _problem(actor.strip(), found.scopes if found else None)
        if problem or found is None:
            return plain_page("sign_in.html", 401, next=_own(next), actor=actor, problem=problem)
        answer = see(_own(next))
        begin_visit(session, answer, found, actor.strip())
    return answer


@router.post("/sign-out")
def sign_out(visit: SignedForm) -> HTMLResponse:
    """Signs out: whoever else has the cookie is out, too."""
    answer = plain_page("signed_out.html")
    with transaction() as session:
        end_visit(session, answer, visit)
    return answer


def _problem(actor: str, scopes: list[str] | None) -> str:
    if scopes is None:
        return "This key is unknown or revoked. `planshift keys create` makes one with the scope ops."
    if SCOPE not in scopes:
        return f"This key is for {' and '.join(scopes)}. Staff sign in with a key of scope ops."
    try:
        check_line(actor)
    except UnfitText as error:
        return f"Your name: {error}"
    return ""


def _own(path: str) -> str:
    return path if _OWN_PAGE.fullmatch(path) else "/"
