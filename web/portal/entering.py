"""The way in and out: the signed link becomes a visit, once, and leads to the step that it names."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Literal
from urllib.parse import quote as quote_path

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy.orm import Session

from domain.errors import ChangeError
from engine.notifications.bill_links import BadBillLink, invoice_of
from engine.offers import quote_change
from models.customer import Customer
from models.database import transaction
from models.invoice import Invoice
from models.sessions import PortalSession, end_session, is_open, open_portal_session, opened_by
from web.portal.choosing import blocked
from web.portal.links import PortalLink, digest_of, link_of_token
from web.portal.pages import plain_page, see
from web.portal.problems import LinkExpired, NotSignedIn
from web.portal.visit import (
    COOKIE_PATH,
    FormOfBill,
    Visit,
    begin_visit,
    end_visit,
    new_visit,
    transaction_for,
    visit_of,
)

router = APIRouter()

Language = Literal["en", "es", "ja", "hi"]
_OUR_PATH = re.compile(r"/[A-Za-z0-9_/?&=%.-]*")


@router.api_route("/enter", methods=["GET", "HEAD"])
def show_entrance(token: Annotated[str, Query(max_length=4_000)] = "") -> HTMLResponse:
    """What a signed link shows: a form that follows it. Who only fetches it, as mail scanners do, uses nothing up."""
    link = link_of_token(token)
    with transaction() as session:
        locale = link.locale or _customer(session, link).locale
    return plain_page("enter.html", locale, token=token)


@router.post("/enter")
def enter(request: Request, token: Annotated[str, Form(max_length=4_000)] = "") -> RedirectResponse:
    """Follows the link: the browser gets its cookie, and the token leaves the address bar."""
    link = link_of_token(token)
    visit = _visit_by(link, digest_of(token), request)
    answer = see(link.page.removeprefix(COOKIE_PATH) if link.page else _first_step(visit, link))
    begin_visit(answer, visit)
    return answer


@router.api_route("/bills/{token}", methods=["GET", "HEAD"])
def show_bill(request: Request, token: Annotated[str, Path(max_length=4_000)]) -> RedirectResponse:
    """What a mail's link shows: the page of one bill. Who is signed in already sees it as they are."""
    try:
        invoice_id = invoice_of(token)
    except BadBillLink as error:
        raise LinkExpired() from error
    answer = see(f"/invoices/{invoice_id}")
    with transaction() as session:
        invoice = session.get(Invoice, invoice_id)
        if invoice is None:
            raise LinkExpired()
        with suppress(NotSignedIn):
            visit = visit_of(request)
            sees_it = visit.customer == invoice.customer_id and visit.bill in (None, invoice.id)
            if sees_it and is_open(session, PortalSession, visit.id):
                return answer
        session_id = open_portal_session(session, invoice.customer_id)
        assert session_id is not None, "only a link that was followed before opens none"
        begin_visit(answer, Visit(invoice.customer_id, session_id, invoice.customer.locale, bill=invoice.id))
    return answer


@router.post("/leave")
def leave(visit: FormOfBill) -> HTMLResponse:
    """Signs out: whoever else has the cookie is out, too."""
    with transaction() as session:
        end_session(session, PortalSession, visit.id)
    answer = plain_page("goodbye.html", visit.locale or "en", return_url=visit.return_url)
    end_visit(answer)
    return answer


@router.post("/language")
def choose_language(
    visit: FormOfBill,
    language: Annotated[Language, Form()],
    back: Annotated[str, Form(max_length=400)] = "/services",
) -> RedirectResponse:
    """The same page in another language, for this visit; what is written down stays in the customer's."""
    answer = see(back if _OUR_PATH.fullmatch(back) else "/services")
    begin_visit(answer, replace(visit, locale=language))
    return answer


def _customer(session: Session, link: PortalLink) -> Customer:
    customer = session.get(Customer, link.customer)
    if customer is None:
        raise LinkExpired()
    return customer


def _visit_by(link: PortalLink, digest: str, request: Request) -> Visit:
    """A new visit, or the one that the same browser has had by this link. Raises LinkExpired."""
    with transaction() as session:
        customer = _customer(session, link)
        if session_id := open_portal_session(session, customer.id, digest):
            return new_visit(link, session_id, customer.locale)
        with suppress(NotSignedIn):
            if opened_by(session, (visit := visit_of(request)).id, digest):
                return visit
    raise LinkExpired()


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
