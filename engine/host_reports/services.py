"""A service is created by its host's first report; by every later one it has the status that the host says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from domain.catalog import Catalog
from domain.lifecycle import IN_SERVICE, ServiceStatus
from domain.periods import anchor_of
from engine.ending import after_host_report
from engine.expiry import cancel_open_changes
from engine.host_reports.corrections import correct_service
from engine.host_reports.differences import (
    OF_A_NEW_PERIOD,
    OF_A_RESUMPTION,
    FieldDifference,
    ServiceDiffers,
    differences_of,
)
from engine.host_reports.imports import import_paid, write_import
from engine.host_reports.reports import (
    BillingReport,
    OtherCustomersService,
    ServiceReport,
    UnknownCustomer,
)
from engine.host_reports.resumption import Resumed, resume
from engine.host_reports.sold import check_period, discount_sold, terms_sold
from engine.jobs.idempotency import hold
from models.customer import Customer, Service, customer_by_ref, lock_service, read_service, service_by_ref
from models.moves import begin, move
from models.provider import Provider, catalog_of


@dataclass(frozen=True, slots=True)
class Taken:
    """What a report did: the changes that it canceled, what became of the period of a service that is back, and what
    it put right."""

    service: Service
    canceled: list[str] = field(default_factory=list)
    resumed: Resumed | None = None
    corrected: list[FieldDifference] = field(default_factory=list)


def put_service(session: Session, now: datetime, provider: Provider, ref: str, report: ServiceReport) -> Taken:
    """Creates a service, or takes over its status, that its period was paid, and what the report corrects.

    Leaving `active` cancels unpaid changes, the end of the service scheduled ones, too. Raises UnknownCustomer,
    UnknownPlan, UnknownCycle, PlanNotOffered, UnknownDiscount, OtherCustomersService, PeriodRunsBackwards,
    ImplausiblePeriod, ServiceDiffers, NotCorrectable.
    """
    customer = customer_by_ref(session, provider.id, report.customer)
    if customer is None:
        raise UnknownCustomer(report.customer)
    service = service_by_ref(session, provider.id, ref)
    catalog = catalog_of(session, provider)
    if service is None:
        hold(session, "service", provider.id, ref)
        service = service_by_ref(session, provider.id, ref)
    if service is None:
        return Taken(_create_service(session, now, catalog, provider, customer, ref, report))
    if service.customer_id != customer.id:
        raise OtherCustomersService(ref)
    lock_service(session, service.id)
    return _update_service(session, now, catalog, service, report)


def _update_service(
    session: Session, now: datetime, catalog: Catalog, service: Service, report: ServiceReport
) -> Taken:
    before = service.status
    resumes = report.status in IN_SERVICE and before not in IN_SERVICE
    differences = differences_of(session, service, report)
    if report.correction is None and resumes:
        is_new = any(one.field == "period" for one in differences)
        may_differ = OF_A_NEW_PERIOD if is_new else OF_A_RESUMPTION
        differences = [one for one in differences if one.field not in may_differ]
    if differences and report.correction is None:
        raise ServiceDiffers(service, differences)
    canceled = correct_service(session, now, catalog, service, report, differences) if differences else []
    if report.paid and service.unpaid_import is not None:
        import_paid(session, now, service)
    resumed = resume(session, now, catalog, service, report) if resumes else None
    if service.status != report.status:
        move(session, service, "report", report.status, now, actor="host")
    after_host_report(session, now, service, before)
    if report.status != ServiceStatus.ACTIVE:
        canceled += cancel_open_changes(session, now, service, "host", "service_not_active")
    return Taken(service, canceled, resumed, differences)


def _create_service(
    session: Session,
    now: datetime,
    catalog: Catalog,
    provider: Provider,
    customer: Customer,
    ref: str,
    report: ServiceReport,
) -> Service:
    billing = report.billing or BillingReport()
    plan, unit = terms_sold(catalog, report.plan, report.cycle, report.currency, billing.unit_price)
    # A sandbox whose clock is not set yet will be moved to where its services are.
    unset = provider.sandbox and provider.clock_at is None
    check_period(catalog, report.period, report.cycle, report.status, report.period.start if unset else now)
    anchor = anchor_of(report.period, catalog.timezone)
    service = Service(
        provider=provider,
        customer=customer,
        ref=ref,
        status=report.status,
        plan=plan.id,
        cycle=report.cycle,
        currency=report.currency,
        quantity=report.quantity or 1,
        unit_price_minor=unit,
        limits=plan.limits,
        period_start=report.period.start,
        period_end=report.period.end,
        anchor_day=report.anchor_day or anchor.day,
        anchor_time=anchor.at,
        anchor_assumed=report.anchor_day is None,
        discount=discount_sold(catalog, report.discount_name),
        reported={name: [value] for name, value in report.said().items()},
    )
    begin(session, service, now, actor="host")
    read_service(session, service.id)
    write_import(session, now, catalog, service, billing, paid=report.paid is not False)
    return service
