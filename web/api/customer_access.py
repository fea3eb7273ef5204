"""What a host system gives one of its customers: a link into the portal, a token for a browser."""

from __future__ import annotations

from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import Field, model_validator

from domain.web_addresses import PAGE, PORTAL_PAGE, is_below
from engine.accounts.services import UnknownService, required_service
from engine.host_reports.sold import required_cycle, required_plan
from models.customer import Customer
from models.provider import catalog_of
from planshift_client import shapes
from planshift_client.shapes.base import told
from settings import settings
from web.api.auth import ApiTransaction, HostKey, transaction_for
from web.api.bodies import Body
from web.api.fields import Locale, Ref, Text
from web.api.problems import Problem
from web.api.tokens import TOKEN_LIFE_SECONDS, token_for
from web.portal.links import LINK_LIFE_SECONDS, PortalLink, portal_link

router = APIRouter(prefix="/v1", tags=["host system"])


class FlowBody(Body):
    """The step that the portal begins with: the plans of a service, the cycles of a plan, or the price of both."""

    service: Ref = told("The service's `ref`.", "zone-1")
    plan: Text | None = told("The plan that it is to have.", "business", default=None)
    cycle: Text | None = told("Its billing cycle; only with a plan.", "monthly", default=None)

    @model_validator(mode="after")
    def _of_a_plan(self) -> Self:
        if self.cycle is not None and self.plan is None:
            raise ValueError("a cycle is of a plan: send both, or neither")
        return self


class PortalSessionBody(Body):
    """Who is to be let into the portal, where it begins, and where it leads back to."""

    customer: Ref = told("The customer's `ref`.", "acme")
    return_url: Annotated[str, Field(pattern=PAGE, max_length=1_000)] | None = told(
        "Where the pages lead back to: one of the catalogue's `web.return_urls`, or below one.",
        "https://shop.example/account",
        default=None,
    )
    flow: FlowBody | None = told("The step to begin with; the list of services where it is left out.", default=None)
    page: Annotated[str, Field(pattern=PORTAL_PAGE, max_length=200)] | None = told(
        "The page to begin with, as `return_to` names it where a mail led to the catalogue's `web.login_url`.",
        "/portal/invoices/inv_01j0000000000000000000",
        default=None,
    )
    locale: Locale | None = told(
        "The language of the pages, a BCP 47 tag; the customer's where it is left out.", "en-GB", default=None
    )


class CustomerTokenBody(Body):
    """Whose token it is to be."""

    customer: Ref = told("The customer's `ref`.", "acme")


@router.post("/portal-sessions", status_code=201)
def create_portal_session(body: PortalSessionBody, caller: HostKey) -> shapes.PortalSession:
    """A signed link into the portal for one customer; it lives for a few minutes.

    `flow` begins with a step of a change of plan, `page` with the page that a mail was about; `return_url` leads back,
    `locale` is the language of the pages.
    """
    with transaction_for(caller) as tx:
        customer = tx.customer(body.customer)
        _check_return(tx, body.return_url)
        service = _service_of_flow(tx, customer, body.flow) if body.flow else None
        link = PortalLink(
            customer.id,
            body.locale,
            body.return_url,
            service,
            body.flow.plan if body.flow else None,
            body.flow.cycle if body.flow else None,
            body.page,
        )
    return shapes.PortalSession(url=portal_link(settings().public_url, link), expires_in=LINK_LIFE_SECONDS)


@router.post("/customer-tokens", status_code=201)
def create_customer_token(body: CustomerTokenBody, caller: HostKey) -> shapes.CustomerToken:
    """A token for the customer's own browser, used like an API key: that customer's reads, quotes and plan changes.

    It cannot be revoked and lives for minutes. Scripts may use it on pages of the catalogue's `web.origins`.
    """
    with transaction_for(caller) as tx:
        token = token_for(tx.provider.id, tx.customer(body.customer).id)
    return shapes.CustomerToken(token=token, expires_in=TOKEN_LIFE_SECONDS)


def _check_return(tx: ApiTransaction, url: str | None) -> None:
    if url is not None and not is_below(url, catalog_of(tx.session, tx.provider).web.return_urls):
        detail = f"{url} is not below any of `web.return_urls` in the catalogue. Add it there, or send another."
        raise Problem("return_url_not_allowed", detail)


def _service_of_flow(tx: ApiTransaction, customer: Customer, flow: FlowBody) -> str:
    """The id of the service. Raises UnknownService, UnknownPlan, UnknownCycle."""
    service, catalog = required_service(tx.session, tx.provider, flow.service), catalog_of(tx.session, tx.provider)
    if service.customer_id != customer.id:
        raise UnknownService(flow.service)
    if flow.plan is not None:
        required_plan(catalog, flow.plan)
    if flow.cycle is not None:
        required_cycle(catalog, flow.cycle)
    return service.id
