"""What frontends read of customers and their services, and what they may offer for them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from domain.catalog import in_language
from domain.lifecycle import ServiceStatus
from engine.offers import category_name, options_for, quote_change
from engine.request import UnknownQuote
from models.customer import Customer, Service, customer_id_of
from models.invoice import StoredQuote
from models.provider import catalog_of
from planshift_client import shapes
from web.api.auth import AnyKey, AnyKeyOrToken, transaction_for
from web.api.bodies import QuoteBody
from web.api.fields import Ref, Text
from web.api.host import PathRef, QuoteId
from web.api.pages import During, Page, each, page_of, paged
from web.api.views import customer_view, options_view, plan_view, quote_view, service_view

router = APIRouter(prefix="/v1", tags=["services"])
CustomerRef = Annotated[Ref | None, Query(description="Only of the customer with this `ref`.")]


@router.get("/customers")
def list_customers(
    caller: AnyKey,
    page: Annotated[Page, Depends(paged("cus"))],
    email: Annotated[Text | None, Query(description="Only with this address.")] = None,
) -> shapes.Listed[shapes.Customer]:
    """The provider's customers, newest first."""
    with transaction_for(caller) as tx:
        query = select(Customer).where(Customer.provider_id == tx.provider.id)
        if email is not None:
            query = query.where(Customer.email == email)
        return page_of(tx.session, query, Customer, page, each(customer_view))


@router.get("/customers/{ref}")
def get_customer(ref: PathRef, caller: AnyKeyOrToken) -> shapes.Customer:
    """One customer, as the host system reported it."""
    with transaction_for(caller) as tx:
        return customer_view(tx.customer(ref))


@router.get("/plans")
def list_plans(
    caller: AnyKeyOrToken, locale: Annotated[str, Query(description="The language of the names.")] = "en"
) -> shapes.AllOf[shapes.Plan]:
    """The catalogue's plans with their prices, in its order; `sold` says which can still be had."""
    with transaction_for(caller) as tx:
        catalog = catalog_of(tx.session, tx.provider)
        names = {plan.category: category_name(catalog, plan.category, locale) for plan in catalog.plans}
        cycles = {cycle: in_language(its.label, locale) for cycle, its in catalog.cycles.items()}
        return shapes.AllOf(items=[plan_view(plan, names[plan.category], cycles) for plan in catalog.plans])


@router.get("/services")
def list_services(
    caller: AnyKeyOrToken,
    page: Annotated[Page, Depends(paged("svc"))],
    during: During,
    customer: CustomerRef = None,
    status: Annotated[ServiceStatus | None, Query(description="Only in this status.")] = None,
) -> shapes.Listed[shapes.Service]:
    """The provider's services, newest first; `since` and `until` are about when we first heard of them."""
    with transaction_for(caller) as tx:
        query = select(Service).where(
            Service.provider_id == tx.provider.id,
            *caller.only_own(Service.customer_id),
            *during.of(Service.created_at),
        )
        if customer is not None:
            query = query.where(Service.customer_id == customer_id_of(tx.provider.id, customer))
        if status is not None:
            query = query.where(Service.status == status)
        query = query.options(joinedload(Service.open_ending))
        return page_of(tx.session, query, Service, page, each(service_view), during.order(Service.created_at))


@router.get("/services/{ref}")
def get_service(ref: PathRef, caller: AnyKeyOrToken) -> shapes.Service:
    """One service with its plan, price, limits and usage."""
    with transaction_for(caller) as tx:
        return service_view(tx.service(ref))


@router.get("/services/{ref}/plan-options")
def get_plan_options(ref: PathRef, caller: AnyKeyOrToken) -> shapes.PlanOptions:
    """Every plan and cycle by category: available or not, and if not, why and what to do."""
    with transaction_for(caller) as tx:
        service = tx.service(ref)
        options = options_for(tx.session, tx.now, service)
        return options_view(catalog_of(tx.session, tx.provider), service, options, service.customer.locale)


@router.post("/quotes", status_code=201)
def create_quote(body: QuoteBody, caller: AnyKeyOrToken) -> shapes.Quote:
    """Prices a change, line by line. The price is promised until `expires_at`; nothing is charged."""
    with transaction_for(caller) as tx:
        service = tx.service(body.service)
        stored = quote_change(tx.session, tx.now, service, body.plan, body.cycle, body.quantity)
        return quote_view(stored)


@router.get("/quotes/{quote_id}")
def get_quote(quote_id: QuoteId, caller: AnyKeyOrToken) -> shapes.Quote:
    """A quote, as it was shown."""
    with transaction_for(caller) as tx:
        stored = tx.session.get(StoredQuote, quote_id)
        service = tx.session.get(Service, stored.service_id) if stored else None
        if stored is None or not tx.owns(service):
            raise UnknownQuote(quote_id)
        return quote_view(stored)
