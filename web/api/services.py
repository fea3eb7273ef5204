"""What frontends read of services, and what they may offer for them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import select

from engine.accounts.services import required_service
from engine.offers import options_for, quote_change
from models.customer import Customer, Service
from models.provider import catalog_of
from web.api.auth import AnyKey, opened
from web.api.bodies import QuoteBody
from web.api.host import PathRef
from web.api.pages import Paged, page_of
from web.api.views import options_view, quote_view, service_view

router = APIRouter(prefix="/v1", tags=["services"])


@router.get("/services")
def list_services(
    who: AnyKey,
    page: Paged,
    customer: Annotated[str | None, Query()] = None,
    status: Annotated[str | None, Query()] = None,
) -> dict[str, Any]:
    """The provider's services, newest first."""
    with opened(who) as door:
        query = select(Service).where(Service.provider_id == door.provider.id)
        if customer is not None:
            query = query.join(Customer).where(Customer.ref == customer)
        if status is not None:
            query = query.where(Service.status == status)
        return page_of(door.session, query, Service, page, service_view)


@router.get("/services/{ref}")
def get_service(ref: PathRef, who: AnyKey) -> dict[str, Any]:
    """One service with its plan, price, limits and usage."""
    with opened(who) as door:
        return service_view(required_service(door.session, door.provider, ref))


@router.get("/services/{ref}/plan-options")
def plan_options(ref: PathRef, who: AnyKey) -> dict[str, Any]:
    """Every plan and cycle by category: available or not, and if not, why and what to do."""
    with opened(who) as door:
        service = required_service(door.session, door.provider, ref)
        options = options_for(door.session, door.now, service)
        return options_view(catalog_of(door.session, door.provider), service, options, service.customer.locale)


@router.post("/quotes", status_code=201)
def create_quote(body: QuoteBody, who: AnyKey) -> dict[str, Any]:
    """Prices a change, line by line. The price is promised until `expires_at`; nothing is charged."""
    with opened(who) as door:
        service = required_service(door.session, door.provider, body.service)
        stored = quote_change(door.session, door.now, service, body.plan, body.cycle)
        return quote_view(stored)
