"""Customers as the host system reports them, and how much of each service is used."""

from __future__ import annotations

from typing import cast

from sqlalchemy.orm import Session

from engine.accounts.services import required_service
from engine.invoicing.printable import check_texts
from models.customer import Customer, Service, customer_by_ref, lock_service
from models.provider import Provider


def put_customer(session: Session, provider: Provider, ref: str, values: dict[str, object]) -> Customer:
    """Creates or updates a customer by the host's reference. Raises MissingGlyph for a name that cannot be printed."""
    check_texts([str(values["name"]), *map(str, cast(list[str], values["address"]))], str(values["locale"]))
    customer = customer_by_ref(session, provider.id, ref)
    if customer is None:
        customer = Customer(provider_id=provider.id, ref=ref)
        session.add(customer)
    for name, value in values.items():
        setattr(customer, name, value)
    session.flush()
    return customer


def put_usage(session: Session, provider: Provider, ref: str, usage: dict[str, int]) -> Service:
    """Takes over how much of each limit is used. Raises UnknownService."""
    service = required_service(session, provider, ref)
    lock_service(session, service.id)
    service.usage = usage
    session.flush()
    return service
