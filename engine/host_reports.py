"""What the host system reports: its customers, their services, and how much of each is used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy.orm import Session

from domain.catalog import Catalog, TaxRate
from domain.errors import PlanNotOffered, UnknownCycle, UnknownPlan
from domain.lifecycle import ServiceStatus
from domain.money import divide_rounded
from domain.periods import AnchorPoint, Period, anchor_of, check_running
from domain.pricing.bill import billed, net_of
from domain.pricing.billed import BilledItem, Opened
from domain.pricing.period_terms import old_terms
from domain.tax import UNTAXED, TaxableLine, Taxation, percent_ratio, tax_on, taxation_of
from engine.accounts.services import buyer_of, required_service, terms_of
from engine.ending import after_host_report
from engine.expiry import cancel_open_changes
from engine.invoicing.printable import check_texts
from engine.ledger import billed_items
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
class BillingReport:
    """What the host system billed for the running period, before we did, in minor units; None is the list price, with
    today's rate of tax. `tax_rate` is a percentage, `pay_url` where its bill can be paid."""

    unit_price: int | None = None
    discount: str | None = None
    net: int | None = None
    tax_rate: str | None = None
    pay_url: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """What the host says of a service. All but its status counts at creation only; that the running period was paid,
    later, too. `paid` of None is paid at creation and unchanged afterwards."""

    customer: str
    plan: str
    cycle: str
    currency: str
    status: str
    period_start: datetime
    period_end: datetime
    quantity: int
    paid: bool | None = None
    discount: str | None = None
    billing: BillingReport = BillingReport()
    anchor_day: int | None = None


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
    UnknownCycle, PlanNotOffered, OtherCustomersService, PeriodRunsBackwards, ImplausiblePeriod.
    """
    customer = customer_by_ref(session, provider.id, report.customer)
    if customer is None:
        raise UnknownCustomer(report.customer)
    service = service_by_ref(session, provider.id, ref)
    if service is None:
        return _create_service(session, now, provider, customer, ref, report), []
    if service.customer_id != customer.id:
        raise OtherCustomersService(ref)
    before = lock_service(session, service.id).status
    if report.paid and service.unpaid_import is not None:
        _import_paid(session, now, service)
    if service.status != report.status:
        _take_over_status(session, now, provider, service, report.status)
    after_host_report(session, now, service, before)
    if report.status == ServiceStatus.ACTIVE:
        return service, []
    return service, cancel_open_changes(session, now, service, "host", "service_not_active")


def _take_over_status(session: Session, now: datetime, provider: Provider, service: Service, status: str) -> None:
    """Time in which a service was not active is never renewed: where its period is over when it is active again, the
    next one begins at that moment."""
    resumes = status == ServiceStatus.ACTIVE and service.status != ServiceStatus.PAST_DUE
    if resumes and service.period_end < now:
        service.period_end = now
        anchor = AnchorPoint.of(now, catalog_of(session, provider).timezone)
        service.anchor_day, service.anchor_time = anchor.day, anchor.at
    move(session, service, "report", status, now, actor="host")


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
    unit = price.amount if report.billing.unit_price is None else report.billing.unit_price
    if report.period_start >= report.period_end:
        raise PeriodRunsBackwards()
    period = Period(report.period_start, report.period_end)
    if report.status in (ServiceStatus.ACTIVE, ServiceStatus.PAST_DUE):
        # A sandbox whose clock is not set yet will be moved to where its services are.
        moment = period.start if provider.sandbox and provider.clock_at is None else now
        check_running(period, catalog.cycles[report.cycle].months, catalog.timezone, moment)
    name = report.billing.discount or report.discount
    discount = catalog.discounts.get(name) if name else None
    if name and discount is None:
        raise UnknownDiscount(name, catalog.discounts)
    anchor = anchor_of(period, catalog.timezone)
    service = Service(
        provider_id=provider.id,
        customer_id=customer.id,
        ref=ref,
        status=report.status,
        plan=plan.id,
        cycle=report.cycle,
        currency=report.currency,
        quantity=report.quantity,
        unit_price_minor=unit,
        limits=plan.limits,
        period_start=period.start,
        period_end=period.end,
        anchor_day=report.anchor_day or anchor.day,
        anchor_time=anchor.at,
        discount=discount.model_dump(mode="json") if discount else None,
    )
    begin(session, service, now, actor="host")
    session.refresh(service)
    item = _imported(session, catalog, service, report.billing)
    if report.paid is False:
        service.unpaid_import = item.as_json() | {"pay_url": report.billing.pay_url}
    else:
        billed_items.write_opened(session, service, None, [Opened(item, 0)], now)
    return service


def _imported(session: Session, catalog: Catalog, service: Service, billing: BillingReport) -> BilledItem:
    """The running period as the host system billed it."""
    terms = old_terms(catalog, terms_of(session, service))
    taxation = taxation_of(catalog, buyer_of(service.customer), terms.plan.product)
    if billing.tax_rate is not None:
        taxation = _as_sold(taxation, billing.tax_rate)
    amount = divide_rounded(*terms.full, catalog.policies.rounding.mode)
    if billing.net is not None:
        taxation = taxation._replace(included=False)
        amount = billing.net
    _, (tax,) = tax_on(catalog.tax, [TaxableLine(amount, taxation)])
    amounts = net_of(amount, tax, taxation), tax
    return billed(terms, taxation, amounts, (service.period, service.period))


def _as_sold(taxation: Taxation, percent: str) -> Taxation:
    """The rate that the host system charged, under the name of ours for it."""
    if percent_ratio(percent)[0] == 0:
        return UNTAXED
    code = taxation.rate.code if taxation.rate else "import"
    label = taxation.rate.label if taxation.rate else {"en": code}
    return Taxation(TaxRate(code=code, percent=percent, label=label), taxation.included)


def _import_paid(session: Session, now: datetime, service: Service) -> None:
    """The host system's own bill was paid after all: from now on it can be taken back, and changes are open."""
    bill = {name: value for name, value in (service.unpaid_import or {}).items() if name != "pay_url"}
    billed_items.write_opened(session, service, None, [Opened(BilledItem.from_json(bill), 0)], now)
    service.unpaid_import = None
    session.flush()
