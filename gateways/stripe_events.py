"""Stripe's webhooks: the signature, checked so that every doubt is a no, and the events about money.

Source: Stripe's documentation of webhook signatures, scheme v1: HMAC-SHA256 in hex over `t.body` with the endpoint's
secret. The vendor's library lets timestamps of the future pass and raises whatever it meets on the way.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from domain.money import Money, UnknownCurrency
from gateways.protocol import BadSignature, EventKind, GatewayEvent, NotUnderstood
from gateways.rest import first_fault
from gateways.stripe_amounts import money

Headers = Sequence[tuple[bytes, bytes]]

TOLERANCE_SECONDS = 300  # of the documentation, both ways
_SECRET_CHARACTERS_MIN = 16  # an empty secret would let everybody sign
_HEADER = re.compile(rb"t=([1-9][0-9]{0,11})((?:,v[0-9]+=[0-9a-f]{1,128}){1,16})")
_SIGNATURE = re.compile(rb",v1=([0-9a-f]{64})(?=,|$)")


def verify(secrets: Sequence[str], headers: Headers, body: bytes, received_at: datetime) -> str:
    """The key of the event, if one of the secrets signed exactly these bytes about now. Raises BadSignature."""
    values = [value for name, value in headers if name.lower() == b"stripe-signature"]
    header = _HEADER.fullmatch(values[0]) if len(values) == 1 else None
    if header is None:
        raise BadSignature("The webhook needs exactly one well-formed stripe-signature header.")
    skew = received_at.timestamp() - int(header[1])
    if abs(skew) > TOLERANCE_SECONDS:
        raise BadSignature(f"The webhook was signed {abs(skew):.0f} s {'ago' if skew > 0 else 'from now'}.")
    signed = header[1] + b"." + body
    matches = [
        hmac.compare_digest(hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode(), presented)
        for secret in secrets
        if len(secret) >= _SECRET_CHARACTERS_MIN
        for presented in _SIGNATURE.findall(header[2])
    ]
    if not any(matches):
        raise BadSignature("No secret of this account made the webhook's signature.")
    return _key(body)


class _Body(BaseModel):
    """What Stripe says; there is always more than we need."""

    model_config = ConfigDict(strict=True, extra="ignore")


class _Named(_Body):
    id: str = Field(pattern=r"^[A-Za-z0-9_:.-]{1,255}$")


class _Data(_Body):
    object: dict[str, Any]


class _Envelope(_Named):
    """What every event has, snapshot or thin, whatever version of the API it was written for."""

    type: str
    object: str = "event"
    created: Any = None
    api_version: str | None = None


class _Event(_Envelope):
    created: int = Field(ge=0, le=10**11)
    data: _Data


Amount = Field(ge=0, le=10**15)


def _id_of(value: Any) -> Any:
    """The id of what may be expanded to the whole object."""
    return value.get("id") if isinstance(value, dict) else value


def _nothing(value: Any) -> Any:
    """Null metadata are none, and so is the empty list that some libraries make of them."""
    return value or {}


_Metadata = Annotated[dict[str, str], BeforeValidator(_nothing)]
_Ref = Annotated[str | None, BeforeValidator(_id_of)]


class _Intent(_Named):
    amount: int = Amount
    amount_received: int | None = None
    currency: str
    metadata: _Metadata = {}
    description: str | None = None


class _Session(_Named):
    payment_intent: _Ref = None
    payment_status: str
    amount_total: int | None = None
    currency: str | None = None
    client_reference_id: str | None = None


class _Charge(_Named):
    payment_intent: _Ref
    amount_refunded: int = Amount
    currency: str
    metadata: _Metadata = {}


class _Part(_Named):
    """A refund or a dispute. Which payment it is about may be null, of one that is not ours; an API version that leaves
    it out would hide ours."""

    payment_intent: _Ref
    amount: int = Amount
    currency: str
    status: str | None = None
    balance_transaction: _Ref = None


def parse(body: bytes) -> list[GatewayEvent]:
    """The one gateway event of a body. Raises NotUnderstood, with what is missing or wrong in it."""
    try:
        envelope = _Envelope.model_validate_json(body)
    except ValidationError as error:
        raise NotUnderstood(f"The body is no event of Stripe's: {first_fault(error)}.") from None
    if envelope.type.removeprefix("v1.") not in TYPES:
        created = envelope.created if isinstance(envelope.created, int) else 0
        return [_ignored(envelope.id, datetime.fromtimestamp(created, UTC))]
    try:
        event = _Event.model_validate_json(body)
        return [_gateway_event(event) or _ignored(event.id, _at(event))]
    except (ValidationError, UnknownCurrency) as error:
        wrong = first_fault(error) if isinstance(error, ValidationError) else str(error)
        raise NotUnderstood(_makes_no_sense(envelope, wrong)) from None


def _ignored(event_id: str, at: datetime) -> GatewayEvent:
    return GatewayEvent(EventKind.IGNORED, event_id, "", None, Money.zero("XXX"), at)


def _makes_no_sense(envelope: _Envelope, wrong: str) -> str:
    """A thin event names an object and does not bring it."""
    if envelope.object != "event":
        missing = "data.object is missing, as in every thin event. Have the endpoint send snapshot payloads"
        return f"{envelope.id} ({envelope.type}) makes no sense: {missing}."
    version = f", API version {envelope.api_version}" if envelope.api_version else ""
    return f"{envelope.id} ({envelope.type}{version}) makes no sense: {wrong}."


_INTENTS = {
    "payment_intent.succeeded": EventKind.PAYMENT_SUCCEEDED,
    "payment_intent.payment_failed": EventKind.PAYMENT_FAILED,
    "payment_intent.processing": EventKind.PAYMENT_PENDING,
    "payment_intent.requires_action": EventKind.PAYMENT_ACTION_REQUIRED,
    "payment_intent.canceled": EventKind.PAYMENT_CANCELED,
}
_SESSIONS = {
    "checkout.session.completed": EventKind.PAYMENT_PENDING,  # unless it says that it is paid
    "checkout.session.async_payment_succeeded": EventKind.PAYMENT_SUCCEEDED,
    "checkout.session.async_payment_failed": EventKind.PAYMENT_FAILED,
    "checkout.session.expired": EventKind.PAYMENT_CANCELED,
}
_REFUNDS = ("refund.failed", "refund.updated", "charge.refund.updated")
_PARTS = (*_REFUNDS, "charge.dispute.created", "charge.dispute.closed")
# All that is understood here; Stripe's lists take up to 20.
TYPES = (*_INTENTS, *_SESSIONS, "charge.refunded", *_PARTS)


def _gateway_event(event: _Event) -> GatewayEvent | None:
    if event.type in _INTENTS:
        return _of_intent(event, _INTENTS[event.type])
    if event.type in _SESSIONS:
        return _of_session(event, _SESSIONS[event.type])
    if event.type == "charge.refunded":
        charge = _Charge.model_validate(event.data.object)
        refunded = money(charge.amount_refunded, charge.currency)
        reference = charge.metadata.get("reference")
        return _reported(event, EventKind.REFUND_SUCCEEDED, charge.id, charge.payment_intent, reference, refunded)
    if event.type in _PARTS:
        return _of_part(event)
    return None


def _of_intent(event: _Event, kind: EventKind) -> GatewayEvent:
    intent = _Intent.model_validate(event.data.object)
    if "checkout" in intent.metadata and kind in (EventKind.PAYMENT_FAILED, EventKind.PAYMENT_PENDING):
        kind = EventKind.PAYMENT_OPEN  # the payer may still be at the page, and take another card; its session says
    paid = kind is EventKind.PAYMENT_SUCCEEDED and intent.amount_received is not None
    amount = money(intent.amount_received or 0 if paid else intent.amount, intent.currency)
    reported = _reported(event, kind, intent.id, intent.id, intent.metadata.get("reference"), amount)
    return replace(reported, text=intent.description)


def _of_session(event: _Event, kind: EventKind) -> GatewayEvent | None:
    session = _Session.model_validate(event.data.object)
    if session.amount_total is None or session.currency is None:
        return None  # a session that only saves a card
    if session.payment_status == "paid" and kind is EventKind.PAYMENT_PENDING:
        kind = EventKind.PAYMENT_SUCCEEDED
    ref = session.payment_intent or session.id
    amount = money(session.amount_total, session.currency)
    return _reported(event, kind, ref, ref, session.client_reference_id, amount)


def _of_part(event: _Event) -> GatewayEvent | None:
    part = _Part.model_validate(event.data.object)
    kind: EventKind | None = None
    if event.type in _REFUNDS:
        return _of_refund(event, part)
    if event.type == "charge.dispute.created" and not (part.status or "").startswith("warning"):
        kind = EventKind.DISPUTE_OPENED  # a warning is an inquiry: no money moves
    elif event.type == "charge.dispute.closed":
        kind = {"won": EventKind.DISPUTE_WON, "lost": EventKind.DISPUTE_LOST}.get(part.status or "")
    if kind is None:
        return None
    return _reported(event, kind, part.id, part.payment_intent, None, money(part.amount, part.currency))


def _of_refund(event: _Event, part: _Part) -> GatewayEvent | None:
    """What succeeds is told by the charge. What was canceled before it had moved anything brings nothing back."""
    if part.status not in ("failed", "canceled"):
        return None
    moved = part.status == "failed" or part.balance_transaction is not None
    amount = money(part.amount if moved else 0, part.currency)
    reported = _reported(event, EventKind.REFUND_FAILED, part.id, part.payment_intent, None, amount)
    # Stripe's seconds are rounded down; within one of them a refund fails after its charge counted it.
    return replace(reported, occurred_at=reported.occurred_at.replace(microsecond=999_999))


def _reported(
    event: _Event, kind: EventKind, gateway_object: str, ref: str | None, reference: str | None, amount: Money
) -> GatewayEvent:
    return GatewayEvent(kind, gateway_object, ref or gateway_object, reference, amount, _at(event))


def _at(event: _Event) -> datetime:
    return datetime.fromtimestamp(event.created, UTC)


def _key(body: bytes) -> str:
    """The id in the signed body; what has none is kept under its digest, and will be found to make no sense."""
    try:
        return _Named.model_validate_json(body).id
    except ValidationError:
        return f"sha256:{hashlib.sha256(body).hexdigest()}"
