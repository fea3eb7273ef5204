"""Customers as the host system reports them, and how much of each service is used."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from engine.accounts.services import required_service
from engine.invoicing.printable import check_customer
from models.base import new_id
from models.customer import Customer, Service, lock_service
from models.provider import Provider


def put_customer(session: Session, provider: Provider, ref: str, values: dict[str, Any]) -> Customer:
    """Creates or updates a customer by the host's reference. Raises NotPrintable."""
    check_customer(values)
    # Two first reports at once are one customer.
    written = insert(Customer).values(id=new_id("cus"), provider_id=provider.id, ref=ref, **values)
    written = written.on_conflict_do_update(index_elements=["provider_id", "ref"], set_=values)
    return session.scalars(written.returning(Customer), execution_options={"populate_existing": True}).one()


def put_usage(session: Session, provider: Provider, ref: str, usage: dict[str, int]) -> Service:
    """Takes over how much of each limit is used. Raises UnknownService."""
    service = required_service(session, provider, ref)
    lock_service(session, service.id)
    service.usage = usage
    session.flush()
    return service
