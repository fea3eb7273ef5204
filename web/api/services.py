"""What frontends read of services, and what they may offer for them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import select

from engine.accounts.services import required_service
from engine.offers import options_for, quote_change
from models.customer import Customer, Service
from models.provider import catalog_of
from web.api.auth import AnyKey, transaction_for
from web.api.bodies import QuoteBody
from web.api.host import PathRef
from web.api.pages import Paged, page_of
from web.api.views import options_view, quote_view, service_view

router = APIRouter(prefix="/v1", tags=["services"])


@router.get("/services")
def list_services(
    caller: AnyKey,
    page: Paged,
    customer: Annotated[str | None, Query()] = None,
    status: Annotated[str | None, Query()] = None,
) -> dict[str, Any]:
    """The provider's services, newest first."""
    with transaction_for(caller) as tx:
        query = select(Service).where(Service.provider_id == tx.provider.id)
        if customer is not None:
            query = query.join(Customer).where(Customer.ref == customer)
        if status is not None:
            query = query.where(Service.status == status)
        return page_of(tx.session, query, Service, page, service_view)


@router.get("/services/{ref}")
def get_service(ref: PathRef, caller: AnyKey) -> dict[str, Any]:
    """One service with its plan, price, limits and usage."""
    with transaction_for(caller) as tx:
        return service_view(required_service(tx.session, tx.provider, ref))


@router.get("/services/{ref}/plan-options")
def plan_options(ref: PathRef, caller: AnyKey) -> dict[str, Any]:
    """Every plan and cycle by category: available or not, and if not, why and what to do."""
    with transaction_for(caller) as tx:
        service = required_service(tx.session, tx.provider, ref)
        options = options_for(tx.session, tx.now, service)
        return options_view(catalog_of(tx.session, tx.provider), service, options, service.customer.locale)


@router.post("/quotes", status_code=201)
def create_quote(body: QuoteBody, caller: AnyKey) -> dict[str, Any]:
    """Prices a change, line by line. The price is promised until `expires_at`; nothing is charged."""
    with transaction_for(caller) as tx:
        service = required_service(tx.session, tx.provider, body.service)
        stored = quote_change(tx.session, tx.now, service, body.plan, body.cycle, body.quantity)
        return quote_view(stored)
