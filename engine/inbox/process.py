"""The inbox: what a gateway tells is written down at the door, and here it is read, booked, parked or put off.

Every event ends processed, ignored, poison or dead; what failed, and what an operator wants to see processed again,
stands in retries.py, and what a fact does to the money in booking.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.accounts.providers import gateway_account
from engine.inbox import allocation
from engine.jobs.external_call import ExternalStep, machine_time, pause_after
from engine.payments.inbox_store import store_fetched
from gateways.fetched import gateway_events_of
from gateways.protocol import Account, EventKind, GatewayEvent, GatewayPayment, NotUnderstood
from gateways.registry import GATEWAYS
from models.inbox import OPEN_EVENTS, InboxEvent
from models.payment import PaymentAttempt

# A webhook can overtake the answer to our own request by seconds; after these looks the money is shown to operators.
ATTEMPTS_BEFORE_UNMATCHED = 6
# A webhook that brings a whole list of events leads to this many fetches at most; the others are asked for by beat.
FETCHES_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Booked:
    """For whom the bell must ring now: plan changes that may move on, inbox rows that were filed."""

    changes: tuple[str, ...] = ()
    events: tuple[str, ...] = ()


NOTHING = Booked()


@dataclass(frozen=True, slots=True)
class FetchCall:
    """An unsigned webhook said: look. Which payments to fetch, as (attempt's id, gateway's name for it)."""

    event_id: str
    deliveries: int
    gateway: str
    account: Account
    payments: tuple[tuple[str, str], ...]


def begin_event(session: Session, now: datetime, event_id: str) -> FetchCall | Booked:
    """Books one event, or says which payments must be fetched first. Processed twice is processed once."""
    event = lock_event(session, event_id)
    if event.status not in OPEN_EVENTS:
        return NOTHING
    try:
        gateway_events = _read(event)
    except NotUnderstood as error:
        event.status, event.last_error, event.next_attempt_at = "poison", str(error), None
        return NOTHING
    to_fetch = [gateway_event for gateway_event in gateway_events if gateway_event.kind is EventKind.FETCH]
    return _begin_fetch(session, event, to_fetch) if to_fetch else _book(session, now, event, gateway_events)


def fetch_payments(call: FetchCall) -> list[tuple[str, GatewayPayment]]:
    """Fetches the payments. Raises GatewayError, GatewayRefused: then the event is tried again."""
    gateway = GATEWAYS[call.gateway]
    return [(attempt_id, gateway.fetch(call.account, ref)) for attempt_id, ref in call.payments]


def finish_fetch(session: Session, now: datetime, call: FetchCall, fetched: list[tuple[str, GatewayPayment]]) -> Booked:
    """What was fetched is filed as events of its own. If the gateway said `look` again meanwhile, so we shall."""
    event = lock_event(session, call.event_id)
    filed = [
        store_fetched(session, now, session.get_one(PaymentAttempt, attempt_id), payment)
        for attempt_id, payment in fetched
    ]
    if event.deliveries == call.deliveries:
        event.status, event.next_attempt_at, event.last_error = "processed", None, None
    session.flush()
    return Booked(events=tuple(event_id for event_id in filed if event_id))


def lock_event(session: Session, event_id: str) -> InboxEvent:
    return session.execute(
        select(InboxEvent)
        .where(InboxEvent.id == event_id)
        .with_for_update(of=InboxEvent)
        .execution_options(populate_existing=True)
    ).scalar_one()


def _read(event: InboxEvent) -> list[GatewayEvent]:
    if event.source == "fetch":
        return gateway_events_of(event.body)
    return GATEWAYS[event.connection.adapter].parse(event.body)


def _begin_fetch(session: Session, event: InboxEvent, to_fetch: list[GatewayEvent]) -> FetchCall | Booked:
    """Only payments that we opened are fetched: whoever guesses a name cannot make us call the gateway."""
    event.match_attempts += 1
    refs = [gateway_event.gateway_ref for gateway_event in to_fetch][:FETCHES_AT_ONCE]
    ours = select(PaymentAttempt.id, PaymentAttempt.gateway_ref).where(
        PaymentAttempt.connection_id == event.connection_id, PaymentAttempt.gateway_ref.in_(refs)
    )
    known = [(attempt_id, ref) for attempt_id, ref in session.execute(ours) if ref is not None]
    if known:
        account = gateway_account(event.connection)
        return FetchCall(event.id, event.deliveries, event.connection.adapter, account, tuple(known))
    if event.match_attempts >= ATTEMPTS_BEFORE_UNMATCHED:
        event.status, event.next_attempt_at = "ignored", None
    else:
        _park(session, event, refs[0])
    session.flush()
    return NOTHING


def _book(session: Session, now: datetime, event: InboxEvent, gateway_events: list[GatewayEvent]) -> Booked:
    event.match_attempts += 1
    last_attempt = event.match_attempts >= ATTEMPTS_BEFORE_UNMATCHED
    taken = [
        allocation.allocate_event(session, now, event, gateway_event, last_attempt) for gateway_event in gateway_events
    ]
    lost = [gateway_event for gateway_event, one in zip(gateway_events, taken, strict=True) if not one.found]
    if not lost:
        all_ignored = all(gateway_event.kind is EventKind.IGNORED for gateway_event in gateway_events)
        event.status, event.last_error = "ignored" if all_ignored else "processed", None
        event.next_attempt_at = event.waits_for = None
    elif last_attempt:
        event.status, event.next_attempt_at = "dead", None
        event.last_error = f"{lost[0].kind} of {lost[0].gateway_ref}, a payment that never came"
    else:
        _park(session, event, lost[0].gateway_ref)
    session.flush()
    changes = [change_id for one in taken for change_id in one.changes]
    for waiting in _waiting_for(session, event, gateway_events):
        changes += _book(session, now, waiting, _read(waiting)).changes
    return Booked(changes=tuple(dict.fromkeys(changes)))


def _park(session: Session, event: InboxEvent, gateway_ref: str) -> None:
    event.status, event.last_error = "parked", f"no payment of ours matches {gateway_ref} yet"
    event.waits_for = gateway_ref
    event.next_attempt_at = machine_time(session) + pause_after(event.match_attempts)


def _waiting_for(session: Session, event: InboxEvent, gateway_events: list[GatewayEvent]) -> list[InboxEvent]:
    """Events that came before the payment they are about, and can be booked now that it is there."""
    refs = [
        gateway_event.gateway_ref
        for gateway_event in gateway_events
        if gateway_event.kind is EventKind.PAYMENT_SUCCEEDED
    ]
    if not refs or event.status != "processed":
        return []
    query = select(InboxEvent).where(
        InboxEvent.connection_id == event.connection_id,
        InboxEvent.waits_for.in_(refs),
        InboxEvent.status == "parked",
        InboxEvent.id != event.id,
    )
    return list(session.scalars(query.order_by(InboxEvent.id).with_for_update(of=InboxEvent, skip_locked=True)))


process_event = ExternalStep(begin_event, fetch_payments, finish_fetch, FetchCall)
