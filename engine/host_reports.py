"""What the host system reports: its customers, their services, and how much of each is used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy.orm import Session

from domain.errors import PlanNotOffered, UnknownCycle, UnknownPlan
from domain.lifecycle import ServiceStatus
from domain.money import Rounding, divide_rounded
from domain.periods import Period, anchor_day_of
from domain.pricing.period_terms import discounted
from engine.accounts.services import required_service
from engine.expiry import cancel_open_changes
from engine.invoicing.printable import check_texts
from models.customer import Customer, Service, customer_by_ref, lock_service, service_by_ref
from models.moves import begin, move
from models.provider import Provider, catalog_of


class UnknownCustomer(Exception):
    """The host has not reported this customer."""

    def __init__(self, ref: str) -> None:
        super().__init__(f"There is no customer {ref}. Create it first with PUT /v1/customers/{ref}.")


class OtherCustomersService(Exception):
    """A service does not move from one customer to another."""

    def __init__(self, ref: str) -> None:
        super().__init__(f"Service {ref} belongs to another customer. Create a service of another reference.")


class UnknownDiscount(Exception):
    """The catalogue has no such discount."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"There is no discount {name}; the discounts are: {', '.join(known) or 'none'}.")


class PeriodRunsBackwards(Exception):
    """The running period does not run forward."""

    def __init__(self) -> None:
        super().__init__("period_start must lie before period_end.")


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """What the host says of a service. All but its status counts at creation only."""

    customer: str
    plan: str
    cycle: str
    currency: str
    status: str
    period_start: datetime
    period_end: datetime
    quantity: int
    paid: bool
    discount: str | None = None


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


def put_service(
    session: Session, now: datetime, provider: Provider, ref: str, report: ServiceReport
) -> tuple[Service, list[str]]:
    """Creates a service, or takes over its status. Leaving `active` cancels unpaid and scheduled changes.

    Returns the service and the ids of the changes that this canceled. Raises UnknownCustomer, UnknownPlan,
    UnknownCycle, PlanNotOffered, OtherCustomersService, PeriodRunsBackwards.
    """
    customer = customer_by_ref(session, provider.id, report.customer)
    if customer is None:
        raise UnknownCustomer(report.customer)
    service = service_by_ref(session, provider.id, ref)
    if service is None:
        return _create_service(session, now, provider, customer, ref, report), []
    if service.customer_id != customer.id:
        raise OtherCustomersService(ref)
    lock_service(session, service.id)
    if service.status != report.status:
        move(session, service, "report", report.status, now, actor="host")
    if report.status == ServiceStatus.ACTIVE:
        return service, []
    return service, cancel_open_changes(session, now, service, "host", "service_not_active")


def put_usage(session: Session, provider: Provider, ref: str, usage: dict[str, int]) -> Service:
    """Takes over how much of each limit is used. Raises UnknownService."""
    service = required_service(session, provider, ref)
    lock_service(session, service.id)
    service.usage = usage
    session.flush()
    return service


def _create_service(
    session: Session, now: datetime, provider: Provider, customer: Customer, ref: str, report: ServiceReport
) -> Service:
    catalog = catalog_of(session, provider)
    plan = catalog.plan(report.plan)
    if plan is None:
        raise UnknownPlan(f"There is no plan {report.plan}; the plans are {', '.join(p.id for p in catalog.plans)}.")
    if report.cycle not in catalog.cycles:
        raise UnknownCycle(f"There is no billing cycle {report.cycle}; there are {', '.join(catalog.cycles)}.")
    price = catalog.price(report.plan, report.cycle, report.currency)
    if price is None:
        raise PlanNotOffered(f"{report.plan} is not sold {report.cycle} in {report.currency}.")
    if report.period_start >= report.period_end:
        raise PeriodRunsBackwards()
    period = Period(report.period_start, report.period_end)
    discount = catalog.discounts.get(report.discount) if report.discount else None
    if report.discount and discount is None:
        raise UnknownDiscount(report.discount, catalog.discounts)
    full = divide_rounded(*discounted(price.amount * report.quantity, discount, price.currency), Rounding.HALF_UP)
    service = Service(
        provider_id=provider.id,
        customer_id=customer.id,
        ref=ref,
        status=report.status,
        plan=plan.id,
        cycle=report.cycle,
        currency=report.currency,
        quantity=report.quantity,
        unit_price_minor=price.amount,
        limits=plan.limits,
        period_start=period.start,
        period_end=period.end,
        anchor_day=anchor_day_of(period, catalog.timezone),
        discount=discount.model_dump(mode="json") if discount else None,
        period_paid_minor=full if report.paid else 0,
    )
    begin(session, service, now, actor="host")
    session.refresh(service)
    return service
