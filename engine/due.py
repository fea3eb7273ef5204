"""Renewals that were not paid, by each provider's own clock."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.customer import Service
from models.invoice import Invoice
from models.provider import CLOCK, Provider


def mark_past_due(session: Session) -> int:
    """Services whose renewal was not paid by its due date; changes are refused until it is. Returns how many."""
    unpaid = (
        select(Invoice.service_id)
        .join(Provider, Provider.id == Invoice.provider_id)
        .where(Invoice.change_id.is_(None), Invoice.settled_at.is_(None), Invoice.due_at < CLOCK)
    )
    services = session.scalars(
        select(Service).where(Service.status == "active", Service.id.in_(unpaid)).with_for_update(skip_locked=True)
    ).all()
    for service in services:
        service.status = "past_due"
    session.flush()
    return len(services)
