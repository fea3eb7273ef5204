"""Stripe's webhooks: signed by the vendor's own library, forged in every way, and parsed into our words."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from domain.money import Money
from gateways.protocol import Account, BadSignature, EventKind, NotUnderstood
from gateways.registry import GATEWAYS
from gateways.stripe_amounts import money, stripe_amount

SECRET = "whsec_test_secret_of_this_endpoint"
OLD = "whsec_test_the_secret_before_that"
GATEWAY = GATEWAYS["stripe"]
# A moment of its own: what is collected must be the same in every process.
NOW = datetime(2027, 1, 15, 9, 30, tzinfo=UTC)
INTENT = {"id": "pi_1", "amount": 3000, "amount_received": 3000, "currency": "usd", "metadata": {"reference": "pay_1"}}


def account(*secrets: str) -> Account:
    return Account("dns", "https://api.stripe.com", "sk_test", secrets)


def event(kind: str, thing: dict[str, Any]) -> bytes:
    return json.dumps({"id": "evt_1", "type": kind, "created": 1_800_000_000, "data": {"object": thing}}).encode()


def vendor_signature(body: bytes, secret: str = SECRET, at: datetime = NOW) -> str:
    stamp = int(at.timestamp())
    signed = f"{stamp}.".encode().decode() + body.decode("latin-1")
    return f"t={stamp},v1={stripe.WebhookSignature._compute_signature(signed, secret)}"


def key(body: bytes, header: str | bytes, *secrets: str, at: datetime = NOW) -> str:
    raw = header if isinstance(header, bytes) else header.encode("latin-1")
    return GATEWAY.verify(account(*(secrets or (SECRET,))), [(b"Stripe-Signature", raw)], body, at).event_key


BODY = event("payment_intent.succeeded", INTENT)


def test_what_the_vendors_library_signs_is_believed_and_the_other_way_round() -> None:
    header = vendor_signature(BODY)
    assert key(BODY, header) == "evt_1"
    stripe.Webhook.construct_event(BODY, header, SECRET, tolerance=10**9)


def test_any_of_the_secrets_and_any_of_the_signatures_will_do() -> None:
    rolled = vendor_signature(BODY, OLD) + "," + vendor_signature(BODY).split(",")[1] + ",v0=00"
    assert key(BODY, vendor_signature(BODY, OLD), SECRET, OLD) == "evt_1"
    assert key(BODY, rolled) == "evt_1"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=1",
        "v1=" + "0" * 64,
        f"t={int(NOW.timestamp())},v1=",
        f"t={int(NOW.timestamp())},v1=" + "0" * 64,
        f"t=-{int(NOW.timestamp())},v1=" + "0" * 64,
        vendor_signature(BODY) + " ",
        vendor_signature(BODY).replace("v1=", "v1=\xe9"),
        vendor_signature(BODY).replace("v1=", "v0="),
        vendor_signature(BODY).upper(),
        vendor_signature(BODY, "whsec_test_of_somebody_else_here"),
        vendor_signature(BODY.replace(b"3000", b"9999")),
        vendor_signature(BODY, at=NOW - timedelta(seconds=301)),
        vendor_signature(BODY, at=NOW + timedelta(seconds=301)),
    ],
)
def test_a_forgery_is_not_believed(header: str) -> None:
    with pytest.raises(BadSignature):
        key(BODY, header)


def test_two_headers_or_no_secret_are_not_believed() -> None:
    header = vendor_signature(BODY).encode()
    with pytest.raises(BadSignature):
        GATEWAY.verify(account(SECRET), [(b"stripe-signature", header)] * 2, BODY, NOW)
    for secret in ("", "short"):
        with pytest.raises(BadSignature):
            key(BODY, vendor_signature(BODY, secret), secret)
    with pytest.raises(BadSignature):
        GATEWAY.verify(account(), [(b"stripe-signature", header)], BODY, NOW)


@pytest.mark.parametrize(
    "body",
    [b"[]", b"null", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"id": ' + b"9" * 5000 + b"}", b'{"id": "evt_1", "id": 2}'],
)
def test_authentic_nonsense_is_kept_and_makes_no_sense(body: bytes) -> None:
    stamp = int(time.time())
    import hashlib
    import hmac

    digest = hmac.new(SECRET.encode(), str(stamp).encode() + b"." + body, hashlib.sha256).hexdigest()
    assert key(body, f"t={stamp},v1={digest}", at=datetime.now(UTC)).startswith("sha256:")
    with pytest.raises(NotUnderstood):
        GATEWAY.parse(body)


SESSION = {
    "id": "cs_1",
    "payment_intent": "pi_1",
    "payment_status": "paid",
    "amount_total": 3000,
    "currency": "usd",
    "client_reference_id": "pay_1",
}
CHARGE = {
    "id": "ch_1",
    "payment_intent": "pi_1",
    "amount_refunded": 1200,
    "currency": "usd",
    "metadata": {"reference": "pay_1"},
}
PART = {"id": "xx_1", "payment_intent": "pi_1", "amount": 700, "currency": "usd"}
CHECKOUT = {"metadata": {"reference": "pay_1", "checkout": "yes"}}


@pytest.mark.parametrize(
    ("kind", "thing", "expected", "about", "amount"),
    [
        ("payment_intent.succeeded", INTENT, "payment.succeeded", "pi_1", 3000),
        ("payment_intent.succeeded", INTENT | {"amount_received": 2500}, "payment.succeeded", "pi_1", 2500),
        ("payment_intent.payment_failed", INTENT, "payment.failed", "pi_1", 3000),
        ("payment_intent.payment_failed", INTENT | CHECKOUT, "payment.open", "pi_1", 3000),
        ("payment_intent.requires_action", INTENT, "payment.action_required", "pi_1", 3000),
        ("payment_intent.canceled", INTENT, "payment.canceled", "pi_1", 3000),
        ("checkout.session.completed", SESSION, "payment.succeeded", "pi_1", 3000),
        ("checkout.session.completed", SESSION | {"payment_status": "unpaid"}, "payment.pending", "pi_1", 3000),
        ("checkout.session.async_payment_succeeded", SESSION, "payment.succeeded", "pi_1", 3000),
        ("checkout.session.async_payment_failed", SESSION, "payment.failed", "pi_1", 3000),
        ("checkout.session.expired", SESSION | {"payment_intent": None}, "payment.canceled", "cs_1", 3000),
        ("charge.refunded", CHARGE, "refund.succeeded", "ch_1", 1200),
        ("refund.failed", PART | {"status": "failed"}, "refund.failed", "xx_1", 700),
        ("refund.updated", PART | {"status": "failed", "balance_transaction": "txn_1"}, "refund.failed", "xx_1", 700),
        ("refund.updated", PART | {"status": "succeeded"}, "ignored", "evt_1", 0),
        (
            "charge.refund.updated",
            PART | {"status": "canceled", "balance_transaction": "t"},
            "refund.failed",
            "xx_1",
            700,
        ),
        ("charge.refund.updated", PART | {"status": "canceled"}, "refund.failed", "xx_1", 0),
        ("charge.dispute.created", PART | {"status": "needs_response"}, "dispute.opened", "xx_1", 700),
        ("charge.dispute.created", PART | {"status": "warning_needs_response"}, "ignored", "evt_1", 0),
        ("charge.dispute.closed", PART | {"status": "lost"}, "dispute.lost", "xx_1", 700),
        ("charge.dispute.closed", PART | {"status": "won"}, "dispute.won", "xx_1", 700),
        ("customer.created", {"id": "cus_1"}, "ignored", "evt_1", 0),
    ],
)
def test_events_in_our_words(kind: str, thing: dict[str, Any], expected: str, about: str, amount: int) -> None:
    [gateway_event] = GATEWAY.parse(event(kind, thing))
    assert (gateway_event.kind, gateway_event.gateway_object, gateway_event.amount.amount) == (
        EventKind(expected),
        about,
        amount,
    )
    at = datetime.fromtimestamp(1_800_000_000, UTC)
    # A refund fails after its charge counted it, though Stripe rounds both down to one second.
    in_its_second = timedelta(microseconds=999_999 if expected == "refund.failed" else 0)
    assert gateway_event.occurred_at == at + in_its_second


@pytest.mark.parametrize(
    "body",
    [
        event("payment_intent.succeeded", {"id": "pi_1"}),
        event("payment_intent.succeeded", INTENT | {"amount": "3000"}),
        event("payment_intent.succeeded", INTENT | {"amount": 30.5}),
        event("payment_intent.succeeded", INTENT | {"currency": "xyz"}),
        event("charge.refunded", CHARGE | {"amount_refunded": -1}),
    ],
)
def test_an_event_that_makes_no_sense(body: bytes) -> None:
    with pytest.raises(NotUnderstood):
        GATEWAY.parse(body)


@pytest.mark.parametrize(
    ("kind", "thing"),
    [
        ("payment_intent.succeeded", INTENT | {"metadata": None, "description": None}),
        ("charge.refunded", CHARGE | {"metadata": None}),
        ("charge.refunded", CHARGE | {"metadata": []}),
        ("charge.refunded", CHARGE | {"payment_intent": {"id": "pi_1", "object": "payment_intent"}}),
        ("checkout.session.completed", SESSION | {"payment_intent": {"id": "pi_1"}, "client_reference_id": None}),
    ],
)
def test_what_is_null_or_expanded_is_read_all_the_same(kind: str, thing: dict[str, Any]) -> None:
    [gateway_event] = GATEWAY.parse(event(kind, thing))
    assert gateway_event.gateway_ref == "pi_1"


def test_what_somebody_wrote_on_a_payment_is_read_with_it() -> None:
    [gateway_event] = GATEWAY.parse(event("payment_intent.succeeded", INTENT | {"description": "DNS-2027-000007"}))
    assert gateway_event.text == "DNS-2027-000007"


def test_poison_says_what_is_missing() -> None:
    thin: dict[str, Any] = {"id": "evt_9", "object": "v2.core.event", "type": "v1.payment_intent.succeeded"}
    thin |= {"created": "2027-07-17T03:05:00.000Z", "related_object": {"id": "pi_1", "type": "payment_intent"}}
    old: dict[str, Any] = {
        "id": "evt_8",
        "type": "checkout.session.completed",
        "created": 1_800_000_000,
        "api_version": "2017-08-15",
    }
    old |= {"data": {"object": {"id": "cs_1"}}}
    # Before 2019 a refund did not name its PaymentIntent, and we could not tell whose it is.
    untied = old | {"id": "evt_6", "type": "charge.refund.updated"}
    untied |= {"data": {"object": {key: PART[key] for key in ("id", "amount", "currency")} | {"status": "failed"}}}
    nothing: dict[str, Any] = {
        "id": "evt_5",
        "type": "charge.refunded",
        "created": 1_800_000_000,
        "data": {"object": None},
    }
    for body, words in (
        (untied, r"^evt_6 \(charge.refund.updated, API version 2017-08-15\) .*: payment_intent: Field required\.$"),
        (nothing, r"^evt_5 \(charge.refunded\) makes no sense: data.object: Input should be an object\.$"),
        (
            thin,
            r"^evt_9 \(v1.payment_intent.succeeded\) makes no sense: data.object is missing, .*snapshot payloads\.$",
        ),
        (old, r"^evt_8 \(checkout.session.completed, API version 2017-08-15\) .*: payment_status: Field required\.$"),
        ({"id": "evt_7"}, r"^The body is no event of Stripe's: type: Field required\.$"),
    ):
        with pytest.raises(NotUnderstood, match=words):
            GATEWAY.parse(json.dumps(body).encode())
    [other] = GATEWAY.parse(json.dumps(thin | {"type": "v1.billing.meter.error_report_triggered"}).encode())
    assert other.kind is EventKind.IGNORED


SPECIAL = [(Money(500, "ISK"), 50_000), (Money(500, "UGX"), 50_000), (Money(5_000, "MGA"), 50)]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(Money(500, "JPY"), 500), (Money(1234, "USD"), 1234), (Money(1230, "KWD"), 1230), *SPECIAL],
)
def test_amounts_as_stripe_counts_them(ours: Money, theirs: int) -> None:
    assert stripe_amount(ours) == theirs
    assert money(theirs, ours.currency.lower()) == ours
