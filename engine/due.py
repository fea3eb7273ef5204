"""What the scan for renewals finds, by each provider's own clock: periods that are over, bills that were not paid."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.lifecycle import Status
from models.customer import Service
from models.invoice import Invoice
from models.plan_change import PlanChange
from models.provider import Provider

# How long before a scheduled change a customer hears that it would not fit.
WARNED_AHEAD = timedelta(days=7)
# One scan starts at most this many renewals; the next scan is seconds away.
BATCH = 200


def due_services(session: Session) -> list[str]:
    """Active services whose period is over, or whose scheduled change must be looked at; by each provider's clock."""
    clock = func.coalesce(Provider.clock_at, func.clock_timestamp())
    over = (
        select(Service.id, Service.period_end)
        .join(Provider)
        .where(Service.status == "active", Service.period_end <= clock)
    )
    to_warn = (
        select(Service.id, Service.period_end)
        .join(Provider)
        .join(PlanChange, PlanChange.service_id == Service.id)
        .where(
            Service.status == "active",
            PlanChange.status == Status.SCHEDULED,
            PlanChange.warned_at.is_(None),
            Service.period_end <= clock + WARNED_AHEAD,
        )
    )
    due = over.union(to_warn).subquery()
    return list(session.scalars(select(due.c.id).order_by(due.c.period_end).limit(BATCH)))


def mark_past_due(session: Session) -> int:
    """Services whose renewal was not paid by its due date; changes are refused until it is. Returns how many."""
    clock = func.coalesce(Provider.clock_at, func.clock_timestamp())
    unpaid = (
        select(Invoice.service_id)
        .join(Provider, Provider.id == Invoice.provider_id)
        .where(Invoice.change_id.is_(None), Invoice.settled_at.is_(None), Invoice.due_at < clock)
    )
    services = session.scalars(
        select(Service).where(Service.status == "active", Service.id.in_(unpaid)).with_for_update(skip_locked=True)
    ).all()
    for service in services:
        service.status = "past_due"
    session.flush()
    return len(services)
