"""The outbox: notifications written in the transaction of the move they report, and sent afterwards."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, case, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import next_steps
from domain.next_steps import MessageState
from models.base import Base, new_id, recorded_at
from models.pending_work import Leased, PendingWork, fact


class OutboxMessage(Leased, PendingWork, Base):
    """Unique by change, event and channel: no move is reported twice. A mail may be sent more than once after a crash,
    always with the same Message-ID."""

    __tablename__ = "outbox_messages"
    __table_args__ = (
        UniqueConstraint("change_id", "event", "channel"),
        Index("ix_outbox_messages_pending", "next_attempt_at", postgresql_where="next_attempt_at IS NOT NULL"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("msg"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    change_id: Mapped[str] = mapped_column(ForeignKey("plan_changes.id"))
    event: Mapped[str]
    channel: Mapped[str]
    recipient: Mapped[str]
    locale: Mapped[str]
    values: Mapped[dict[str, Any]]
    sent_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = recorded_at()

    steps = (next_steps.OUTBOX_MESSAGE,)
    state = fact(lambda row: case((row.sent_at.is_(None), MessageState.UNSENT.value), else_=MessageState.SENT.value))


def write_message(session: Session, message: dict[str, Any]) -> None:
    """Adds a notification unless this change has one of this event on this channel already."""
    session.execute(
        insert(OutboxMessage)
        .values(id=new_id("msg"), fence=0, **message)
        .on_conflict_do_nothing(index_elements=["change_id", "event", "channel"])
    )


def unsent_of_change(session: Session, change_id: str) -> list[str]:
    """Ids of the change's messages that are still to be sent, oldest first."""
    return list(
        session.scalars(
            select(OutboxMessage.id)
            .where(OutboxMessage.change_id == change_id, OutboxMessage.next_attempt_at.is_not(None))
            .order_by(OutboxMessage.id)
        )
    )
