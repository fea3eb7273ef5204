"""The way in and out: the signed link becomes a visit, and leads to the step that it names."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated, Literal
from urllib.parse import quote as quote_path

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, RedirectResponse

from domain.errors import ChangeError
from engine.offers import quote_change
from models.customer import Customer
from models.database import transaction
from web.portal.choosing import blocked
from web.portal.links import PortalLink, link_of_token
from web.portal.pages import plain_page, see
from web.portal.problems import LinkExpired
from web.portal.visit import SignedForm, Visit, begin_visit, end_visit, new_visit, transaction_for

router = APIRouter()

Language = Literal["en", "es", "ja", "hi"]
_OUR_PATH = re.compile(r"/[A-Za-z0-9_/?&=%.-]*")


@router.get("/enter")
def enter(token: Annotated[str, Query(max_length=4_000)] = "") -> RedirectResponse:
    """Follows a signed link: the browser gets its cookie, and the token leaves the address bar."""
    link = link_of_token(token)
    with transaction() as session:
        customer = session.get(Customer, link.customer)
        if customer is None:
            raise LinkExpired()
        visit = new_visit(link, customer.locale)
    answer = see(_first_step(visit, link))
    begin_visit(answer, visit)
    return answer


@router.post("/leave")
def leave(visit: SignedForm) -> HTMLResponse:
    """Signs out on this browser."""
    answer = plain_page("goodbye.html", visit.locale or "en", return_url=visit.return_url)
    end_visit(answer)
    return answer


@router.post("/language")
def choose_language(
    visit: SignedForm,
    language: Annotated[Language, Form()],
    back: Annotated[str, Form(max_length=400)] = "/services",
) -> RedirectResponse:
    """The same page in another language, for this visit; what is written down stays in the customer's."""
    answer = see(back if _OUR_PATH.fullmatch(back) else "/services")
    begin_visit(answer, replace(visit, locale=language))
    return answer


def _first_step(visit: Visit, link: PortalLink) -> str:
    """The path of the step. What cannot be priced begins one step before, where the page says why."""
    if link.service is None:
        return "/services"
    if link.plan is None:
        return f"/services/{link.service}/change"
    cycles = f"/services/{link.service}/change/{quote_path(link.plan, safe='')}"
    if link.cycle is None:
        return cycles
    try:
        with transaction_for(visit) as tx:
            service = tx.service(link.service)
            if blocked(tx, service):
                return f"/services/{service.id}"
            return f"/quotes/{quote_change(tx.session, tx.now, service, link.plan, link.cycle).id}"
    except ChangeError:
        return f"{cycles}?notice=choose"
