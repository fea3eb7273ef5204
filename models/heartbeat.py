"""Signs of life: when something that should happen again and again has happened last."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base

# Of the books, of the documents, and of what hosts have.
AUDITS = ("audit", "audit_documents", "audit_hosts")


class Heartbeat(Base):
    """One row a name, machine time: `sweep` (beat and a worker live), `queue:NAME` (a worker takes from it),
    `taken:NAME` (with RabbitMQ: when the message that it took last was sent), and AUDITS (`details` is what each found
    last night)."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    details: Mapped[dict[str, Any]]


def beat(session: Session | Connection, name: str, **details: Any) -> None:
    """Writes the sign down over the one before."""
    values = {"name": name, "at": func.clock_timestamp(), "details": details}
    statement = insert(Heartbeat).values(values)
    session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))
