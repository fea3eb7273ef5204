"""A change is requested: it is checked, priced against what was accepted, and written down.

All entry points, HTTP and Celery, come through here. The same key and request are the same change; what cannot be
requested is an exception with the sentence for the caller.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from domain.errors import ChangeError, Forbidden, OverLimit, ServiceNotActive
from domain.lifecycle import UNPAID, Event, Status
from domain.money import Money
from domain.pricing.explain import Formatter
from domain.refusals import refusal_text
from engine.accounts.services import required_service
from engine.expiry import end_unpaid
from engine.jobs.idempotency import earlier_row
from engine.notifications import notices
from engine.offers import mismatch, price_for, promised_total
from models.customer import Service, lock_service
from models.invoice import StoredQuote
from models.moves import begin
from models.plan_change import PlanChange, active_change, lock_change
from models.provider import Provider, catalog_of


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """What was requested. `quote` is the id of an accepted quote, `accept_total` an accepted total due today."""

    service: str
    plan: str
    cycle: str
    quantity: int | None = None
    quote: str | None = None
    accept_total: Money | None = None
    replace: bool = False
    note: str | None = None

    @property
    def sha256(self) -> str:
        """A digest of the whole request: an idempotency key belongs to one request only."""
        values = asdict(self)
        if self.quantity is None:
            del values[
                "quantity"
            ]  # as before there were quantities: a key that was sent then is still the same request
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


class ChangeOpen(Exception):
    """The service has an active change already."""

    code = "change_open"

    def __init__(self, change: PlanChange) -> None:
        self.change_id = change.id
        way_out = "Send replace: true to replace it" if change.status in UNPAID else "Wait until it is applied"
        super().__init__(f"Service {change.service.ref} has an open change, {change.id} ({change.status}). {way_out}.")


class UnknownQuote(Exception):
    """No such quote for this service, plan, cycle and quantity."""

    code = "unknown_quote"

    def __init__(self, quote_id: str) -> None:
        super().__init__(
            f"There is no quote {quote_id} for this service, plan, cycle and quantity. Ask for one: POST /v1/quotes."
        )


class PriceChanged(Exception):
    """What was accepted is not the price any more (or the quote ran out); nothing was charged.

    A program reads the sentence in English; `text` is the customer's.
    """

    code = "price_changed"

    def __init__(self, sentence: str, text: str) -> None:
        self.text = text
        super().__init__(f"{sentence} Nothing was charged. Look at the new quote and accept it.")


def request_change(
    session: Session, now: datetime, provider: Provider, key: str, request: ChangeRequest, channel: str
) -> tuple[PlanChange, bool]:
    """Writes a request down; returns the change and whether it is a repetition of an earlier request.

    Raises KeyReused, RequestInFlight, UnknownService, ChangeError (what cannot be requested), ChangeOpen, UnknownQuote,
    PriceChanged. What the catalogue forbids, or what does not fit, is taken in: the pipeline refuses it.
    """
    if earlier := earlier_row(session, PlanChange, provider.id, key, request.sha256):
        return earlier, True
    service = required_service(session, provider, request.service)
    lock_service(session, service.id)
    _make_room(session, now, service, request)
    accepted = _accepted_quote(session, service, request)
    _check_price(session, now, service, request, accepted)
    change = _new_change(now, provider, service, key, request, channel)
    change.target_quantity = _quantity(request, accepted)
    change.accepted_quote_id = accepted.id if accepted else None
    begin(session, change, now, actor=channel)
    return change, False


def record_refused(
    session: Session,
    now: datetime,
    provider: Provider,
    key: str,
    request: ChangeRequest,
    channel: str,
    refusal: ChangeError | ChangeOpen | PriceChanged | UnknownQuote,
) -> PlanChange:
    """For an entry point that cannot answer: writes down a request refused at once, with the reason."""
    service = required_service(session, provider, request.service)
    lock_service(session, service.id)
    change = _new_change(now, provider, service, key, request, channel)
    change.status = Status.REFUSED
    change.reason, change.reason_text = refusal.code, _refused_text(session, service, refusal)
    change.next_attempt_at = None
    begin(session, change, now, actor=channel)
    notices.write(session, change, "refused")
    return change


def _refused_text(session: Session, service: Service, refusal: Exception) -> str:
    """In the customer's language where it is for him; a mistake of the program that sent the request stays English."""
    if isinstance(refusal, ChangeError):
        return refusal_text(refusal, catalog_of(session, service.provider), service.customer.locale)
    return refusal.text if isinstance(refusal, PriceChanged) else str(refusal)


def _make_room(session: Session, now: datetime, service: Service, request: ChangeRequest) -> None:
    """One active change for a service: an unpaid one makes room if asked to, anything else does not."""
    existing = active_change(session, service.id)
    if existing is None:
        return
    if not (request.replace and existing.status in UNPAID):
        raise ChangeOpen(existing)
    existing = lock_change(session, existing.id)
    end_unpaid(session, existing, Event.SUPERSEDE, Status.SUPERSEDED, now, actor="customer", reason="replaced")


def _accepted_quote(session: Session, service: Service, request: ChangeRequest) -> StoredQuote | None:
    if request.quote is None:
        return None
    stored = session.get(StoredQuote, request.quote)
    if stored is None or stored.service_id != service.id:
        raise UnknownQuote(request.quote)
    target = stored.document["to"]
    wanted = target["quantity"] if request.quantity is None else request.quantity
    if (target["plan"], target["cycle"], target["quantity"]) != (request.plan, request.cycle, wanted):
        raise UnknownQuote(request.quote)
    return stored


def _check_price(
    session: Session, now: datetime, service: Service, request: ChangeRequest, accepted: StoredQuote | None
) -> None:
    if accepted is not None and now >= accepted.expires_at:
        formatter = Formatter(catalog_of(session, service.provider), service.customer.locale, service.currency)
        text = formatter.translate("refused_quote_expired", until=formatter.moment(accepted.expires_at))
        raise PriceChanged(f"Quote {accepted.id} was valid until {accepted.expires_at.isoformat()}.", text)
    try:
        quote = price_for(session, now, service, request.plan, request.cycle, _quantity(request, accepted), accepted)
    except ServiceNotActive:
        raise
    except (Forbidden, OverLimit):
        return
    promised = promised_total(request.accept_total, accepted)
    if promised is not None and promised != quote.total_due_today:
        raise PriceChanged(mismatch(promised, quote, "en"), mismatch(promised, quote, service.customer.locale))


def _quantity(request: ChangeRequest, accepted: StoredQuote | None) -> int | None:
    """What was requested, or what the accepted quote was for; None keeps the service's."""
    if request.quantity is not None or accepted is None:
        return request.quantity
    quantity: int | None = accepted.document["inputs"]["target"]["quantity"]
    return quantity


def _new_change(
    now: datetime, provider: Provider, service: Service, key: str, request: ChangeRequest, channel: str
) -> PlanChange:
    return PlanChange(
        provider_id=provider.id,
        service=service,
        customer_id=service.customer_id,
        invoice=None,
        status=Status.REQUESTED,
        idempotency_key=key,
        request_sha256=request.sha256,
        channel=channel,
        note=request.note,
        received_at=now,
        from_plan=service.plan,
        from_cycle=service.cycle,
        target_plan=request.plan,
        target_cycle=request.cycle,
        target_quantity=request.quantity,
        accepted_total_minor=request.accept_total.amount if request.accept_total else None,
    )
