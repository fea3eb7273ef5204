"""Messages that the Celery entry point refuses: each is kept, whatever is in it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, new_id, recorded_at

MESSAGE_MAX, REASON_MAX = 10_000, 2_000


class RejectedMessage(Base):
    """A message at the Celery entry point that could not become a plan change: kept for operators, never retried."""

    __tablename__ = "rejected_messages"
    __table_args__ = (Index("ix_rejected_messages_recorded_at", "recorded_at"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("rej"))
    message: Mapped[dict[str, Any]]
    reason: Mapped[str]
    recorded_at: Mapped[datetime] = recorded_at()


def keep_rejected(session: Session, message: object, reason: object) -> None:
    """Kept up to a bound, and never retried: the sender repeats with the same key if it wants to."""
    shown = {"message": readable(message, MESSAGE_MAX)}
    session.add(RejectedMessage(message=shown, reason=readable(reason, REASON_MAX)))
    session.flush()


def readable(value: object, longest: int) -> str:
    """A value as text that a database can hold: what is not printable is written as an escape."""
    try:
        text = str(value)
    except Exception as error:  # nested too deeply, among others
        text = f"(a message that cannot be shown: {type(error).__name__})"
    return "".join(map(_shown, text[:longest]))[:longest]


def _shown(character: str) -> str:
    return character if character.isprintable() or character == "\n" else ascii(character)[1:-1]
