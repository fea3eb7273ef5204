"""Who is signed in to the portal: one row for each link that was followed, and for each that a sandbox lets in."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, new_id

# Longer than any link and any visit lives: what is older says nothing any more.
_KEPT_FOR = timedelta(days=1)


class PortalSession(Base):
    """Open until `ended_at`. A link is known by its digest, so that it opens one session and no second."""

    __tablename__ = "portal_sessions"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("pss"))
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"))
    link_sha256: Mapped[str | None] = mapped_column(unique=True)
    opened_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), index=True)
    ended_at: Mapped[datetime | None]


def open_portal_session(session: Session, customer_id: str, link_sha256: str | None = None) -> str | None:
    """The id of a new session; None where the link has opened one before. Forgets those of another day."""
    session.execute(delete(PortalSession).where(PortalSession.opened_at < func.clock_timestamp() - _KEPT_FOR))
    values = {"id": new_id("pss"), "customer_id": customer_id, "link_sha256": link_sha256}
    added = insert(PortalSession).values(values).on_conflict_do_nothing(index_elements=["link_sha256"])
    return session.execute(added.returning(PortalSession.id)).scalar_one_or_none()


def is_open(session: Session, session_id: str, link_sha256: str | None = None) -> bool:
    """Whether there is such a session and nobody has signed out of it; with a link, whether that one opened it."""
    query = select(PortalSession.id).where(PortalSession.id == session_id, PortalSession.ended_at.is_(None))
    if link_sha256 is not None:
        query = query.where(PortalSession.link_sha256 == link_sha256)
    return session.scalar(query) is not None


def end_portal_session(session: Session, session_id: str) -> None:
    ended = update(PortalSession).where(PortalSession.id == session_id, PortalSession.ended_at.is_(None))
    session.execute(ended.values(ended_at=func.clock_timestamp()))
