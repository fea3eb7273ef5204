"""What operators did, who and why; the database refuses to change or delete a row."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, new_id, recorded_at


class OperatorAction(Base):
    """One deed of a person: `who` as they named themselves, `why` in their words, `subject` the id of the row."""

    __tablename__ = "operator_actions"
    __table_args__ = (Index("ix_operator_actions_subject", "subject"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("act"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    action: Mapped[str]
    subject: Mapped[str]
    who: Mapped[str]
    why: Mapped[str]
    details: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    recorded_at: Mapped[datetime] = recorded_at()


def record_action(
    session: Session,
    provider_id: str,
    at: datetime,
    action: str,
    subject: str,
    by: tuple[str, str],
    **details: Any,
) -> None:
    """Writes a deed down in the transaction of the deed itself. `by` is (who, why)."""
    who, why = by
    session.add(
        OperatorAction(
            provider_id=provider_id, action=action, subject=subject, who=who, why=why, details=details, at=at
        )
    )
    session.flush()
