"""An unpaid renewal: its customer is reminded, and when its due date has passed the service is past due.

Beat's scan finds both by dates of the invoice. Nobody is reminded while a payment is on its way, nor of a service that
is over: what becomes of its bills is another question.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, TableValuedAlias, and_, bindparam, select, true
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.selectable import LateralFromClause

from domain.catalog import Catalog
from domain.lifecycle import AttemptStatus, ServiceStatus
from engine.notifications import notices
from models.customer import Service
from models.invoice import Invoice
from models.moves import move
from models.payment import PaymentAttempt
from models.pending_work import built_once
from models.provider import catalog_of, moment, tenants

BATCH = 200


def remind_from(catalog: Catalog, invoice: Invoice) -> None:
    """A bill that has just been issued: when its customer is reminded first."""
    if invoice.due_minor > 0:
        invoice.remind_at = _reminder(catalog, invoice, invoice.issued_at)
        invoice.past_due_at = invoice.due_at


def remind_unpaid(session: Session) -> int:
    """Reminds of what is still unpaid on the days that the catalogue names; days that were missed are one reminder,
    which says how things stand now. Returns how many were reminded."""
    rows = _unpaid(session, "remind_at", _OWING)
    for _, invoice, now in rows:
        invoice.reminders += 1
        late = invoice.due_at < now
        notices.write(session, invoice, "renewal_reminder", occasion=invoice.reminders, is_late=late)
        invoice.remind_at = _reminder(catalog_of(session, invoice.provider), invoice, now)
    session.flush()
    return len(rows)


def mark_past_due(session: Session) -> int:
    """Services whose renewal was not paid by its due date; changes are refused until it is. Each bill is looked at
    once, and again when its service is active again. Returns how many bills were looked at."""
    rows = _unpaid(session, "past_due_at", ServiceStatus)
    for service, invoice, now in rows:
        invoice.past_due_at = None
        if service.status == ServiceStatus.ACTIVE:
            move(session, service, "miss_payment", ServiceStatus.PAST_DUE, now, reason=f"unpaid:{invoice.id}")
            notices.write(session, invoice, "renewal_past_due")
    session.flush()
    return len(rows)


_OWING = (ServiceStatus.ACTIVE, ServiceStatus.PAST_DUE)


def _unpaid(session: Session, date: str, statuses: Iterable[ServiceStatus]) -> list[tuple[Service, Invoice, datetime]]:
    """A batch of renewals' bills whose date has come, oldest first, each provider that has some with its share: those
    that nobody pays just now, locked, with their service in one of these states and the time of their provider."""
    now, states = moment(session), frozenset(statuses)
    if not now.tenants:
        return []
    found = session.scalars(_having(date, states), {"tenants": now.tenants, "clocks": now.clocks, "share": 1})
    due = now.only(set(found))
    if not due.tenants:
        return []
    values = {"tenants": due.tenants, "clocks": due.clocks, "share": -(-BATCH // len(due.tenants))}
    return [
        (service, bill, at) for service, bill, at in session.execute(_bills(date, states), values | {"batch": BATCH})
    ]


@built_once
def _having(date: str, statuses: frozenset[ServiceStatus]) -> Select[str]:
    """The providers that have such bills."""
    tenant = tenants()
    return select(tenant.c.id).select_from(tenant.join(_first(tenant, date, statuses), true()))


@built_once
def _bills(date: str, statuses: frozenset[ServiceStatus]) -> Select[Service, Invoice, datetime]:
    tenant = tenants()
    first = _first(tenant, date, statuses)
    bills = tenant.join(first, true()).join(Invoice, Invoice.id == first.c.id)
    return (
        select(Service, Invoice, tenant.c.clock)
        .select_from(bills.join(Service, Service.id == Invoice.service_id))
        .where(_is_due(Invoice, tenant, date))
        .order_by(getattr(Invoice, date), Invoice.id)
        .limit(bindparam("batch", type_=Integer))
        .with_for_update(of=[Service, Invoice], skip_locked=True)
    )


def _first(tenant: TableValuedAlias, date: str, statuses: frozenset[ServiceStatus]) -> LateralFromClause:
    """The ids of the oldest of them, of each provider as many as its share."""
    found = aliased(Invoice)
    owing = select(Service.id).where(Service.id == found.service_id, Service.status.in_(sorted(statuses)))
    paying = select(PaymentAttempt.id).where(
        PaymentAttempt.invoice_id == found.id,
        PaymentAttempt.status == AttemptStatus.PENDING,
        PaymentAttempt.pending_until > tenant.c.clock,
    )
    return (
        select(found.id)
        .where(
            _is_due(found, tenant, date),
            owing.correlate_except(Service).exists(),
            ~paying.correlate_except(PaymentAttempt).exists(),
        )
        .order_by(getattr(found, date))
        .limit(bindparam("share", type_=Integer))
        .lateral("first")
    )


def _is_due(bill: Any, tenant: TableValuedAlias, date: str) -> ColumnElement[bool]:
    open_ = and_(bill.settled_at.is_(None), bill.voided_at.is_(None))
    return and_(bill.provider_id == tenant.c.id, getattr(bill, date) <= tenant.c.clock, open_)


def _reminder(catalog: Catalog, invoice: Invoice, after: datetime) -> datetime | None:
    """The first one after this moment; None where there is none."""
    moments = [invoice.due_at + timedelta(days=days) for days in catalog.policies.reminder_days]
    return min((moment for moment in moments if moment > after), default=None)
