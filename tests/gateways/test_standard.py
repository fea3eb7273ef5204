"""The adapter against the real sandbox gateway, and against bodies that no gateway should send."""

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from domain.money import Money
from gateways.protocol import (
    Account,
    EventKind,
    GatewayError,
    GatewayPayment,
    GatewayRefused,
    NotUnderstood,
    PaymentRequest,
)
from gateways.standard import StandardGateway
from tests.support.programs import As, program
from tests.support.webhook_listener import WebhookListener

SECRET = "whsec_b2xkIHNlY3JldCBvZiB0aGUgc2FuZGJveA=="
GATEWAY = StandardGateway(deadline_seconds=1)
REQUEST = PaymentRequest(
    reference="pay_1",
    amount=Money(3000, "JPY"),
    description="dns: basic → business",
    return_url="http://127.0.0.1:8000/portal",
    expires_at=datetime(2099, 1, 1, tzinfo=UTC),
)


@pytest.fixture
def listener() -> Iterator[WebhookListener]:
    with WebhookListener() as started:
        yield started


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.URL]:
    with program("gateway", tmp_path_factory.mktemp("gateway")) as (client, _):
        yield client.base_url


@pytest.fixture
def sandbox(running: httpx.URL, listener: WebhookListener) -> Iterator[As]:
    name = f"m-{secrets.token_hex(4)}"
    with As(running, name) as client:
        setup = {"api_key": f"key-of-{name}", "webhook_url": listener.url, "webhook_secrets": [SECRET]}
        client.put(f"/accounts/{name}", json=setup).raise_for_status()
        yield client


@pytest.fixture
def account(sandbox: As) -> Account:
    return Account(sandbox.account, str(sandbox.base_url), f"key-of-{sandbox.account}", (SECRET,))


def test_a_payment_from_request_to_webhook(sandbox: As, account: Account, listener: WebhookListener) -> None:
    sandbox.put(f"/_clock/{sandbox.account}", json={"now": "2027-01-15T09:30:00Z"}).raise_for_status()
    payment = GATEWAY.create(account, REQUEST)
    assert (payment.status, payment.amount, payment.reference) == ("open", Money(3000, "JPY"), "pay_1")
    assert GATEWAY.create(account, REQUEST) == payment
    assert payment.checkout_url
    sandbox.post(payment.checkout_url, data={"outcome": "pay"})
    (webhook,) = listener.wait_for(1)
    raw = [(name.encode(), value.encode()) for name, value in webhook.headers.items()]
    delivery = GATEWAY.verify(account, raw, webhook.body, datetime.now(UTC))
    (event,) = GATEWAY.parse(webhook.body)
    paid_at = datetime(2027, 1, 15, 9, 30, tzinfo=UTC)
    assert delivery.event_key == webhook.payload["id"]
    assert (event.kind, event.amount, event.occurred_at) == (EventKind.PAYMENT_SUCCEEDED, Money(3000, "JPY"), paid_at)
    assert (event.gateway_object, event.gateway_ref, event.reference) == (
        payment.gateway_ref,
        payment.gateway_ref,
        "pay_1",
    )
    assert GATEWAY.fetch(account, payment.gateway_ref).paid_at == paid_at
    assert GATEWAY.cancel(account, payment.gateway_ref).status == "succeeded"


def test_cancel_and_decline(sandbox: As, account: Account, listener: WebhookListener) -> None:
    payment = GATEWAY.create(account, REQUEST)
    assert GATEWAY.cancel(account, payment.gateway_ref).status == "canceled"
    (webhook,) = listener.wait_for(1)
    assert GATEWAY.parse(webhook.body)[0].kind is EventKind.PAYMENT_CANCELED


def test_refund(sandbox: As, account: Account, listener: WebhookListener) -> None:
    payment = GATEWAY.create(account, REQUEST)
    assert payment.checkout_url
    sandbox.post(payment.checkout_url, data={"outcome": "pay"})
    refund = GATEWAY.refund(account, payment.gateway_ref, Money(1000, "JPY"), "ref_1")
    again = GATEWAY.refund(account, payment.gateway_ref, Money(1000, "JPY"), "ref_1")
    assert again.gateway_ref == refund.gateway_ref
    with pytest.raises(GatewayRefused, match="No more than 2000"):
        GATEWAY.refund(account, payment.gateway_ref, Money(2001, "JPY"), "ref_2")
    events = [GATEWAY.parse(webhook.body)[0] for webhook in listener.wait_for(2)]
    (event,) = (event for event in events if event.kind is EventKind.REFUND_SUCCEEDED)
    assert (event.gateway_object, event.gateway_ref, event.amount) == (
        refund.gateway_ref,
        payment.gateway_ref,
        Money(1000, "JPY"),
    )


def test_a_definite_no_and_an_unknown_outcome_are_told_apart(sandbox: As, account: Account) -> None:
    with pytest.raises(GatewayRefused, match="401"):
        GATEWAY.create(Account("dns", account.base_url, "wrong-key", ()), REQUEST)
    with pytest.raises(GatewayRefused, match="404"):
        GATEWAY.fetch(account, "pay_unknown/../..")
    sandbox.put(
        f"/_knobs/{sandbox.account}", json={"create_errors": 1, "create_timeouts": 1, "hang_seconds": 5}
    ).raise_for_status()
    with pytest.raises(GatewayError, match="500"):
        GATEWAY.create(account, REQUEST)
    with pytest.raises(GatewayError, match="not within 1 s"):
        GATEWAY.create(account, REQUEST)
    repeated = GATEWAY.create(account, REQUEST)
    listed = sandbox.get(
        "/v1/payments", params={"reference": "pay_1"}, headers={"Authorization": f"Bearer {account.api_key}"}
    ).json()
    assert [payment["id"] for payment in listed["payments"]] == [repeated.gateway_ref]
    with pytest.raises(GatewayRefused, match="422"):
        GATEWAY.create(account, PaymentRequest("pay_1", Money(1, "JPY"), "", REQUEST.return_url, REQUEST.expires_at))


def test_a_gateway_that_is_not_there() -> None:
    with pytest.raises(GatewayError, match="did not answer: ConnectError"):
        GATEWAY.fetch(Account("dns", "http://127.0.0.1:1", "key", ()), "pay_1")


PAYMENT = {"id": "gw_1", "reference": "pay_1", "amount": 3000, "currency": "JPY", "status": "succeeded"}
REFUND = {"id": "re_1", "amount": 3000, "currency": "JPY", "status": "succeeded"}
EVENT: dict[str, Any] = {
    "id": "evt_1",
    "type": "payment.succeeded",
    "occurred_at": "2027-01-15T09:30:00Z",
    "data": {"payment": PAYMENT},
}


def test_an_event_without_paid_at_counts_from_when_it_occurred() -> None:
    (event,) = GATEWAY.parse(json.dumps(EVENT).encode())
    assert event.occurred_at == datetime(2027, 1, 15, 9, 30, tzinfo=UTC)


def test_an_unknown_type_is_ignored() -> None:
    (event,) = GATEWAY.parse(json.dumps(EVENT | {"type": "payout.paid", "data": {"payout": 1}}).encode())
    assert event.kind is EventKind.IGNORED


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"id": ' + b"9" * 6000 + b"}",
        json.dumps(EVENT | {"occurred_at": "yesterday"}).encode(),
        json.dumps(EVENT | {"occurred_at": "2027-01-15T09:30:00"}).encode(),
        json.dumps(EVENT | {"data": {}}).encode(),
        json.dumps(EVENT | {"type": "refund.succeeded"}).encode(),
        json.dumps(EVENT | {"type": "refund.succeeded", "data": {"payment": PAYMENT, "refund": REFUND}}).encode(),
        json.dumps(EVENT | {"type": "dispute.lost"}).encode(),
        json.dumps(EVENT | {"data": {"payment": PAYMENT | {"amount": 30.00}}}).encode(),
        json.dumps(EVENT | {"data": {"payment": PAYMENT | {"amount": "3000"}}}).encode(),
        json.dumps(EVENT | {"data": {"payment": PAYMENT | {"amount": -3000}}}).encode(),
        json.dumps(EVENT | {"data": {"payment": PAYMENT | {"amount": 10**30}}}).encode(),
        json.dumps(EVENT | {"data": {"payment": PAYMENT | {"currency": "XYZ"}}}).encode(),
        json.dumps(EVENT | {"data": {"payment": PAYMENT | {"status": "paid"}}}).encode(),
    ],
)
def test_a_body_that_makes_no_sense_is_said_so(body: bytes) -> None:
    with pytest.raises(NotUnderstood):
        GATEWAY.parse(body)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "/pay", "https://", ""])
def test_a_customer_is_sent_to_no_other_kind_of_address(url: str) -> None:
    with pytest.raises(GatewayError, match="no address of http"):
        GatewayPayment("gw_1", "pay_1", "open", Money(1, "JPY"), url, None)
    assert GatewayPayment("gw_1", "pay_1", "open", Money(1, "JPY"), "https://pay.example/1", None).checkout_url
