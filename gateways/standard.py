"""Bring your own gateway: a small REST protocol whose webhooks are signed as Standard Webhooks says.

    POST /v1/payments              Idempotency-Key; {reference, amount, currency, description, return_url, expires_at}
    GET  /v1/payments/{id}         → {id, reference, amount, currency, status, checkout_url, paid_at, refunded,
                                      failed_refunds: [{id, amount}]}
    POST /v1/payments/{id}/cancel  → the payment as it is then
    POST /v1/payments/{id}/refunds Idempotency-Key; {amount} → {id, amount, currency, status}
    GET  /v1/events?since={id}     → {events: [as in the webhooks, oldest first]}

Amounts are minor units; a payment that was refunded says so in `refunded`, the sum so far without those of
`failed_refunds`, whose money came back. A webhook is {id, type, occurred_at, data: {payment, refund?, dispute?}}.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from domain.money import Money, UnknownCurrency
from gateways import signatures
from gateways.protocol import (
    Account,
    AmountRule,
    Delivery,
    EventKind,
    EventPage,
    FailedRefund,
    GatewayError,
    GatewayEvent,
    GatewayPayment,
    GatewayRefund,
    GatewayRefused,
    ListedEvent,
    NotUnderstood,
    PaymentRequest,
)
from gateways.rest import DEADLINE_SECONDS, RestApi, first_fault

_REPORTED = {kind.value: kind for kind in EventKind if kind not in (EventKind.IGNORED, EventKind.FETCH)}


class _Body(BaseModel):
    """What the gateway says; fields that we do not know may come with it."""

    model_config = ConfigDict(strict=True, extra="ignore")


S = TypeVar("S", bound=_Body)


class _Failed(_Body):
    """A refund of which the money came back."""

    id: str = Field(min_length=1)
    amount: int = Field(gt=0, le=10**15)


class _Payment(_Body):
    id: str = Field(min_length=1)
    reference: str | None = None
    amount: int = Field(ge=0, le=10**15)
    currency: str
    status: Literal["open", "action_required", "pending", "succeeded", "failed", "canceled"]
    paid_at: AwareDatetime | None = None
    checkout_url: str | None = None
    refunded: int | None = Field(default=None, ge=0, le=10**15)
    failed_refunds: list[_Failed] = []
    description: str | None = None


class _Part(_Body):
    """A refund or a dispute of a payment."""

    id: str = Field(min_length=1)
    amount: int = Field(gt=0, le=10**15)
    currency: str
    status: str = "pending"


class _Subject(_Body):
    payment: _Payment
    refund: _Part | None = None
    dispute: _Part | None = None


class _Events(_Body):
    events: list[dict[str, Any]]


class _Event(_Body):
    id: str = Field(min_length=1)
    type: str
    occurred_at: AwareDatetime


class _KnownEvent(_Event):
    data: _Subject


class StandardGateway:
    """Holds nothing, so one object serves all accounts."""

    refund_returns_for = timedelta(days=60)  # what another gateway\'s banks take nobody knows here

    def __init__(self, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._api = RestApi("The gateway", deadline_seconds)

    def amount_rule(self, currency: str) -> AmountRule | None:
        """What another gateway takes nobody knows here; it says no to the rest itself."""
        return AmountRule()

    def create(self, account: Account, request: PaymentRequest) -> GatewayPayment:
        """The reference is the idempotency key. Raises GatewayError, GatewayRefused."""
        order = {
            "reference": request.reference,
            "amount": request.amount.amount,
            "currency": request.amount.currency,
            "description": request.description,
            "return_url": request.return_url,
            "expires_at": request.expires_at.isoformat(),
        }
        payment = _payment(self._api.call(account, "POST", "/v1/payments", _Payment, order, key=request.reference))
        if payment.reference != request.reference:
            raise GatewayRefused(f"The gateway opened {payment.reference} when it was asked for {request.reference}.")
        return payment

    def fetch(self, account: Account, gateway_ref: str) -> GatewayPayment:
        """Raises GatewayError, GatewayRefused."""
        return _payment(self._api.call(account, "GET", f"/v1/payments/{quote(gateway_ref, safe='')}", _Payment))

    def cancel(self, account: Account, gateway_ref: str) -> GatewayPayment:
        """What cannot be canceled is returned as it stands. Raises GatewayError, GatewayRefused."""
        path = f"/v1/payments/{quote(gateway_ref, safe='')}/cancel"
        try:
            return _payment(self._api.call(account, "POST", path, _Payment))
        except GatewayRefused:
            return self.fetch(account, gateway_ref)

    def refund(self, account: Account, gateway_ref: str, amount: Money, key: str) -> GatewayRefund:
        """Part or all of what was paid. Raises GatewayError, GatewayRefused."""
        path = f"/v1/payments/{quote(gateway_ref, safe='')}/refunds"
        refund = self._api.call(account, "POST", path, _Part, {"amount": amount.amount}, key=key)
        return GatewayRefund(refund.id, refund.status)

    def recent_events(self, account: Account, cursor: str | None) -> EventPage:
        """The cursor is the id of the last event that was seen. Raises GatewayError, GatewayRefused."""
        query = f"?since={quote(cursor, safe='')}" if cursor else ""
        reported = self._api.call(account, "GET", f"/v1/events{query}", _Events).events
        try:
            keys = [_Event.model_validate_json(json.dumps(event)).id for event in reported]
        except ValidationError as error:
            raise GatewayError(f"The gateway's list of events makes no sense: {first_fault(error)}.") from error
        listed = (ListedEvent(key, json.dumps(event).encode()) for key, event in zip(keys, reported, strict=True))
        return EventPage(tuple(listed), keys[-1] if keys else cursor, more=bool(keys))

    def verify(
        self, account: Account, headers: Sequence[tuple[bytes, bytes]], body: bytes, received_at: datetime
    ) -> Delivery:
        """Raises BadSignature."""
        return Delivery(event_key=signatures.verify(account.secrets, headers, body, received_at))

    def parse(self, body: bytes) -> list[GatewayEvent]:
        """Raises NotUnderstood."""
        event = _understood(_Event, body)
        kind = _REPORTED.get(event.type)
        if kind is None:
            nothing = Money.zero("XXX")  # ISO 4217 for no currency
            return [GatewayEvent(EventKind.IGNORED, event.id, "", None, nothing, event.occurred_at)]
        reported = _understood(_KnownEvent, body)
        payment = reported.data.payment
        about = _about(kind, reported)
        try:
            amount = _money(about)
        except UnknownCurrency as error:
            raise NotUnderstood(str(error)) from None
        if kind is EventKind.REFUND_SUCCEEDED:
            amount = _refunded_so_far(reported, amount)
        # When the money came counts, not when the gateway got round to saying so.
        paid_at = payment.paid_at if kind is EventKind.PAYMENT_SUCCEEDED else None
        occurred_at = paid_at or event.occurred_at
        refunded = payment.refunded if kind is EventKind.REFUND_FAILED else None
        names = (about.id, payment.id, payment.reference)
        return [GatewayEvent(kind, *names, amount, occurred_at, payment.description, refunded)]


def _payment(reported: _Payment) -> GatewayPayment:
    try:
        amount = _money(reported)
    except UnknownCurrency as error:
        raise GatewayError(f"The gateway's answer makes no sense: {error}") from error
    return GatewayPayment(
        reported.id,
        reported.reference,
        reported.status,
        amount,
        reported.checkout_url,
        reported.paid_at,
        refunded=reported.refunded or 0,
        failed_refunds=tuple(FailedRefund(failed.id, failed.amount) for failed in reported.failed_refunds),
    )


def _about(kind: EventKind, reported: _KnownEvent) -> _Payment | _Part:
    """What the event is about. Raises NotUnderstood where that is missing."""
    what = kind.value.split(".")[0]
    about: _Payment | _Part | None = getattr(reported.data, what)
    if about is None:
        raise NotUnderstood(f"The event {reported.id} ({reported.type}) names no {what}.")
    return about


def _refunded_so_far(reported: _KnownEvent, refund: Money) -> Money:
    """All that was refunded of the payment: without it, two refunds reported in any order could not be told apart."""
    refunded = reported.data.payment.refunded
    if refunded is None:
        raise NotUnderstood(f"The event {reported.id} does not say how much of the payment is refunded.")
    return Money(refunded, refund.currency)


def _money(reported: _Payment | _Part) -> Money:
    return Money.from_json({"amount": reported.amount, "currency": reported.currency})


def _understood(shape: type[S], body: bytes) -> S:
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        raise NotUnderstood(f"The webhook's body makes no sense: {first_fault(error)}.") from None
