"""Reconciliation: webhooks may never come, so payments that stay open are fetched, and lists of events are read.

What is learned goes through the inbox like everything else. Ages and pauses are machine time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Integer, TextClause, bindparam, func, or_, select, text, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from domain.next_steps import RECONCILIATION
from engine.accounts.providers import gateway_account
from engine.jobs.external_call import ExternalStep, machine_time
from gateways.protocol import Account, EventPage, GatewayError, GatewayRefused
from gateways.registry import GATEWAYS
from models.inbox import store_event
from models.payment import POLLED_EVERY, UNCONFIRMED, UNRESOLVED, Payment, PaymentAttempt, Refund
from models.pending_work import built_once, has_task
from models.provider import Connection
from settings import settings

BATCH = 500


@dataclass(frozen=True, slots=True)
class DueForFetch:
    """What to reconcile: attempts to fetch, connections whose events to list."""

    attempts: list[str]
    connections: list[str]


@dataclass(frozen=True, slots=True)
class ListCall:
    """One reading of a gateway's list of events."""

    connection_id: str
    gateway: str
    account: Account
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """What one page brought: the ids of the new rows of the inbox, and whether there is another page."""

    events: tuple[str, ...] = ()
    more: bool = False


NOTHING_LISTED = Listed()


def claim_due(session: Session, room: int = BATCH, oldest: datetime | None = None) -> DueForFetch:
    """What is due to be fetched or listed; two beats do not claim it twice. At most as many attempts as their queue has
    room for, and none whose message still waits in it; `oldest` is when the one that has waited longest was sent."""
    return DueForFetch(_claim_attempts(session, room, oldest), _claim_lists(session))


def _claim_attempts(session: Session, room: int, oldest: datetime | None) -> list[str]:
    """Each place has its share, and what it leaves the next one takes."""
    left = max(0, min(BATCH, room))
    patience = timedelta(seconds=settings().sweep_patience_seconds)
    still_queued = oldest - patience if oldest else machine_time(session)
    claimed: list[str] = []
    polling = _polling()
    for place, polled in enumerate(polling):
        share = -(-(left - len(claimed)) // (len(polling) - place))
        claimed += session.scalars(polled, {"share": share, "still_queued": still_queued})
    return claimed


def _claim_lists(session: Session) -> list[str]:
    now = func.clock_timestamp()
    due = (
        select(Connection.id)
        .where(Connection.kind == "gateway", Connection.list_at <= now)
        .limit(BATCH)
        .with_for_update(skip_locked=True, of=Connection)
    )
    listed = update(Connection).where(Connection.id.in_(due)).values(list_at=now + POLLED_EVERY)
    return list(session.scalars(listed.returning(Connection.id).execution_options(synchronize_session=False)))


@built_once
def _polling() -> tuple[ReturningUpdate[Any], ...]:
    """Attempts are found where an index leads to few: by the refunds that may come back, by those that are not
    confirmed, and among those that may still bring money; never among all that were paid."""
    # now() is a value for the whole statement, which an index can serve.
    watched = select(Payment.attempt_id).where(Payment.refunds_watched_until > func.now())
    unconfirmed = select(Payment.attempt_id).join(Refund, Refund.payment_id == Payment.id).where(text(UNCONFIRMED))
    places = (PaymentAttempt.id.in_(watched), PaymentAttempt.id.in_(unconfirmed), text(UNRESOLVED))
    return tuple(_polled(place) for place in places)


def _polled(among: ColumnElement[bool] | TextClause) -> ReturningUpdate[Any]:
    """Those first that nothing was asked about for longest, so that new ones keep none of them waiting."""
    asked_at = func.coalesce(PaymentAttempt.polled_at, PaymentAttempt.created_at)
    still_queued = bindparam("still_queued", type_=DateTime(timezone=True))
    not_queued = or_(PaymentAttempt.polled_at.is_(None), PaymentAttempt.polled_at < still_queued)
    old = asked_at <= func.now() - POLLED_EVERY  # all that are due are, and the index knows it
    batch = (
        select(PaymentAttempt.id)
        .where(among, old, not_queued, has_task(PaymentAttempt, RECONCILIATION, by_date=True))
        .order_by(asked_at)
        .limit(bindparam("share", type_=Integer))
        .with_for_update(skip_locked=True, of=PaymentAttempt)
        .cte("batch")
    )
    polled = update(PaymentAttempt).where(PaymentAttempt.id == batch.c.id).values(polled_at=func.clock_timestamp())
    return polled.returning(PaymentAttempt.id).execution_options(synchronize_session=False)


def begin_listing(session: Session, now: datetime, connection_id: str) -> ListCall:
    connection = session.get_one(Connection, connection_id)
    return ListCall(connection.id, connection.adapter, gateway_account(connection), connection.events_cursor)


def perform_listing(call: ListCall) -> EventPage | str:
    """One page from the cursor on, or why the gateway gives none."""
    gateway = GATEWAYS[call.gateway]
    try:
        return gateway.recent_events(call.account, call.cursor)
    except (GatewayError, GatewayRefused) as error:
        return str(error)


def finish_listing(session: Session, now: datetime, call: ListCall, page: EventPage | str) -> Listed:
    """Files the events that are new, and moves the cursor in the same transaction: a crash costs no event. Whoever
    reads beside us has moved it already, and finds the rest."""
    connection = session.get_one(Connection, call.connection_id, with_for_update={"of": Connection})
    if isinstance(page, str):
        connection.list_error = page
        return NOTHING_LISTED
    filed = [
        store_event(session, now, connection.provider_id, connection.id, "list", event.event_key, event.body)
        for event in page.events
    ]
    moved = page.cursor != call.cursor and connection.events_cursor == call.cursor
    if moved:
        connection.events_cursor = page.cursor
    connection.list_error = None
    session.flush()
    return Listed(tuple(event_id for event_id in filed if event_id), page.more and moved)


list_page = ExternalStep(begin_listing, perform_listing, finish_listing, ListCall)
