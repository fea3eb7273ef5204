"""Stripe: hosted Checkout pages, or PaymentIntents for a frontend that shows Stripe's own form.

Our reference travels in the metadata, and is the idempotency key. The webhooks are read in stripe_events.py; only
calls need Stripe's library, which is imported when the first one is made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from domain.money import Money
from gateways import stripe_amounts, stripe_events
from gateways.protocol import (
    Account,
    AmountRule,
    Delivery,
    EventPage,
    FailedRefund,
    GatewayError,
    GatewayEvent,
    GatewayPayment,
    GatewayRefund,
    GatewayRefused,
    ListedEvent,
    PaymentRequest,
)
from gateways.rest import failure_of

if TYPE_CHECKING:
    from stripe import StripeClient

T = TypeVar("T")

# How far back the first reading goes; what is so young is listed again, since a list may lag behind.
_LISTED_AHEAD_SECONDS, _LISTED_LATE_SECONDS = 24 * 3600, 60
_PAGE = 100

_INTENT_STATUS = {
    "succeeded": "succeeded",
    "canceled": "canceled",
    "requires_action": "action_required",
    "processing": "pending",
}
_REFUND_STATUS = {"succeeded": "succeeded", "failed": "failed", "canceled": "failed"}


class StripeIntents:
    """The frontend shows Stripe's form with the `client_token` of a PaymentIntent."""

    # Our own bound: most banks answer within a month.
    refund_returns_for = timedelta(days=35)

    def amount_rule(self, currency: str) -> AmountRule | None:
        return stripe_amounts.amount_rule(currency)

    def create(self, account: Account, request: PaymentRequest) -> GatewayPayment:
        params: Any = {
            "amount": stripe_amounts.stripe_amount(request.amount),
            "currency": request.amount.currency.lower(),
            "metadata": {"reference": request.reference, "description": request.description[:500]},
        }
        options: Any = {"idempotency_key": request.reference}
        return _intent(_call(account, lambda client: client.v1.payment_intents.create(params, options)))

    def fetch(self, account: Account, gateway_ref: str) -> GatewayPayment:
        params: Any = {"expand": ["latest_charge.refunds"]}
        return _intent(_call(account, lambda client: client.v1.payment_intents.retrieve(gateway_ref, params)))

    def cancel(self, account: Account, gateway_ref: str) -> GatewayPayment:
        try:
            return _intent(_call(account, lambda client: client.v1.payment_intents.cancel(gateway_ref)))
        except GatewayRefused:  # it is paid, or canceled already
            return self.fetch(account, gateway_ref)

    def refund(self, account: Account, gateway_ref: str, amount: Money, key: str) -> GatewayRefund:
        params: Any = {"payment_intent": gateway_ref, "amount": stripe_amounts.stripe_amount(amount)}
        options: Any = {"idempotency_key": key}
        reported = _call(account, lambda client: client.v1.refunds.create(params, options))
        return GatewayRefund(reported["id"], _REFUND_STATUS.get(reported.get("status") or "", "pending"))

    def recent_events(self, account: Account, cursor: str | None) -> EventPage:
        """The cursor is the second (since 1970) up to which all was read. Stripe lists the newest event first, so the
        time after it is halved until one page holds what is in it."""
        now = int(datetime.now(UTC).timestamp())
        since = int(cursor) if cursor else now - _LISTED_AHEAD_SECONDS
        until, reported = _oldest_span(account, since, max(now + 1, since + 1))
        listed = tuple(ListedEvent(event["id"], json.dumps(event).encode()) for event in reversed(reported))
        return EventPage(listed, str(max(since, min(until, now - _LISTED_LATE_SECONDS))), more=until <= now)

    def verify(
        self, account: Account, headers: Sequence[tuple[bytes, bytes]], body: bytes, received_at: datetime
    ) -> Delivery:
        return Delivery(event_key=stripe_events.verify(account.secrets, headers, body, received_at))

    def parse(self, body: bytes) -> list[GatewayEvent]:
        return stripe_events.parse(body)


class StripeCheckout(StripeIntents):
    """The payer is sent to a page of Stripe's, which lives for a day; afterwards another attempt may follow. A shorter
    life is not requested: it would differ each time, and a repeated request must be the same."""

    def create(self, account: Account, request: PaymentRequest) -> GatewayPayment:
        metadata = {"reference": request.reference, "checkout": "yes"}
        product = {"name": request.description[:250] or request.reference}
        price = {
            "currency": request.amount.currency.lower(),
            "unit_amount": stripe_amounts.stripe_amount(request.amount),
            "product_data": product,
        }
        params: Any = {
            "mode": "payment",
            "client_reference_id": request.reference,
            "line_items": [{"quantity": 1, "price_data": price}],
            "metadata": metadata,
            "payment_intent_data": {"metadata": metadata},
            "success_url": request.return_url,
            "cancel_url": request.return_url,
        }
        options: Any = {"idempotency_key": request.reference}
        return _session(_call(account, lambda client: client.v1.checkout.sessions.create(params, options)))

    def fetch(self, account: Account, gateway_ref: str) -> GatewayPayment:
        params: Any = {"expand": ["payment_intent.latest_charge.refunds"]}
        return _session(_call(account, lambda client: client.v1.checkout.sessions.retrieve(gateway_ref, params)))

    def cancel(self, account: Account, gateway_ref: str) -> GatewayPayment:
        try:
            return _session(_call(account, lambda client: client.v1.checkout.sessions.expire(gateway_ref)))
        except GatewayRefused:  # it is complete, or expired already
            return self.fetch(account, gateway_ref)


def _call(account: Account, call: Callable[[StripeClient], Any]) -> Any:
    """What Stripe answers, as plain JSON. Raises GatewayError, GatewayRefused."""
    try:
        import stripe
    except ImportError as error:
        raise GatewayRefused("Stripe's library is missing. Install it: pip install 'planshift[stripe]'.") from error
    from gateways.stripe_http import Http

    http = Http(account)
    client = stripe.StripeClient(
        account.api_key,
        base_addresses={"api": account.base_url.rstrip("/")},
        http_client=http,
        max_network_retries=0,  # the step itself is repeated, with the same key
    )
    try:
        return json.loads(str(call(client)))
    except stripe.StripeError as error:
        if http.answer is None:
            raise GatewayError(f"Stripe was not called: {type(error).__name__}.") from error
        raise failure_of("Stripe", http.answer, str(error)) from error
    except ValueError as error:
        raise GatewayError("Stripe's answer is not JSON.") from error


def _oldest_span(account: Account, since: int, until: int) -> tuple[int, list[dict[str, Any]]]:
    """The end of the longest span from `since` (seconds, the end excluded) of which one page has all events, and those,
    newest first. A second that has more is read page by page."""
    while True:
        page = _page(account, since, until)
        if not page.get("has_more"):
            return until, page["data"]
        if until - since == 1:
            break
        until = since + (until - since) // 2
    reported = page["data"]
    while page.get("has_more"):
        page = _page(account, since, until, starting_after=reported[-1]["id"])
        reported += page["data"]
    return until, reported


def _page(account: Account, since: int, until: int, **more: str) -> dict[str, Any]:
    span = {"gte": since, "lt": until}
    params: Any = {"created": span, "limit": _PAGE, "types": list(stripe_events.TYPES), **more}
    page: dict[str, Any] = _call(account, lambda client: client.v1.events.list(params))
    return page


def _intent(reported: dict[str, Any]) -> GatewayPayment:
    status = _INTENT_STATUS.get(reported["status"], "open")
    if reported["status"] == "requires_payment_method" and reported.get("last_payment_error"):
        status = "failed"
    return _payment(reported["id"], reported, reported, status, None, reported.get("client_secret"))


def _session(reported: dict[str, Any]) -> GatewayPayment:
    intent = reported.get("payment_intent")
    intent = intent if isinstance(intent, dict) else {"id": intent}
    status = "open"
    if reported["status"] == "complete" and reported.get("payment_status") in ("paid", "no_payment_required"):
        status = "succeeded"
    elif reported["status"] == "complete":  # a bank debit or a voucher; its intent says when that has failed
        status = "failed" if intent.get("status") in ("requires_payment_method", "canceled") else "pending"
    elif reported["status"] == "expired":
        status = "canceled"
    elif intent.get("status") == "requires_action":
        status = "action_required"
    session = {
        "amount": reported["amount_total"],
        "currency": reported["currency"],
        "metadata": reported.get("metadata"),
    }
    return _payment(reported["id"], session, intent, status, reported.get("url"), None)


def _payment(
    gateway_ref: str, paid: dict[str, Any], intent: dict[str, Any], status: str, url: str | None, token: str | None
) -> GatewayPayment:
    charge = intent.get("latest_charge")
    charge = charge if isinstance(charge, dict) else {}
    amount = intent.get("amount_received") if status == "succeeded" else None
    paid_at = charge.get("created") if status == "succeeded" else None
    return GatewayPayment(
        gateway_ref=gateway_ref,
        reference=(paid.get("metadata") or {}).get("reference"),
        status=status,
        amount=stripe_amounts.money(paid["amount"] if amount is None else amount, paid["currency"]),
        checkout_url=url,
        paid_at=datetime.fromtimestamp(paid_at, UTC) if paid_at is not None else None,
        refunded=stripe_amounts.money(charge.get("amount_refunded") or 0, paid["currency"]).amount,
        money_ref=intent.get("id"),
        client_token=token,
        failed_refunds=_failed_refunds(charge),
    )


def _failed_refunds(charge: dict[str, Any]) -> tuple[FailedRefund, ...]:
    """Of the charge's newest ten, which is how many come with it."""
    refunds = (charge.get("refunds") or {}).get("data") or []
    return tuple(
        FailedRefund(refund["id"], stripe_amounts.money(refund["amount"], refund["currency"]).amount)
        for refund in refunds
        if _REFUND_STATUS.get(refund.get("status") or "") == "failed"
    )
