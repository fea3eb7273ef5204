"""Mollie: its webhook is signed by nobody and says only that something happened to a payment, which is then fetched.

    POST   /v2/payments               Idempotency-Key; {amount, description, redirectUrl, webhookUrl, metadata}
    GET    /v2/payments/{id}?embed=refunds
    DELETE /v2/payments/{id}          cancels an open payment
    POST   /v2/payments/{id}/refunds  Idempotency-Key; {amount, description}

Amounts are decimal strings with the currency's digits. Refunds and chargebacks are sums on the payment itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from domain.money import Money
from gateways.protocol import (
    Account,
    AmountRule,
    BadSignature,
    Delivery,
    EventKind,
    EventPage,
    FailedRefund,
    GatewayError,
    GatewayEvent,
    GatewayPayment,
    GatewayRefund,
    GatewayRefused,
    NotUnderstood,
    PaymentRequest,
)
from gateways.rest import RestApi

_API = RestApi("Mollie")
_FETCH = re.compile(rb"id=(tr_[A-Za-z0-9]{1,64})(?:&[A-Za-z0-9=&]{0,100})?")
# `authorized` is a payer who has done their part: the money is on its way until it is captured.
_STATUS = {
    "pending": "pending",
    "authorized": "pending",
    "paid": "succeeded",
    "canceled": "canceled",
    "expired": "canceled",
    "failed": "failed",
}
_REFUND_STATUS = {"refunded": "succeeded", "failed": "failed", "canceled": "failed"}
# Of Mollie's page on payments in several currencies.
_CURRENCIES = """
    AED AUD BGN BRL CAD CHF CZK DKK EUR GBP HKD HUF ILS ISK JPY MXN MYR NOK NZD PHP PLN RON RUB SEK SGD THB TWD USD ZAR
"""


class _Amount(BaseModel):
    value: str = Field(pattern=r"^\d{1,12}(\.\d{1,3})?$")
    currency: str

    def money(self) -> Money:
        """Raises ValueError, UnknownCurrency."""
        return Money.parse_major(self.value, self.currency)


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    id: str = Field(min_length=1)


class _Link(BaseModel):
    href: str


class _Links(BaseModel):
    checkout: _Link | None = None


class _EmbeddedRefund(_Body):
    status: str
    amount: _Amount


class _Embedded(BaseModel):
    refunds: list[_EmbeddedRefund] | None = None


class _Payment(_Body):
    status: Literal["open", "pending", "authorized", "paid", "canceled", "expired", "failed"]
    amount: _Amount
    refunded: _Amount | None = Field(None, alias="amountRefunded")
    charged_back: _Amount | None = Field(None, alias="amountChargedBack")
    paid_at: AwareDatetime | None = Field(None, alias="paidAt")
    metadata: Any = None
    links: _Links = Field(default_factory=_Links, alias="_links")
    embedded: _Embedded | None = Field(None, alias="_embedded")


class _Refund(_Body):
    status: str


class MollieGateway:
    """Holds nothing, so one object serves all accounts."""

    # Mollie names no bound, only that a bank may still refuse what was refunded.
    refund_returns_for = timedelta(days=60)

    def amount_rule(self, currency: str) -> AmountRule | None:
        """Minimum and maximum are those of the method that the payer chooses, so only the smallest of all is known."""
        return AmountRule() if currency in _CURRENCIES.split() else None

    def create(self, account: Account, request: PaymentRequest) -> GatewayPayment:
        order: dict[str, object] = {
            "amount": _amount(request.amount),
            "description": request.description[:255],
            "redirectUrl": request.return_url,
            "webhookUrl": request.webhook_url,
            "metadata": {"reference": request.reference},
        }
        return _payment(_API.call(account, "POST", "/v2/payments", _Payment, order, key=request.reference))

    def fetch(self, account: Account, gateway_ref: str) -> GatewayPayment:
        """With its refunds, since a sum does not say that one of them has failed."""
        path = f"/v2/payments/{quote(gateway_ref, safe='')}?embed=refunds"
        return _payment(_API.call(account, "GET", path, _Payment))

    def cancel(self, account: Account, gateway_ref: str) -> GatewayPayment:
        """Some methods cannot be canceled; such a payment runs out by itself, and is returned as it stands."""
        try:
            return _payment(_API.call(account, "DELETE", f"/v2/payments/{quote(gateway_ref, safe='')}", _Payment))
        except GatewayRefused:
            return self.fetch(account, gateway_ref)

    def refund(self, account: Account, gateway_ref: str, amount: Money, key: str) -> GatewayRefund:
        path = f"/v2/payments/{quote(gateway_ref, safe='')}/refunds"
        reported = _API.call(account, "POST", path, _Refund, {"amount": _amount(amount), "description": key}, key=key)
        return GatewayRefund(reported.id, _REFUND_STATUS.get(reported.status, "pending"))

    def recent_events(self, account: Account, cursor: str | None) -> EventPage:
        """Mollie keeps no list for classic webhooks; what may still change is fetched anyway."""
        return EventPage((), None)

    def verify(
        self, account: Account, headers: Sequence[tuple[bytes, bytes]], body: bytes, received_at: datetime
    ) -> Delivery:
        """Nothing is signed, so nothing is believed but that there is a payment to fetch. Raises BadSignature."""
        found = _FETCH.fullmatch(body)
        if found is None:
            raise BadSignature("The webhook must be a form with the id of a payment, tr_….")
        ref = found[1].decode()
        return Delivery(event_key=f"look:{ref}", fetch_only=True, gateway_ref=ref)

    def parse(self, body: bytes) -> list[GatewayEvent]:
        found = _FETCH.fullmatch(body)
        if found is None:
            raise NotUnderstood("The webhook names no payment.")
        ref = found[1].decode()
        return [GatewayEvent(EventKind.FETCH, ref, ref, None, Money.zero("XXX"), datetime.fromtimestamp(0, UTC))]


def _payment(reported: _Payment) -> GatewayPayment:
    try:
        amount = reported.amount.money()
        refunded, charged_back = (
            part.money().amount if part else 0 for part in (reported.refunded, reported.charged_back)
        )
        failed = tuple(
            FailedRefund(refund.id, refund.amount.money().amount)
            for refund in (reported.embedded.refunds if reported.embedded else None) or ()
            if _REFUND_STATUS.get(refund.status) == "failed"
        )
    except ValueError as error:
        raise GatewayError(f"Mollie's answer makes no sense: {error}") from error
    reference = reported.metadata.get("reference") if isinstance(reported.metadata, dict) else None
    return GatewayPayment(
        gateway_ref=reported.id,
        reference=reference,
        status=_STATUS.get(reported.status, "open"),
        amount=amount,
        checkout_url=reported.links.checkout.href if reported.links.checkout else None,
        paid_at=reported.paid_at,
        refunded=refunded,
        charged_back=charged_back,
        failed_refunds=failed,
    )


def _amount(amount: Money) -> dict[str, str]:
    return {"value": amount.major(), "currency": amount.currency}
