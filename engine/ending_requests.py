"""The ending of a service is looked at, asked for, and taken back: the way in for every entry point.

At the end of the period it can be taken back until it has happened, and nothing is given back; at once it takes effect
in the transaction of the request, unless a change is paid and not applied yet.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy.orm import Session

from domain.lifecycle import SETTLED_UNAPPLIED, EndingStatus
from domain.money import Money
from domain.periods import instant_text
from domain.pricing.ending import EndingPrice
from engine.accounts.services import required_service
from engine.ending import end_if_due, price_at_once
from engine.jobs.idempotency import earlier_row
from engine.ledger.waterfall import owed_for
from engine.notifications import notices
from engine.payments.ended_invoices import unsupplied
from models.customer import Service, lock_service
from models.ending import Ending, latest_ending
from models.invoice import Invoice
from models.moves import begin, move
from models.plan_change import PlanChange, active_change, scheduled_change
from models.provider import Provider

When = Literal["period_end", "now"]


@dataclass(frozen=True, slots=True)
class EndingRequest:
    """What was requested. `accept_credit` is the credit that was shown for an ending at once."""

    service: str
    at: When = "period_end"
    accept_credit: Money | None = None

    @property
    def sha256(self) -> str:
        """A digest of the whole request: an idempotency key belongs to one request only."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class EndingPreview:
    """What an ending would do. `credit` is given back, of which `pays_invoices` pays what is owed for the service;
    `lost` is what the unused time is worth besides; `voided` are unpaid invoices and `canceled` the changes that end
    with it."""

    at: When
    ends_at: datetime
    credit: Money
    lost: Money
    pays_invoices: Money
    price: EndingPrice | None
    voided: tuple[Invoice, ...]
    canceled: tuple[PlanChange, ...]


class ServiceOver(Exception):
    """There is nothing left to end, or to keep."""

    def __init__(self, service: Service) -> None:
        super().__init__(f"Service {service.ref} is {service.status}: it has ended. Order it anew to have it again.")


class EndingOpen(Exception):
    """The service ends already."""

    def __init__(self, ending: Ending) -> None:
        when = instant_text(ending.ends_at)
        super().__init__(f"Service {ending.service.ref} ends at {when} already ({ending.id}). DELETE takes that back.")


class NoEnding(Exception):
    """Nobody has asked for an ending."""

    def __init__(self, service: Service) -> None:
        super().__init__(f"Service {service.ref} does not end; there is nothing to take back.")


class CreditChanged(Exception):
    """What was accepted is not what an ending at once gives any more."""

    def __init__(self, accepted: Money, credit: Money) -> None:
        super().__init__(f"Ending at once gives {credit}, not {accepted}. Nothing was ended; look at it again.")


def preview_ending(session: Session, now: datetime, service: Service, at: When) -> EndingPreview:
    """What ending the service would do at this moment; writes nothing. Raises ServiceOver."""
    if service.is_over:
        raise ServiceOver(service)
    price = price_at_once(session, service, now) if at == "now" else None
    nothing = service.money(0)
    credit = price.credit if price else nothing
    ends_at = now if at == "now" else service.period_end
    changes = (active_change(session, service.id), scheduled_change(session, service.id))
    return EndingPreview(
        at,
        ends_at,
        credit,
        price.lost if price else nothing,
        min(owed_for(session, service.id, service.currency), credit),
        price,
        () if credit else tuple(unsupplied(session, service, ends_at)),
        tuple(change for change in changes if change is not None and change.status not in SETTLED_UNAPPLIED),
    )


def request_ending(
    session: Session,
    now: datetime,
    provider: Provider,
    key: str,
    request: EndingRequest,
    channel: str,
    actor: str = "customer",
    reason: str | None = None,
) -> tuple[Ending, bool]:
    """Writes an ending down, and carries it out where it is due; returns it and whether it is a repetition.

    An ending at once takes the place of one that is scheduled. Raises KeyReused, RequestInFlight, UnknownService,
    ServiceOver, EndingOpen, CreditChanged.
    """
    if earlier := earlier_row(session, Ending, provider.id, key, request.sha256):
        return earlier, True
    service = lock_service(session, required_service(session, provider, request.service).id)
    if service.is_over:
        raise ServiceOver(service)
    if request.at == "now" and request.accept_credit is not None:
        credit = price_at_once(session, service, now).credit
        if credit != request.accept_credit:
            raise CreditChanged(request.accept_credit, credit)
    _make_room(session, now, service, request, actor)
    ending = Ending(
        provider_id=provider.id,
        service=service,
        customer_id=service.customer_id,
        status=EndingStatus.SCHEDULED,
        at=request.at,
        idempotency_key=key,
        request_sha256=request.sha256,
        channel=channel,
        plan=service.plan,
        received_at=now,
    )
    begin(session, ending, now, actor, reason)
    if end_if_due(session, now, ending) is EndingStatus.SCHEDULED:
        notices.write(session, ending, "ending_scheduled")
    return ending, False


def withdraw_ending(
    session: Session, now: datetime, service: Service, actor: str = "customer", reason: str | None = None
) -> Ending:
    """The service is kept after all, and renews as ever; taken back twice is taken back.

    Raises ServiceOver, NoEnding.
    """
    lock_service(session, service.id)
    if service.is_over:
        raise ServiceOver(service)
    ending = latest_ending(session, service.id)
    if ending is None or ending.status == EndingStatus.ENDED:
        raise NoEnding(service)
    if ending.status == EndingStatus.SCHEDULED:
        move(session, ending, "withdraw", EndingStatus.WITHDRAWN, now, actor, reason)
        notices.write(session, ending, "ending_withdrawn")
    return ending


def _make_room(session: Session, now: datetime, service: Service, request: EndingRequest, actor: str) -> None:
    """One open ending for a service: one at the period's end makes room for one at once, anything else does not."""
    existing = service.open_ending
    if existing is None:
        return
    if request.at != "now" or existing.at == "now":
        raise EndingOpen(existing)
    move(session, existing, "withdraw", EndingStatus.WITHDRAWN, now, actor, "replaced")
