"""A renewal: one row for each period that Planshift rolled a service into."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, new_id, recorded_at


class Renewal(Base):
    """Unique by service and start of the period, so that a period is never invoiced twice."""

    __tablename__ = "renewals"
    __table_args__ = (UniqueConstraint("service_id", "period_start"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("rnw"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    service_id: Mapped[str] = mapped_column(ForeignKey("services.id"))
    change_id: Mapped[str | None] = mapped_column(ForeignKey("plan_changes.id"))
    plan: Mapped[str]
    period_start: Mapped[datetime]
    period_end: Mapped[datetime]
    renewed_at: Mapped[datetime]
    recorded_at: Mapped[datetime] = recorded_at()
