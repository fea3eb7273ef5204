"""A plan change, its history, and the one way to move it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from domain.lifecycle import ACTIVE, CANVAS_ENDS, Event, Status, check_move
from domain.money import Money
from models.base import Base, new_id, recorded_at
from models.customer import Customer, Service, lock_service
from models.pending_work import PendingWork
from models.provider import Provider

_ACTIVE_LIST = ", ".join(f"'{status}'" for status in sorted(ACTIVE))


class PlanChange(PendingWork, Base):
    """A request and everything that came of it. The status is the recovery point: it names the step that is next."""

    __tablename__ = "plan_changes"
    __table_args__ = (
        UniqueConstraint("provider_id", "idempotency_key"),
        # The database allows one active and one scheduled change for a service.
        Index("uq_plan_changes_one_active", "service_id", unique=True, postgresql_where=f"status IN ({_ACTIVE_LIST})"),
        Index("uq_plan_changes_one_scheduled", "service_id", unique=True, postgresql_where="status = 'scheduled'"),
        Index("ix_plan_changes_pending", "next_attempt_at", postgresql_where="next_attempt_at IS NOT NULL"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("chg"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    service_id: Mapped[str] = mapped_column(ForeignKey("services.id"), index=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"))
    status: Mapped[str]

    # The request, and the answer that a repeated request gets again.
    idempotency_key: Mapped[str]
    request_sha256: Mapped[str]
    answer: Mapped[dict[str, Any] | None]
    channel: Mapped[str]
    note: Mapped[str | None]
    received_at: Mapped[datetime]
    from_plan: Mapped[str]
    from_cycle: Mapped[str]
    target_plan: Mapped[str]
    target_cycle: Mapped[str]
    accepted_quote_id: Mapped[str | None] = mapped_column(ForeignKey("quotes.id"))
    accepted_total_minor: Mapped[int | None]
    # Of a system change: the applied change that it reverses, because the payment of that one was returned.
    reverses_id: Mapped[str | None] = mapped_column(ForeignKey("plan_changes.id"), unique=True)

    # The offer: the frozen quote, and until when it can be paid.
    kind: Mapped[str | None]
    quote: Mapped[dict[str, Any] | None]
    payable_until: Mapped[datetime | None]
    effective_at: Mapped[datetime | None]
    review_until: Mapped[datetime | None]
    approved_by: Mapped[str | None]
    warned_at: Mapped[datetime | None]

    # Why it ended where it did.
    reason: Mapped[str | None]
    reason_text: Mapped[str | None]
    reason_details: Mapped[dict[str, Any] | None]

    # The external call that applies the plan: its lease and fence, and what the host is sent.
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    generation: Mapped[int | None]
    apply_round: Mapped[int] = mapped_column(default=1)
    apply_attempts: Mapped[int] = mapped_column(default=0)

    created_at: Mapped[datetime] = recorded_at()

    provider: Mapped[Provider] = relationship()
    service: Mapped[Service] = relationship()
    customer: Mapped[Customer] = relationship()

    @property
    def lifecycle_status(self) -> Status:
        return Status(self.status)

    @property
    def summary(self) -> str:
        """What an operator reads in Flower: no personal data."""
        return f"{self.provider.slug}: {self.from_plan} → {self.target_plan} ({self.target_cycle})"

    @property
    def apply_key(self) -> str:
        """The host's idempotency key: a new one only when an operator retries after a definite no."""
        return f"{self.id}:apply:{self.apply_round}"

    def accepted_total(self) -> Money | None:
        if self.accepted_total_minor is None:
            return None
        return Money(self.accepted_total_minor, self.service.currency)


class ChangeMove(Base):
    """One row for each move; the database refuses to change or delete it."""

    __tablename__ = "plan_change_moves"

    id: Mapped[int] = mapped_column(primary_key=True)
    change_id: Mapped[str] = mapped_column(ForeignKey("plan_changes.id"), index=True)
    event: Mapped[str]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]
    reason: Mapped[str | None]
    recorded_at: Mapped[datetime] = recorded_at()


class RejectedMessage(Base):
    """A message at the Celery entry point that could not become a plan change: kept for operators, never retried."""

    __tablename__ = "rejected_messages"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("rej"))
    message: Mapped[dict[str, Any]]
    reason: Mapped[str]
    recorded_at: Mapped[datetime] = recorded_at()


def open_change(session: Session, change: PlanChange, at: datetime, actor: str) -> None:
    """Inserts a new change with the first row of its history."""
    session.add(change)
    session.flush()
    _write_move(session, change, Event.REQUEST, None, at, actor)


def move(
    session: Session,
    change: PlanChange,
    event: Event,
    target: Status,
    at: datetime,
    actor: str = "system",
    reason: str | None = None,
) -> None:
    """Moves a change that this session has locked, and writes the history row.

    `at` is business time. Raises ImpossibleMove for a move that the lifecycle does not have, and LostRace if the row
    is no longer in the status that was read: the caller's transaction must not commit.
    """
    source = Status(change.status)
    check_move(source, event, target)
    session.flush()
    moved = session.execute(
        update(PlanChange)
        .where(PlanChange.id == change.id, PlanChange.status == source)
        .values(status=target, attempts=0, last_error=None, next_attempt_at=_next_attempt(target))
        .returning(PlanChange.next_attempt_at)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if moved is None:
        raise LostRace(change.id, source)
    session.refresh(change, ["status", "attempts", "last_error", "next_attempt_at"])
    if source in ACTIVE and target not in ACTIVE:
        change.service.schedule_now()  # its renewal may have waited for this change
    _write_move(session, change, event, source, at, actor, reason)


class LostRace(RuntimeError):
    """Somebody moved the row although we held its lock: a program error."""

    def __init__(self, change_id: str, source: Status) -> None:
        super().__init__(f"{change_id} is no longer {source}, although its service is locked")


def lock_change(session: Session, change_id: str) -> PlanChange:
    """Locks the service, then the change, and reads both afresh. Raises NoResultFound for an unknown id."""
    service_id = session.execute(select(PlanChange.service_id).where(PlanChange.id == change_id)).scalar_one()
    lock_service(session, service_id)
    return session.execute(
        select(PlanChange)
        .where(PlanChange.id == change_id)
        .with_for_update(of=PlanChange)
        .execution_options(populate_existing=True)
    ).scalar_one()


def active_change(session: Session, service_id: str) -> PlanChange | None:
    return session.scalar(select(PlanChange).where(PlanChange.service_id == service_id, PlanChange.status.in_(ACTIVE)))


def scheduled_change(session: Session, service_id: str) -> PlanChange | None:
    return session.scalar(
        select(PlanChange).where(PlanChange.service_id == service_id, PlanChange.status == Status.SCHEDULED)
    )


def moves_of(session: Session, change_id: str) -> list[ChangeMove]:
    """The history, oldest first."""
    return list(session.scalars(select(ChangeMove).where(ChangeMove.change_id == change_id).order_by(ChangeMove.id)))


def _next_attempt(target: Status) -> Any:
    # Null where a person or the service's renewal is awaited, or nothing is left to do. A review ends at a date of its
    # own, which the sweep looks for.
    waits = target in CANVAS_ENDS or target is Status.APPLIED
    return None if waits and target is not Status.AWAITING_REVIEW else func.clock_timestamp()


def _write_move(
    session: Session,
    change: PlanChange,
    event: Event,
    source: Status | None,
    at: datetime,
    actor: str,
    reason: str | None = None,
) -> None:
    session.add(
        ChangeMove(
            change_id=change.id,
            event=event,
            from_status=source,
            to_status=change.status,
            at=at,
            actor=actor,
            reason=reason,
        )
    )
    session.flush()
