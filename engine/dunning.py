"""An unpaid renewal: its customer is reminded, and when its due date has passed the service is past due.

Beat's scan finds both by dates of the invoice. Nobody is reminded while a payment is on its way, nor of a service that
is over: what becomes of its bills is another question.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from domain.catalog import Catalog
from domain.lifecycle import AttemptStatus, ServiceStatus
from engine.notifications import notices
from models.customer import Service
from models.invoice import Invoice
from models.moves import move
from models.payment import PaymentAttempt
from models.provider import CLOCK, Provider, business_now, catalog_of

BATCH = 200


def remind_from(catalog: Catalog, invoice: Invoice) -> None:
    """A bill that has just been issued: when its customer is reminded first."""
    if invoice.due_minor > 0:
        invoice.remind_at = _reminder(catalog, invoice, invoice.issued_at)


def remind_unpaid(session: Session) -> int:
    """Reminds of what is still unpaid on the days that the catalogue names; days that were missed are one reminder,
    which says how things stand now. Returns how many were reminded."""
    unpaid = _unpaid().where(Invoice.remind_at <= CLOCK, Service.status.in_(_OWING))
    rows = session.execute(unpaid.limit(BATCH).with_for_update(of=[Service, Invoice], skip_locked=True)).all()
    for service, invoice in rows:
        now = business_now(session, Service, service.id)
        invoice.reminders += 1
        late = invoice.due_at < now
        notices.write(session, invoice, "renewal_reminder", occasion=invoice.reminders, is_late=late)
        invoice.remind_at = _reminder(catalog_of(session, invoice.provider), invoice, now)
    session.flush()
    return len(rows)


def mark_past_due(session: Session) -> int:
    """Services whose renewal was not paid by its due date; changes are refused until it is. Returns how many."""
    unpaid = _unpaid().where(Invoice.due_at < CLOCK, Service.status == ServiceStatus.ACTIVE)
    rows = session.execute(unpaid.limit(BATCH).with_for_update(of=Service, skip_locked=True)).all()
    late = {service.id: (service, invoice) for service, invoice in reversed(rows)}
    for service, invoice in late.values():
        now = business_now(session, Service, service.id)
        move(session, service, "miss_payment", ServiceStatus.PAST_DUE, now, reason=f"unpaid:{invoice.id}")
        notices.write(session, invoice, "renewal_past_due")
    return len(late)


_OWING = (ServiceStatus.ACTIVE, ServiceStatus.PAST_DUE)


def _unpaid() -> Select[Service, Invoice]:
    """Renewals' invoices that nobody pays just now, with their service, oldest first."""
    paying = select(PaymentAttempt.id).where(
        PaymentAttempt.invoice_id == Invoice.id,
        PaymentAttempt.status == AttemptStatus.PENDING,
        PaymentAttempt.pending_until > CLOCK,
    )
    return (
        select(Service, Invoice)
        .join(Invoice, Invoice.service_id == Service.id)
        .join(Provider, Provider.id == Invoice.provider_id)
        .where(
            Invoice.kind == "invoice",
            Invoice.change_id.is_(None),
            Invoice.settled_at.is_(None),
            Invoice.voided_at.is_(None),
            ~paying.exists(),
        )
        .order_by(Invoice.due_at, Invoice.id)
    )


def _reminder(catalog: Catalog, invoice: Invoice, after: datetime) -> datetime | None:
    """The first one after this moment; None where there is none."""
    moments = [invoice.due_at + timedelta(days=days) for days in catalog.policies.reminder_days]
    return min((moment for moment in moments if moment > after), default=None)
