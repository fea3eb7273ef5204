"""The sandbox page's application, mounted at /sandbox, and the page itself, which stands at /."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import httpx
from fastapi import FastAPI, Form, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException
from starlette.responses import Response

from domain.errors import ChangeError
from engine.accounts.providers import set_clock
from engine.offers import quote_change
from models.customer import Customer, read_service
from models.database import transaction
from models.provider import Provider, business_now, catalog_of
from models.sessions import open_portal_session
from web.portal.links import PortalLink
from web.portal.pages import HEADERS, see
from web.portal.visit import begin_visit, new_visit
from web.sandbox.access import Ready, ReadyForForm, ready_of, sandbox_providers
from web.sandbox.cards import CustomerCard, ProviderCard, customer_card, provider_card
from web.sandbox.pages import STATIC, page

MAILS_SHOWN = 50
RowId = Annotated[str, Form(max_length=64, pattern=r"^[a-z]+_[0-9a-z]+$")]


def create_sandbox() -> FastAPI:
    """The ASGI application of what the page's forms lead to; its paths are below /sandbox."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.add_api_route("/sign-in", sign_in, methods=["POST"])
    app.add_api_route("/upgrade", upgrade, methods=["POST"])
    app.add_api_route("/clock", move_clock, methods=["POST"])
    app.add_api_route("/mails", mails, methods=["GET"])
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_exception_handler(HTTPException, refuse)
    app.add_exception_handler(RequestValidationError, refuse)
    return app


def home(request: Request) -> HTMLResponse:
    """Who is there, what time it is, and where everything else is."""
    ready = ready_of(request)
    with transaction() as session:
        cards = [provider_card(session, provider) for provider in sandbox_providers(session, ready)]
        customers = ready.get("customers")
        being_made = customers if customers and customers["made"] < customers["of"] else None
        notice = request.query_params.get("notice")
        return page("home.html", ready, cards=cards, being_made=being_made, notice=notice)


def refuse(request: Request, error: Exception) -> Response:
    """No sandbox, somebody else's form, or a form of an older page."""
    status = error.status_code if isinstance(error, HTTPException) else 422
    sentence = {
        404: "There is nothing here.",
        403: "This form was not sent from the sandbox page. Nothing was changed.",
    }.get(status, "This form is not as the sandbox page sends it. Go back and reload it.")
    return page("problem.html", status=status, heading="Not done", sentence=sentence, signed_in=False)


def sign_in(ready: ReadyForForm, customer: RowId) -> RedirectResponse:
    """The browser is this customer from now on, on the page on which their story goes on."""
    with transaction() as session:
        card = _card(session, ready, customer)
    return _be(card)


def upgrade(ready: ReadyForForm, customer: RowId) -> RedirectResponse:
    """As if this customer had chosen the largest plan and pressed Continue: the review of what it costs."""
    with transaction() as session:
        card = _card(session, ready, customer)
    if card.service is None or card.upgrade is None:
        return _be(card)
    try:
        with transaction() as session:
            service = read_service(session, card.service.id)
            assert service is not None, "its card was shown"
            now = business_now(session, Provider, service.provider_id)
            stored = quote_change(session, now, service, card.upgrade.id, service.cycle, None)
        return _be(card, f"/quotes/{stored.id}")
    except ChangeError:
        return _be(card, f"/services/{card.service.id}/change")


def move_clock(ready: ReadyForForm, provider: RowId, to: Annotated[str, Form(max_length=20)]) -> RedirectResponse:
    """By `to` days, to the next renewal, or to noon of a date."""
    with transaction() as session:
        slug = next((one.slug for one in sandbox_providers(session, ready) if one.id == provider), None)
        if slug is None:
            raise HTTPException(404)
        card = provider_card(session, session.get_one(Provider, provider, with_for_update=True))
        moment = _moment(card, to)
        notice = "" if moment and moment >= card.now else "?notice=clock"
        if moment and not notice:
            set_clock(session, card.provider, moment)
    return RedirectResponse(f"/{notice}#{slug}", 303, headers=HEADERS)


def mails(ready: Ready, to: Annotated[str, Query(max_length=320)] = "") -> HTMLResponse:
    """What the sandbox's mail server has, newest first."""
    with transaction() as session:
        sandbox_providers(session, ready)
    with httpx.Client(timeout=5, trust_env=False) as client:
        kept = client.get(f"{ready['mail']}/mails", params={"to": to} if to else {}).raise_for_status().json()
    return page("mails.html", ready, mails=kept[:MAILS_SHOWN], more=len(kept) > MAILS_SHOWN, to=to)


def _card(session: Session, ready: dict[str, Any], customer_id: str) -> CustomerCard:
    """Answers 404 for a customer of a provider that is no sandbox of ours."""
    customer = session.get(Customer, customer_id)
    for provider in sandbox_providers(session, ready):
        if customer is not None and customer.provider_id == provider.id:
            return customer_card(session, catalog_of(session, provider), customer)
    raise HTTPException(404)


def _be(card: CustomerCard, path: str = "") -> RedirectResponse:
    with transaction() as session:
        session_id = open_portal_session(session, card.customer.id)
    assert session_id is not None, "it is a link that opens no second session"
    answer = see(path or card.path)
    begin_visit(answer, new_visit(PortalLink(card.customer.id), session_id, card.customer.locale))
    return answer


def _moment(card: ProviderCard, to: str) -> datetime | None:
    """None for what is no moment."""
    if to == "renewal":
        return card.renewal
    try:
        if to.isdecimal():
            return card.now + timedelta(days=int(to))
        noon = datetime.combine(date.fromisoformat(to), time(12), ZoneInfo(card.catalog.timezone))
    except (ValueError, OverflowError):
        return None
    return noon.astimezone(UTC)
