"""A host puts right what it reported wrong. Its import is taken back and written anew; a bill of ours stands."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.catalog import Catalog
from domain.periods import anchor_of
from domain.pricing.billed import TakeBack
from engine.expiry import cancel_open_changes, cancel_scheduled
from engine.host_reports.differences import FieldDifference, held_of
from engine.host_reports.imports import write_import
from engine.host_reports.reports import BillingReport, ServiceReport
from engine.host_reports.sold import check_period, discount_sold, terms_sold
from engine.ledger import billed_items
from models.audit import record_action
from models.customer import Service
from models.invoice import Invoice
from models.plan_change import scheduled_change

# The day of renewal is of the periods to come: no bill stands on it.
ALWAYS_CORRECTABLE = frozenset({"anchor_day"})


class NotCorrectable(Exception):
    """A bill of ours stands on what the host reported."""

    def __init__(self, service: Service, fields: list[str], number: str) -> None:
        super().__init__(
            f"{', '.join(fields)} of service {service.ref} cannot be corrected any more: invoice {number} was written"
            " on it. Change the plan with POST /v1/plan-changes, or have staff settle it with the customer."
        )


def correct_service(
    session: Session,
    now: datetime,
    catalog: Catalog,
    service: Service,
    report: ServiceReport,
    differences: list[FieldDifference],
) -> list[str]:
    """Takes over what differs, with who and why; returns the changes that this canceled: they were priced on what was
    wrong. Raises NotCorrectable, and what a creation raises."""
    assert report.correction is not None, "a correction says who and why"
    new = {one.field: one.reported for one in differences}
    billed = sorted(new.keys() - ALWAYS_CORRECTABLE)
    number = _newest_number(session, service)
    if billed and number is not None:
        raise NotCorrectable(service, billed, number)
    canceled = cancel_open_changes(session, now, service, "host", "service_corrected")
    if billed:
        _correct_import(session, now, catalog, service, report, new)
    _correct_anchor(catalog, service, report, new)
    scheduled = scheduled_change(session, service.id)
    if scheduled is not None:
        scheduled.effective_at = service.period_end
        same = (scheduled.target_plan, scheduled.target_cycle) == (service.plan, service.cycle)
        if "currency" in new or (same and scheduled.target_quantity in (None, service.quantity)):
            canceled += cancel_scheduled(session, now, service, "host", "service_corrected")
    service.reported = (service.reported or {}) | {field: [value] for field, value in new.items()}
    changed = {one.field: {"from": one.held, "to": one.reported} for one in differences}
    record_action(session, service.provider_id, now, "service.correct", service.id, report.correction, **changed)
    return canceled


def _correct_import(
    session: Session, now: datetime, catalog: Catalog, service: Service, report: ServiceReport, new: dict[str, object]
) -> None:
    billing = report.billing or BillingReport(**held_of(service)["billing"])
    paid = report.paid if report.paid is not None else service.unpaid_import is None
    open_items = billed_items.open_items(session, service)
    taken = [TakeBack(one.id, one.units_left, one.net_left, one.tax_left, one.covers.start) for one in open_items]
    billed_items.close(session, service.provider_id, taken, "correction", now)
    if new.keys() & {"plan", "cycle", "currency", "billing"}:
        plan, unit = terms_sold(catalog, report.plan, report.cycle, report.currency, billing.unit_price)
        service.plan, service.cycle, service.currency = plan.id, report.cycle, report.currency
        service.unit_price_minor, service.limits = unit, plan.limits
    if "quantity" in new:
        service.quantity = report.quantity or service.quantity
    if "discount" in new:
        service.discount = discount_sold(catalog, report.discount_name)
    if "period" in new:
        check_period(catalog, report.period, service.cycle, report.status, now)
        service.period_start, service.period_end, service.moved_days = report.period.start, report.period.end, 0
    session.flush()
    write_import(session, now, catalog, service, billing, paid)


def _correct_anchor(catalog: Catalog, service: Service, report: ServiceReport, new: dict[str, object]) -> None:
    """The day that the host says; one that was assumed follows the period that it was read off."""
    if "period" in new:
        anchor = anchor_of(service.period, catalog.timezone)
        service.anchor_time = anchor.at
        if service.anchor_assumed:
            service.anchor_day = anchor.day
    if "anchor_day" in new:
        service.anchor_day, service.anchor_assumed = report.anchor_day or service.anchor_day, False


def _newest_number(session: Session, service: Service) -> str | None:
    query = select(Invoice.number).where(Invoice.service_id == service.id, Invoice.number.is_not(None))
    return session.scalar(query.order_by(Invoice.created_at.desc()).limit(1))
