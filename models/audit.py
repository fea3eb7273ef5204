"""What operators did, with actor and reason; the database refuses to change or delete a row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Select, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, listed, new_id, recorded_at


class OperatorAction(Base):
    """One action of a person: `actor` as they named themselves, `reason` in their words, `subject` the row's id."""

    __tablename__ = "operator_actions"
    __table_args__ = (Index("ix_operator_actions_subject", "subject"), listed("operator_actions", "provider_id"))

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("act"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    action: Mapped[str]
    subject: Mapped[str]
    actor: Mapped[str]
    reason: Mapped[str]
    details: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    recorded_at: Mapped[datetime] = recorded_at()


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who decided, as they named themselves, and the reason in their words."""

    actor: str
    reason: str

    @property
    def operator(self) -> str:
        """As histories name the actor."""
        return f"operator:{self.actor}"


# Sample providers, and whoever sets up by a script without saying who.
BY_A_PROGRAM = Attribution("a program", "nobody said why")


def record_action(
    session: Session,
    provider_id: str,
    at: datetime,
    action: str,
    subject: str,
    attribution: Attribution,
    **details: Any,
) -> None:
    """Writes an action down in the transaction of the action itself."""
    session.add(
        OperatorAction(
            provider_id=provider_id,
            action=action,
            subject=subject,
            actor=attribution.actor,
            reason=attribution.reason,
            details=details,
            at=at,
        )
    )
    session.flush()


def actions_of(provider_id: str) -> Select[OperatorAction]:
    """What people changed and decided for a provider, newest first."""
    query = select(OperatorAction).where(OperatorAction.provider_id == provider_id)
    return query.order_by(OperatorAction.id.desc())
