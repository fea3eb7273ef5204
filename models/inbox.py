"""The inbox: whatever is reported about money is a row here first, and is acted on afterwards."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, and_, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from domain import next_steps
from domain.lifecycle import INBOX_EVENT, InboxStatus
from models.base import Base, listed, new_id, one_of, recorded_at
from models.moves import Moving
from models.pending_work import fact, given_up_index, pending_index
from models.provider import Connection, Provider

# How many refused webhooks are kept of each connection: enough to see a wrong secret, too few to fill a disk.
REFUSED_KEPT = 20


_GIVEN_UP = "status = 'dead'"
# What is decided, and still has what was sent.
WITH_BODY = "status IN ('ignored', 'processed') AND body <> ''"


class InboxEvent(Moving, Base):
    """What a gateway reported (`source` webhook), what we fetched from it (fetch, list) or what an operator saw at the
    bank (operator), written down before anything is done about it. `received_at` is business time.

    `status`: received, parked (no match yet), retry (it could not be processed), processed, ignored (of a kind that we
    do not need, or of another application: then it still `waits_for` a payment of ours by this name), poison (authentic
    and without sense), dead (tried too often). A body that came under the key of another one is kept beside it and not
    believed. `body` is empty once it was deleted (engine/jobs/retention.py); its digest stays.
    """

    __tablename__ = "inbox_events"
    __table_args__ = (
        one_of("status", InboxStatus),
        UniqueConstraint("connection_id", "event_key"),
        given_up_index("inbox_events", _GIVEN_UP),
        pending_index("inbox_events"),
        Index("ix_inbox_events_recorded_at", "recorded_at", postgresql_using="brin"),
        listed("inbox_events", "provider_id"),
        listed("inbox_events", "provider_id", "status", where="status <> 'processed'", name="in_status"),
        listed("inbox_events", "provider_id", where="conflicting", name="conflicting"),
        Index("ix_inbox_events_bodies", "recorded_at", postgresql_where=WITH_BODY),
        Index("ix_inbox_events_waiting", "connection_id", "waits_for", postgresql_where="waits_for IS NOT NULL"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("evt"))
    provider_id: Mapped[str] = mapped_column(ForeignKey("providers.id"))
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    source: Mapped[str]
    event_key: Mapped[str]
    body: Mapped[bytes]
    body_sha256: Mapped[str]
    conflicting: Mapped[bool] = mapped_column(default=False)
    conflicting_body: Mapped[bytes | None]
    deliveries: Mapped[int] = mapped_column(default=1)
    match_attempts: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    waits_for: Mapped[str | None]
    received_at: Mapped[datetime]
    recorded_at: Mapped[datetime] = recorded_at()

    # Its adapter reads the body: no event is read without it.
    connection: Mapped[Connection] = relationship(lazy="joined", innerjoin=True)

    given_up_where = _GIVEN_UP
    machine = INBOX_EVENT
    steps = (next_steps.INBOX_EVENT,)

    # Of another application on the same account.
    foreign = fact(lambda row: and_(row.status == InboxStatus.IGNORED, row.waits_for.is_not(None)))


def instant_of(session: Session, event: InboxEvent, occurred_at: datetime) -> datetime:
    """When what an event reports has happened: by the gateway's time, but by ours where a sandbox's clock was moved."""
    moved_clock = session.get_one(Provider, event.provider_id).clock_at is not None
    return event.received_at if moved_clock else occurred_at


class RefusedWebhook(Base):
    """A sample of what the receiver refused, so that operators see a wrong secret or an attack. Nothing in it is
    to be believed. The newest REFUSED_KEPT of a connection are kept, at most one a second."""

    __tablename__ = "refused_webhooks"

    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    slot: Mapped[int] = mapped_column(primary_key=True)
    reason: Mapped[str]
    headers: Mapped[str]
    body_start: Mapped[bytes]
    refused_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    connection: Mapped[Connection] = relationship(lazy="joined", innerjoin=True)


def keep_refused(session: Session, connection_id: str, slot: int, values: dict[str, str | bytes]) -> None:
    """Writes one refused webhook over the oldest of its connection."""
    row = {"connection_id": connection_id, "slot": slot, "refused_at": func.clock_timestamp(), **values}
    statement = insert(RefusedWebhook).values(row)
    session.execute(statement.on_conflict_do_update(index_elements=["connection_id", "slot"], set_=row))


def store_event(
    session: Session, now: datetime, provider_id: str, connection_id: str, source: str, event_key: str, body: bytes
) -> str | None:
    """Writes one event down, received `now` (business time). Returns the row's id; None if its key is there already."""
    return session.execute(
        insert(InboxEvent)
        .values(
            id=new_id("evt"),
            provider_id=provider_id,
            connection_id=connection_id,
            source=source,
            status=InboxStatus.RECEIVED,
            event_key=event_key,
            body=body,
            body_sha256=hashlib.sha256(body).hexdigest(),
            received_at=now,
        )
        .on_conflict_do_nothing(index_elements=["connection_id", "event_key"])
        .returning(InboxEvent.id)
    ).scalar_one_or_none()


def event_of_key(session: Session, connection_id: str, event_key: str) -> InboxEvent | None:
    return session.scalar(
        select(InboxEvent).where(InboxEvent.connection_id == connection_id, InboxEvent.event_key == event_key)
    )


def foreign_events(session: Session) -> list[tuple[str, str, int]]:
    """How many events of other applications came, by provider and adapter."""
    query = (
        select(Provider.slug, Connection.adapter, func.count())
        .select_from(InboxEvent)
        .join(Connection, Connection.id == InboxEvent.connection_id)
        .join(Provider, Provider.id == InboxEvent.provider_id)
        .where(InboxEvent.foreign)
        .group_by(Provider.slug, Connection.adapter)
    )
    return [(slug, adapter, count) for slug, adapter, count in session.execute(query)]
