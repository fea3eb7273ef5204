"""Services as the rest of the engine wants them: found by reference, and as the plain values that are priced."""

from __future__ import annotations

from sqlalchemy.orm import Session

from domain.catalog import Discount
from domain.money import Money
from domain.pricing.terms import Buyer, ServiceTerms
from engine.ledger import billed_items
from models.customer import Customer, Service, service_by_ref
from models.provider import Provider


class UnknownService(Exception):
    """The host has not reported this service."""

    def __init__(self, ref: str) -> None:
        super().__init__(f"There is no service {ref}. The host creates it with PUT /v1/services/{ref}.")


def required_service(session: Session, provider: Provider, ref: str) -> Service:
    """Raises UnknownService."""
    service = service_by_ref(session, provider.id, ref)
    if service is None:
        raise UnknownService(ref)
    return service


def terms_of(session: Session, service: Service, refundable: Money | None = None) -> ServiceTerms:
    """The row as the domain prices it, with what was billed for it; `refundable` is what could go back as money, where
    that matters."""
    return ServiceTerms(
        plan=service.plan,
        cycle=service.cycle,
        currency=service.currency,
        quantity=service.quantity,
        unit_price=service.money(service.unit_price_minor),
        period=service.period,
        anchor_day=service.anchor_day,
        items=billed_items.open_items(session, service),
        anchor_time=service.anchor_time,
        status=service.status,
        usage=service.usage,
        discount=Discount.model_validate(service.discount) if service.discount else None,
        refundable=refundable,
        moved_days=service.moved_days,
    )


def buyer_of(customer: Customer) -> Buyer:
    """The row as the domain taxes and addresses it."""
    return Buyer(customer.country, customer.tax_id, customer.locale, customer.tax_exempt)
