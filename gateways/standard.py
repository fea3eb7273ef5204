"""Bring your own gateway: a small REST protocol whose webhooks are signed as Standard Webhooks says.

    POST /v1/payments              Idempotency-Key; {reference, amount, currency, description, return_url, expires_at}
    GET  /v1/payments/{id}         → {id, reference, amount, currency, status, checkout_url, paid_at}
    POST /v1/payments/{id}/cancel  → the payment as it is then
    POST /v1/payments/{id}/refunds Idempotency-Key; {amount} → {id}

Amounts are minor units. A webhook is {id, type, occurred_at, data: {payment, refund?}}.
"""

import ssl
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Literal, TypeVar
from urllib.parse import quote

import httpx
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from domain.money import Money, UnknownCurrency
from gateways import signatures
from gateways.protocol import (
    Account,
    Delivery,
    EventKind,
    GatewayError,
    GatewayEvent,
    GatewayPayment,
    GatewayRefused,
    NotUnderstood,
    PaymentRequest,
)

_TIMEOUT_SECONDS = 10.0
_TRY_AGAIN = (408, 425, 429)
_TOLD = {kind.value: kind for kind in EventKind if kind is not EventKind.IGNORED}


class _Said(BaseModel):
    """What the gateway says; fields that we do not know may come with it."""

    model_config = ConfigDict(strict=True, extra="ignore")


S = TypeVar("S", bound=_Said)


class _Payment(_Said):
    id: str = Field(min_length=1)
    reference: str | None = None
    amount: int = Field(ge=0, le=10**15)
    currency: str
    status: Literal["open", "action_required", "succeeded", "failed", "canceled"]
    paid_at: AwareDatetime | None = None
    checkout_url: str | None = None


class _Refund(_Said):
    id: str = Field(min_length=1)
    amount: int = Field(gt=0, le=10**15)
    currency: str


class _Subject(_Said):
    payment: _Payment
    refund: _Refund | None = None


class _Event(_Said):
    id: str = Field(min_length=1)
    type: str
    occurred_at: AwareDatetime


class _KnownEvent(_Event):
    data: _Subject


class StandardGateway:
    """Holds nothing, so one object serves all accounts."""

    def __init__(self, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._timeout_seconds = timeout_seconds

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
        payment = _payment(self._ask(account, "POST", "", _Payment, order, key=request.reference))
        if payment.reference != request.reference:
            raise GatewayRefused(f"The gateway opened {payment.reference} when it was asked for {request.reference}.")
        return payment

    def fetch(self, account: Account, gateway_ref: str) -> GatewayPayment:
        """Raises GatewayError, GatewayRefused."""
        return _payment(self._ask(account, "GET", f"/{quote(gateway_ref, safe='')}", _Payment))

    def cancel(self, account: Account, gateway_ref: str) -> GatewayPayment:
        """Raises GatewayError, GatewayRefused."""
        return _payment(self._ask(account, "POST", f"/{quote(gateway_ref, safe='')}/cancel", _Payment))

    def refund(self, account: Account, gateway_ref: str, amount: Money, key: str) -> str:
        """Part or all of what was paid. Raises GatewayError, GatewayRefused."""
        path = f"/{quote(gateway_ref, safe='')}/refunds"
        return self._ask(account, "POST", path, _Refund, {"amount": amount.amount}, key=key).id

    def verify(
        self, account: Account, headers: Sequence[tuple[bytes, bytes]], body: bytes, received_at: datetime
    ) -> Delivery:
        """Raises BadSignature."""
        return Delivery(event_key=signatures.verify(account.secrets, headers, body, received_at))

    def parse(self, body: bytes) -> list[GatewayEvent]:
        """Raises NotUnderstood."""
        event = _understood(_Event, body)
        kind = _TOLD.get(event.type)
        if kind is None:
            nothing = Money.zero("XXX")  # ISO 4217 for no currency
            return [GatewayEvent(EventKind.IGNORED, event.id, "", None, nothing, event.occurred_at)]
        told = _understood(_KnownEvent, body)
        payment, refund = told.data.payment, told.data.refund
        about = refund if kind in (EventKind.REFUND_SUCCEEDED, EventKind.REFUND_FAILED) else payment
        if about is None:
            raise NotUnderstood(f"The event {event.id} ({event.type}) names no refund.")
        try:
            amount = _money(about)
        except UnknownCurrency as error:
            raise NotUnderstood(str(error)) from None
        # When the money came counts, not when the gateway got round to saying so.
        paid_at = payment.paid_at if kind is EventKind.PAYMENT_SUCCEEDED else None
        occurred_at = paid_at or event.occurred_at
        return [GatewayEvent(kind, about.id, payment.id, payment.reference, amount, occurred_at)]

    def _ask(
        self,
        account: Account,
        method: str,
        path: str,
        shape: type[S],
        document: dict[str, object] | None = None,
        *,
        key: str | None = None,
    ) -> S:
        headers = {"Authorization": f"Bearer {account.api_key}"} | ({"Idempotency-Key": key} if key else {})
        url = f"{account.base_url.rstrip('/')}/v1/payments{path}"
        try:
            answer = httpx.request(
                method, url, headers=headers, json=document, timeout=self._timeout_seconds, verify=_tls()
            )
        except httpx.HTTPError as error:
            raise GatewayError(f"The gateway did not answer: {type(error).__name__}.") from error
        except httpx.InvalidURL as error:
            raise GatewayRefused(f"The gateway's address is not a URL: {error}.") from error
        if answer.status_code >= 500 or answer.status_code in _TRY_AGAIN:
            raise GatewayError(f"The gateway answered {answer.status_code}.")
        if not answer.is_success:
            raise GatewayRefused(f"The gateway refused with {answer.status_code}: {answer.text[:300]}")
        try:
            return shape.model_validate_json(answer.content)
        except ValidationError as error:
            raise GatewayError(f"The gateway's answer makes no sense: {_where(error)}.") from error


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the certificates of all authorities takes longer than most calls."""
    return httpx.create_ssl_context()


def _payment(said: _Payment) -> GatewayPayment:
    try:
        amount = _money(said)
    except UnknownCurrency as error:
        raise GatewayError(f"The gateway's answer makes no sense: {error}") from error
    return GatewayPayment(said.id, said.reference, said.status, amount, said.checkout_url, said.paid_at)


def _money(said: _Payment | _Refund) -> Money:
    return Money.from_json({"amount": said.amount, "currency": said.currency})


def _understood(shape: type[S], body: bytes) -> S:
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        raise NotUnderstood(f"The webhook's body makes no sense: {_where(error)}.") from None


def _where(error: ValidationError) -> str:
    """The first thing that is wrong, without the value: it may be anything."""
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}"
