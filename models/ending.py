"""The ending of a service: asked for at the end of its period or at once, and what has become of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, UniqueConstraint, and_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import next_steps
from domain.lifecycle import ACTIVE, ENDING, OPEN_ENDING, EndingStatus, Status
from domain.money import Money
from models.base import Base, new_id, one_of, recorded_at
from models.customer import OfService, Service, lock_service_of
from models.moves import Move, WithHistory
from models.pending_work import Leased, fact, given_up_index, pending_index, there_is
from models.plan_change import PlanChange
from models.provider import clock_of

_OPEN_LIST = ", ".join(f"'{status}'" for status in sorted(OPEN_ENDING))
ORDERING = "next_attempt_at IS NOT NULL AND status = 'ending'"
TO_END = "next_attempt_at IS NOT NULL AND status = 'scheduled'"
_GIVEN_UP = f"next_attempt_at IS NULL AND status IN ({_OPEN_LIST})"


def _date_to_come(row: Any) -> ColumnElement[bool]:
    period_end = select(Service.period_end).where(Service.id == row.service_id).scalar_subquery()
    return and_(row.at == "period_end", period_end > clock_of(row))


def _change_on_its_way(row: Any) -> ColumnElement[bool]:
    waited_for = sorted(ACTIVE - {Status.AWAITING_REVIEW})
    query = select(PlanChange.id).where(PlanChange.service_id == row.service_id, PlanChange.status.in_(waited_for))
    return there_is(query)


class EndingMove(Move, Base):
    __tablename__ = "ending_moves"

    ending_id: Mapped[str] = mapped_column(ForeignKey("endings.id"), index=True)


class Ending(OfService, Leased, WithHistory, Base):
    """`at` is period_end or now. `received_at` and `ended_at` are business time: the second is the instant from which
    nothing is owed any more. `credit_minor` was given back, `lost_minor` is what the unused time was worth besides.
    `generation` is that of the order to the host."""

    __tablename__ = "endings"
    __table_args__ = (
        one_of("status", EndingStatus),
        CheckConstraint("at IN ('period_end', 'now')", name="at_is_known"),
        CheckConstraint("credit_minor >= 0 AND lost_minor >= 0", name="not_negative"),
        UniqueConstraint("provider_id", "idempotency_key"),
        Index("uq_endings_one_open", "service_id", unique=True, postgresql_where=f"status IN ({_OPEN_LIST})"),
        given_up_index("endings", _GIVEN_UP),
        pending_index("endings", ORDERING),
        Index("ix_endings_to_end", "provider_id", postgresql_where=TO_END),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("end"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    service_id: Mapped[str] = mapped_column(ForeignKey("services.id"), index=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"))
    at: Mapped[str]
    idempotency_key: Mapped[str]
    request_sha256: Mapped[str]
    # What a repeated request gets again.
    answer: Mapped[dict[str, Any] | None]
    channel: Mapped[str]
    plan: Mapped[str]
    received_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    credit_minor: Mapped[int] = mapped_column(default=0)
    lost_minor: Mapped[int] = mapped_column(default=0)
    generation: Mapped[int | None]
    created_at: Mapped[datetime] = recorded_at()

    given_up_where = _GIVEN_UP
    machine = ENDING
    history = (EndingMove, "ending_id")
    steps = (next_steps.ENDING,)

    by_date = fact(lambda row: row.at == "period_end")
    date_to_come = fact(_date_to_come)
    change_on_its_way = fact(_change_on_its_way)

    @property
    def ends_at(self) -> datetime:
        """An ending at the period's end goes with the period, should a change move that."""
        if self.ended_at is not None:
            return self.ended_at
        return self.service.period_end if self.at == "period_end" else self.received_at

    @property
    def revocable(self) -> bool:
        """Until it has happened."""
        return self.status == EndingStatus.SCHEDULED

    @property
    def credit(self) -> Money:
        return self.service.money(self.credit_minor)

    @property
    def lost(self) -> Money:
        return self.service.money(self.lost_minor)

    def after_move(self, source: str) -> None:
        """A service that is kept renews as ever."""
        if self.status == EndingStatus.WITHDRAWN:
            self.service.schedule_now()


def lock_ending(session: Session, ending_id: str) -> Ending:
    """Locks the service, then its ending, and reads both afresh. Raises UnknownRow."""
    lock_service_of(session, Ending, ending_id)
    return session.scalars(
        select(Ending)
        .where(Ending.id == ending_id)
        .with_for_update(of=Ending)
        .execution_options(populate_existing=True)
    ).one()


def latest_ending(session: Session, service_id: str) -> Ending | None:
    return session.scalar(select(Ending).where(Ending.service_id == service_id).order_by(Ending.id.desc()).limit(1))
