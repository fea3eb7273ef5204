"""Verified webhooks are written down: many in one statement, which is one transaction and one flush of the disk.

The same event again is counted; the same key with other contents is flagged, kept aside and not believed. An unsigned
one, which only says that something happened, is looked at once: where it names no payment that we opened, nothing is
written; where it does, it is processed again, unless it waits for that already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    LargeBinary,
    String,
    TableValuedAlias,
    and_,
    bindparam,
    case,
    column,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from domain.lifecycle import InboxStatus
from gateways.fetched import body_of, key_of
from gateways.protocol import Delivery, GatewayPayment
from models.base import new_id
from models.inbox import InboxEvent, store_event
from models.payment import PaymentAttempt
from models.provider import Provider


@dataclass(frozen=True, slots=True)
class ReceivedWebhook:
    """One verified webhook of a connection, by the provider's and the connection's ids."""

    provider_id: str
    connection_id: str
    delivery: Delivery
    body: bytes

    @property
    def key(self) -> tuple[str, str]:
        """Under which it is unique."""
        return self.connection_id, self.delivery.event_key


def receive_events(connection: Connection, webhooks: Sequence[ReceivedWebhook]) -> list[str | None]:
    """Writes webhooks down and returns the ids of the rows to process, None for an unsigned one that leads to nothing
    new. No two may have the same key, and either all or none of them are `fetch_only`."""
    values: dict[str, list[Any]] = {
        "id": [new_id("evt") for _ in webhooks],
        "provider_id": [webhook.provider_id for webhook in webhooks],
        "connection_id": [webhook.connection_id for webhook in webhooks],
        "event_key": [webhook.delivery.event_key for webhook in webhooks],
        "gateway_ref": [webhook.delivery.gateway_ref for webhook in webhooks],
        "body": [webhook.body for webhook in webhooks],
        "body_sha256": [hashlib.sha256(webhook.body).hexdigest() for webhook in webhooks],
    }
    statement = _FETCH if webhooks[0].delivery.fetch_only else _REPORTED
    rows = connection.execute(statement, values)
    ids = {(row.connection_id, row.event_key): row.id for row in rows if row.is_new}
    return [ids.get(webhook.key) for webhook in webhooks]


def store_fetched(session: Session, now: datetime, attempt: PaymentAttempt, payment: GatewayPayment) -> str | None:
    """What was fetched from the gateway goes into the inbox, beside what it reports by itself. Returns the new row's
    id; None if this state is there already."""
    body = body_of(payment, attempt.id, now)
    return store_event(session, now, attempt.provider_id, attempt.connection_id, "fetch", key_of(payment), body)


_STORED = ("id", "provider_id", "connection_id", "event_key", "body", "body_sha256")


def _unnested() -> TableValuedAlias:
    types: dict[str, Any] = {name: String() for name in _STORED} | {"body": LargeBinary(), "gateway_ref": String()}
    arrays = [bindparam(name, type_=ARRAY(kind)) for name, kind in types.items()]
    return (
        func.unnest(*arrays)
        .table_valued(*(column(name, kind) for name, kind in types.items()), name="reported")
        .render_derived()
    )


def _statement(fetch: bool) -> Any:
    """Built once: to build it takes longer than to execute it. Rows are written in the order of their keys, so that
    two receivers never wait for each other. An unsigned one finds its payment, or is no row."""
    reported = _unnested()
    business_now = func.coalesce(Provider.clock_at, func.clock_timestamp())
    status = {"source": "webhook", "conflicting": False, "deliveries": 1, "status": InboxStatus.RECEIVED}
    status |= {"match_attempts": 0, "failures": 0}
    stored = [reported.c[name] for name in _STORED]
    rows = (
        select(*stored, business_now, *(literal(value) for value in status.values()))
        .join(Provider, Provider.id == reported.c.provider_id)
        .order_by(reported.c.connection_id, reported.c.event_key)
    )
    if fetch:
        opened = and_(
            PaymentAttempt.connection_id == reported.c.connection_id,
            PaymentAttempt.gateway_ref == reported.c.gateway_ref,
        )
        rows = rows.join(PaymentAttempt, opened)
    names = [*_STORED, "received_at", *status]
    statement = insert(InboxEvent).from_select(names, rows, include_defaults=False)
    new = statement.excluded
    # An event out of a list has other bytes than the webhook about it, and is the same event.
    other = and_(InboxEvent.body_sha256 != new.body_sha256, InboxEvent.source == "webhook")
    updates: dict[str, Any] = {
        "conflicting": InboxEvent.conflicting | other,
        "conflicting_body": func.coalesce(InboxEvent.conflicting_body, case((other, new.body))),
    }
    is_new: Any = literal(True)
    if fetch:
        waits = InboxEvent.status == InboxStatus.RECEIVED
        updates = {
            "body": new.body,  # the one that was kept may have been deleted since
            "status": InboxStatus.RECEIVED,
            "match_attempts": 0,
            "attempts": case((waits, InboxEvent.attempts), else_=0),
            "next_attempt_at": case((waits, InboxEvent.next_attempt_at), else_=func.clock_timestamp()),
        }
        is_new = InboxEvent.next_attempt_at >= func.statement_timestamp()
    return statement.on_conflict_do_update(
        index_elements=["connection_id", "event_key"], set_={"deliveries": InboxEvent.deliveries + 1, **updates}
    ).returning(InboxEvent.id, InboxEvent.connection_id, InboxEvent.event_key, is_new.label("is_new"))


_REPORTED, _FETCH = _statement(fetch=False), _statement(fetch=True)
