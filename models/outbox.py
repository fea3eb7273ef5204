"""The outbox: notifications written in the transaction of the move they report, and sent afterwards."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Select, UniqueConstraint, bindparam, case, select
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from domain import next_steps
from domain.next_steps import MessageState
from models.base import Base, listed, new_id, recorded_at
from models.customer import Customer
from models.pending_work import Leased, PendingWork, built_once, fact, given_up_index, pending_index

_GIVEN_UP = "next_attempt_at IS NULL AND sent_at IS NULL"
# What was sent, and still has its words and its reader.
WITH_WORDS = "sent_at IS NOT NULL AND recipient <> ''"

# Who reads it: the customer, except for what only staff can answer.
FOR_STAFF = frozenset({"review_requested", "money_returned", "refund_failed_for_staff"})


class OutboxMessage(Leased, PendingWork, Base):
    """Unique by subject, event, occasion and channel: nothing is reported twice. `subject` is the id of the row that it
    is about, `occasion` counts events that come again (reminders of one bill). A mail may be sent more than once after
    a crash, always with the same Message-ID. `recipient` and `values` are empty once they were deleted
    (engine/jobs/retention.py)."""

    __tablename__ = "outbox_messages"
    __table_args__ = (
        UniqueConstraint("subject", "event", "channel", "occasion"),
        given_up_index("outbox_messages", _GIVEN_UP),
        pending_index("outbox_messages"),
        listed("outbox_messages", "customer_id", name="customer_id"),
        Index("ix_outbox_messages_words", "sent_at", postgresql_where=WITH_WORDS),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("msg"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"))
    subject: Mapped[str]
    event: Mapped[str]
    occasion: Mapped[int] = mapped_column(default=1, server_default="1")
    channel: Mapped[str]
    recipient: Mapped[str]
    locale: Mapped[str]
    values: Mapped[dict[str, Any]]
    sent_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = recorded_at()

    customer: Mapped[Customer] = relationship(lazy="joined", innerjoin=True)

    given_up_where = _GIVEN_UP
    steps = (next_steps.OUTBOX_MESSAGE,)
    state = fact(lambda row: case((row.sent_at.is_(None), MessageState.UNSENT.value), else_=MessageState.SENT.value))


def write_message(session: Session, message: dict[str, Any]) -> None:
    """Adds a notification unless its subject has one of this event, occasion and channel already."""
    session.execute(_writing(), {"id": new_id("msg"), **message})


@built_once
def _writing() -> Insert:
    table: Any = OutboxMessage.__table__
    return insert(table).on_conflict_do_nothing(index_elements=["subject", "event", "channel", "occasion"])


def unsent_about(session: Session, subject: str) -> list[str]:
    """Ids of the messages about a row that are still to be sent, oldest first."""
    return list(session.scalars(_unsent(), {"subject": subject}))


@built_once
def _unsent() -> Select[str]:
    about = (OutboxMessage.subject == bindparam("subject"), OutboxMessage.next_attempt_at.is_not(None))
    return select(OutboxMessage.id).where(*about).order_by(OutboxMessage.id)
