"""Who is signed in: one row for each visit to the portal, and one for each to the staff pages. Signing out ends it on
the server, for whoever has its cookie."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, new_id

# Longer than any link and any visit lives: what is older says nothing any more.
_KEPT_FOR = timedelta(days=1)


class SignedIn:
    """Open until `ended_at`."""

    opened_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), index=True)
    ended_at: Mapped[datetime | None]


class PortalSession(SignedIn, Base):
    """A link is known by its digest, so that it opens one session and no second; a sandbox lets in without one."""

    __tablename__ = "portal_sessions"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("pss"))
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"))
    link_sha256: Mapped[str | None] = mapped_column(unique=True)


class StaffSession(SignedIn, Base):
    """By an operators' key, in the name that stands beside every decision."""

    __tablename__ = "staff_sessions"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("sss"))
    key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id"))
    actor: Mapped[str]


Signing = type[PortalSession] | type[StaffSession]


def open_portal_session(session: Session, customer_id: str, link_sha256: str | None = None) -> str | None:
    """The id of a new session; None where the link has opened one before."""
    _forget_old(session, PortalSession)
    values = {"id": new_id("pss"), "customer_id": customer_id, "link_sha256": link_sha256}
    added = insert(PortalSession).values(values).on_conflict_do_nothing(index_elements=["link_sha256"])
    return session.execute(added.returning(PortalSession.id)).scalar_one_or_none()


def open_staff_session(session: Session, key_id: str, actor: str) -> str:
    """The id of a new session."""
    _forget_old(session, StaffSession)
    opened = StaffSession(key_id=key_id, actor=actor)
    session.add(opened)
    session.flush()
    return opened.id


def is_open(session: Session, row: Signing, session_id: str) -> bool:
    """Whether there is such a session and nobody has signed out of it."""
    return session.scalar(select(row.id).where(row.id == session_id, row.ended_at.is_(None))) is not None


def opened_by(session: Session, session_id: str, link_sha256: str) -> bool:
    """Whether this portal session is open, and this link opened it."""
    query = select(PortalSession.id).where(PortalSession.id == session_id, PortalSession.ended_at.is_(None))
    return session.scalar(query.where(PortalSession.link_sha256 == link_sha256)) is not None


def end_session(session: Session, row: Signing, session_id: str) -> None:
    ended = update(row).where(row.id == session_id, row.ended_at.is_(None))
    session.execute(ended.values(ended_at=func.clock_timestamp()))


def _forget_old(session: Session, row: Signing) -> None:
    session.execute(delete(row).where(row.opened_at < func.clock_timestamp() - _KEPT_FOR))
