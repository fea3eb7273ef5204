"""The inbox: what a gateway reports is stored by the webhook receiver, and read, allocated or parked here.

Every event ends processed, ignored, poison or dead. What could not be processed is in failures.py, what an operator
wants processed again in operators/replay.py, and what an event does to the money in allocation.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.lifecycle import UNDECIDED, InboxStatus
from engine.accounts.providers import gateway_account
from engine.inbox import allocation
from engine.inbox.ownership import is_ours
from engine.jobs.external_call import ExternalStep, retry_at
from engine.payments.inbox_store import store_fetched
from gateways.fetched import gateway_events_of
from gateways.protocol import Account, EventKind, GatewayEvent, GatewayPayment, NotUnderstood
from gateways.registry import GATEWAYS
from models.inbox import InboxEvent
from models.moves import move
from models.payment import PaymentAttempt
from models.provider import lock_row_and_clock, locked_row

# A webhook can overtake the answer to our own request by seconds; after so many attempts money is shown to operators.
ATTEMPTS_BEFORE_UNMATCHED = 6
# A webhook that brings a whole list of events leads to this many fetches at most; reconciliation fetches the others.
FETCHES_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Processed:
    """What to enqueue now: plan changes that may move on, inbox rows that were filed."""

    changes: tuple[str, ...] = ()
    events: tuple[str, ...] = ()


NOTHING = Processed()


@dataclass(frozen=True, slots=True)
class FetchCall:
    """The payments to fetch because of an unsigned webhook, as (attempt's id, gateway's name for it)."""

    event_id: str
    deliveries: int
    gateway: str
    account: Account
    payments: tuple[tuple[str, str], ...]


def begin_event(session: Session, now: datetime, event_id: str) -> FetchCall | Processed:
    """Processes one event, or returns the payments to fetch first. Processed twice is processed once."""
    event = locked_row(session, InboxEvent, event_id)
    if event.status not in UNDECIDED:
        return NOTHING
    try:
        gateway_events = _read(event)
    except NotUnderstood as error:
        move(session, event, "reject", InboxStatus.POISON, now)
        event.last_error = str(error)
        return NOTHING
    to_fetch = [gateway_event for gateway_event in gateway_events if gateway_event.kind is EventKind.FETCH]
    return _begin_fetch(session, now, event, to_fetch) if to_fetch else _process(session, now, event, gateway_events)


def fetch_payments(call: FetchCall) -> list[tuple[str, GatewayPayment]]:
    """Fetches the payments. Raises GatewayError, GatewayRefused: then the event is tried again."""
    gateway = GATEWAYS[call.gateway]
    return [(attempt_id, gateway.fetch(call.account, ref)) for attempt_id, ref in call.payments]


def finish_fetch(
    session: Session, now: datetime, call: FetchCall, fetched: list[tuple[str, GatewayPayment]]
) -> Processed:
    """What was fetched is filed as events of its own. If the webhook came again meanwhile, they are fetched again."""
    event = locked_row(session, InboxEvent, call.event_id)
    filed = [
        store_fetched(session, now, session.get_one(PaymentAttempt, attempt_id), payment)
        for attempt_id, payment in fetched
    ]
    if event.deliveries == call.deliveries:
        move(session, event, "process", InboxStatus.PROCESSED, now)
    session.flush()
    return Processed(events=tuple(event_id for event_id in filed if event_id))


def _read(event: InboxEvent) -> list[GatewayEvent]:
    if event.source == "fetch":
        return gateway_events_of(event.body)
    return GATEWAYS[event.connection.adapter].parse(event.body)


def _begin_fetch(
    session: Session, now: datetime, event: InboxEvent, to_fetch: list[GatewayEvent]
) -> FetchCall | Processed:
    """Only payments that we opened are fetched: whoever guesses a name cannot make us call the gateway. The receiver
    files no other; should its payment be gone, the event is not looked at again."""
    refs = [gateway_event.gateway_ref for gateway_event in to_fetch][:FETCHES_AT_ONCE]
    ours = select(PaymentAttempt.id, PaymentAttempt.gateway_ref).where(
        PaymentAttempt.connection_id == event.connection_id, PaymentAttempt.gateway_ref.in_(refs)
    )
    known = [(attempt_id, ref) for attempt_id, ref in session.execute(ours) if ref is not None]
    if known:
        account = gateway_account(event.connection)
        return FetchCall(event.id, event.deliveries, event.connection.adapter, account, tuple(known))
    _ignore_foreign(session, now, event, refs[0])
    return NOTHING


def _process(session: Session, now: datetime, event: InboxEvent, gateway_events: list[GatewayEvent]) -> Processed:
    attempts = event.match_attempts + 1
    last_attempt = attempts >= ATTEMPTS_BEFORE_UNMATCHED
    allocations = [
        allocation.allocate_event(session, now, event, gateway_event, last_attempt) for gateway_event in gateway_events
    ]
    event.match_attempts = attempts  # written with what becomes of the event
    pairs = zip(gateway_events, allocations, strict=True)
    unallocated = [gateway_event for gateway_event, allocated in pairs if not allocated.found]
    if not unallocated:
        all_ignored = all(gateway_event.kind is EventKind.IGNORED for gateway_event in gateway_events)
        event.waits_for = None
        step = ("ignore", InboxStatus.IGNORED) if all_ignored else ("process", InboxStatus.PROCESSED)
        move(session, event, *step, now)
    elif last_attempt and not any(is_ours(session, event, gateway_event) for gateway_event in gateway_events):
        _ignore_foreign(session, now, event, unallocated[0].gateway_ref)
    elif last_attempt:
        move(session, event, "give_up", InboxStatus.DEAD, now)
        event.last_error = f"{unallocated[0].kind} of {unallocated[0].gateway_ref}, a payment that never came"
    else:
        _park(session, now, event, unallocated[0].gateway_ref)
    session.flush()
    changes = [change_id for allocated in allocations for change_id in allocated.changes]
    for waiting in _waiting_for(session, event, gateway_events):
        if waiting.status == InboxStatus.IGNORED:
            waiting.match_attempts = 0
            move(session, waiting, "replay", InboxStatus.RECEIVED, now)
        changes += _process(session, now, waiting, _read(waiting)).changes
    return Processed(changes=tuple(dict.fromkeys(changes)))


def _ignore_foreign(session: Session, now: datetime, event: InboxEvent, gateway_ref: str) -> None:
    """Of another application on the same account. Should a payment of ours come by this name, it is processed."""
    move(session, event, "ignore", InboxStatus.IGNORED, now)
    event.waits_for = gateway_ref
    event.last_error = f"not ours: no reference of ours, and no payment of ours is {gateway_ref}"


def _park(session: Session, now: datetime, event: InboxEvent, gateway_ref: str) -> None:
    event.waits_for = gateway_ref
    at = retry_at(session, event.match_attempts)
    try_later(session, now, event, InboxStatus.PARKED, at, f"no payment of ours matches {gateway_ref} yet")


def try_later(
    session: Session, now: datetime, event: InboxEvent, status: InboxStatus, at: datetime, error: str
) -> None:
    """→ parked | retry: it is tried again at `at` (machine time), and what the sweep has tried still counts."""
    tried = event.attempts
    move(session, event, "put_off", status, now)
    event.attempts, event.next_attempt_at, event.last_error = tried, at, error
    session.flush()


def _waiting_for(session: Session, event: InboxEvent, gateway_events: list[GatewayEvent]) -> list[InboxEvent]:
    """Events that came before the payment they are about, and can be processed now that it is there; also those that
    were taken for another application's."""
    refs = [
        gateway_event.gateway_ref
        for gateway_event in gateway_events
        if gateway_event.kind is EventKind.PAYMENT_SUCCEEDED
    ]
    if not refs or event.status != InboxStatus.PROCESSED:
        return []
    query = select(InboxEvent).where(
        InboxEvent.connection_id == event.connection_id,
        InboxEvent.waits_for.in_(refs),
        InboxEvent.status.in_((InboxStatus.PARKED, InboxStatus.IGNORED)),
        InboxEvent.id != event.id,
    )
    return list(session.scalars(query.order_by(InboxEvent.id).with_for_update(of=InboxEvent, skip_locked=True)))


process_event = ExternalStep(begin_event, fetch_payments, finish_fetch, FetchCall, opens=lock_row_and_clock)
