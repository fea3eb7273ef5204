"""What became of a service's period each time that it was back in service."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.lifecycle import ResumptionOutcome
from domain.periods import AnchorPoint, Outage
from models.base import Base, new_id, one_of, recorded_at


class Resumption(Base):
    """The service was out from `out_since` and is back since `resumed_at`. Append-only.

    A period that would begin in between begins at `starts_at` and renews on `anchor_day` at `anchor_time`.
    `moved_days` is by how many local days the running period, and all that was billed for it, lies later since then.
    All instants are business time.
    """

    __tablename__ = "resumptions"
    __table_args__ = (
        one_of("outcome", ResumptionOutcome),
        CheckConstraint("out_since <= resumed_at", name="runs_forward"),
        CheckConstraint("moved_days >= 0", name="never_earlier"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("rsm"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    service_id: Mapped[str] = mapped_column(ForeignKey("services.id"), index=True)
    policy: Mapped[str]
    outcome: Mapped[str]
    out_since: Mapped[datetime]
    resumed_at: Mapped[datetime]
    starts_at: Mapped[datetime]
    anchor_day: Mapped[int]
    anchor_time: Mapped[time]
    moved_days: Mapped[int]
    recorded_at: Mapped[datetime] = recorded_at()


def outages_of(session: Session, service_id: str) -> list[Outage]:
    """When a service was out, as far as periods are concerned."""
    rows = session.scalars(select(Resumption).where(Resumption.service_id == service_id))
    return [Outage(row.out_since, row.starts_at, AnchorPoint(row.anchor_day, row.anchor_time)) for row in rows]


def moved_days_since(service_id: Any, at: Any) -> ColumnElement[int]:
    """By how many local days what the service had at this instant lies later now, as SQL."""
    days = select(func.coalesce(func.sum(Resumption.moved_days), 0)).where(
        Resumption.service_id == service_id, Resumption.resumed_at > at
    )
    return days.scalar_subquery()
