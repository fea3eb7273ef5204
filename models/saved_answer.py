"""What an operator was answered, under the key of the request: the same request again is answered in the same way."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, new_id, recorded_at


class SavedAnswer(Base):
    """Written in the transaction of what was done, so that there is never one without the other."""

    __tablename__ = "saved_answers"
    __table_args__ = (UniqueConstraint("provider_id", "idempotency_key"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("ans"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    idempotency_key: Mapped[str]
    request_sha256: Mapped[str]
    answer: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime] = recorded_at()
