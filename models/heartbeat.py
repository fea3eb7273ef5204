"""Signs of life: when something that should happen again and again has happened last."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select
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


def finish(session: Session, name: str, since: str) -> None:
    """The sign that nothing was found up to the end; what was written down after the sign `since` stays."""
    signs = {row.name: row.at for row in session.scalars(select(Heartbeat).where(Heartbeat.name.in_((name, since))))}
    found_something = signs.keys() == {name, since} and signs[name] > signs[since]
    if not found_something:
        beat(session, name, alert="")
