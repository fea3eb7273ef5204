"""The sandbox gateway behaves as a real one: keys, checkout, signed webhooks that are repeated, and its knobs."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from tests.support.programs import As, program
from tests.support.webhook_listener import WebhookListener

OLD, NEW = "whsec_b2xkIHNlY3JldCBvZiB0aGUgc2FuZGJveA==", "whsec_bmV3IHNlY3JldCBvZiB0aGUgc2FuZGJveA=="
ORDER = {
    "reference": "pay_1",
    "amount": 1234,
    "currency": "USD",
    "description": "dns: basic → business",
    "return_url": "http://127.0.0.1:8000/portal/done",
    "expires_at": "2099-01-01T00:00:00Z",
}


@pytest.fixture
def listener() -> Iterator[WebhookListener]:
    with WebhookListener() as started:
        yield started


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.URL]:
    with program("gateway", tmp_path_factory.mktemp("gateway")) as (client, _):
        yield client.base_url


@pytest.fixture
def gateway(running: httpx.URL, listener: WebhookListener) -> Iterator[As]:
    with merchant(running, listener) as client:
        yield client


@contextmanager
def merchant(url: httpx.URL, listener: WebhookListener, account: str | None = None) -> Iterator[As]:
    account = account or f"m-{secrets.token_hex(4)}"
    api_key = f"key-of-{account}"
    with As(url, account, Authorization=f"Bearer {api_key}") as client:
        setup = {"api_key": api_key, "webhook_url": listener.url, "webhook_secrets": [NEW, OLD]}
        client.put(f"/accounts/{account}", json=setup).raise_for_status()
        yield client


def create(client: As, key: str = "pay_1", **changes: Any) -> httpx.Response:
    return client.post("/v1/payments", json=ORDER | changes, headers={"Idempotency-Key": key})


def transaction_for(client: As, key: str = "pay_1", **changes: Any) -> dict[str, Any]:
    answer = create(client, key, **changes)
    assert answer.status_code == 201, answer.text
    payment: dict[str, Any] = answer.json()
    return payment


def press(client: As, payment: dict[str, Any], outcome: str = "pay") -> httpx.Response:
    return client.post(payment["checkout_url"], data={"outcome": outcome})


def knobs(client: As, **values: object) -> None:
    client.put(f"/_knobs/{client.account}", json=values).raise_for_status()


def test_the_same_key_is_the_same_payment(gateway: As) -> None:
    payment = transaction_for(gateway)
    assert (payment["status"], payment["amount"], payment["currency"]) == ("open", 1234, "USD")
    assert transaction_for(gateway) == payment
    assert create(gateway, amount=9999).status_code == 422
    assert transaction_for(gateway, "pay_2")["id"] != payment["id"]
    listed = gateway.get("/v1/payments", params={"reference": "pay_1"}).json()["payments"]
    assert [one["amount"] for one in listed] == [1234, 1234]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"amount": 0}, 422),
        ({"amount": -5}, 422),
        ({"amount": 12.34}, 422),
        ({"currency": "usd"}, 422),
        ({"expires_at": "tomorrow"}, 422),
        ({"colour": "red"}, 422),
    ],
)
def test_a_wrong_order_is_refused(gateway: As, change: dict[str, Any], status: int) -> None:
    assert create(gateway, **change).status_code == status


def test_a_wrong_api_key_is_refused(gateway: As) -> None:
    for wrong in ("Bearer wrong", "Basic a2V5", ""):
        assert gateway.get("/v1/events", headers={"Authorization": wrong}).status_code == 401


def test_paying_notifies_the_merchant_by_a_signed_webhook(gateway: As, listener: WebhookListener) -> None:
    gateway.put(f"/_clock/{gateway.account}", json={"now": "2027-01-15T09:30:00Z"}).raise_for_status()
    payment = transaction_for(gateway)
    assert "12.34 USD" in gateway.get(payment["checkout_url"]).text
    assert press(gateway, payment).json()["status"] == "succeeded"
    press(gateway, payment)  # pressing twice pays once
    (webhook,) = listener.wait_for(1)
    for secret in (OLD, NEW):
        Webhook(secret).verify(webhook.body, webhook.headers)
    event = webhook.payload
    assert (event["type"], event["occurred_at"]) == ("payment.succeeded", "2027-01-15T09:30:00Z")
    assert event["id"] == webhook.headers["webhook-id"]
    assert event["data"]["payment"]["reference"] == "pay_1"
    assert event["data"]["payment"]["paid_at"] == "2027-01-15T09:30:00Z"
    assert gateway.get("/v1/events").json()["events"] == [event]


def test_a_browser_goes_back_to_the_merchant(gateway: As) -> None:
    url = transaction_for(gateway)["checkout_url"]
    answer = gateway.post(url, data={"outcome": "pay"}, headers={"Accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["location"]) == (303, ORDER["return_url"])
    assert "Back to the merchant" in gateway.get(url).text


def test_declined_canceled_and_expired(gateway: As, listener: WebhookListener) -> None:
    assert press(gateway, transaction_for(gateway, "a"), "decline").json()["status"] == "failed"
    canceled = transaction_for(gateway, "b")
    assert gateway.post(f"/v1/payments/{canceled['id']}/cancel").json()["status"] == "canceled"
    assert press(gateway, canceled).status_code == 409
    expired = transaction_for(gateway, "c", expires_at="2020-01-01T00:00:00Z")
    assert press(gateway, expired).status_code == 409
    kinds = sorted(webhook.payload["type"] for webhook in listener.wait_for(3))  # they do not wait for each other
    assert kinds == ["payment.canceled", "payment.canceled", "payment.failed"]
    knobs(gateway, pay_late=True)
    assert press(gateway, canceled).json()["status"] == "succeeded"


def test_cancel_of_a_paid_payment_says_that_it_is_paid(gateway: As) -> None:
    payment = transaction_for(gateway)
    press(gateway, payment)
    assert gateway.post(f"/v1/payments/{payment['id']}/cancel").json()["status"] == "succeeded"


def test_knobs_of_the_payer(gateway: As) -> None:
    knobs(gateway, amount_off_by=-34, pay_currency="EUR")
    paid = press(gateway, transaction_for(gateway, "a")).json()
    assert (paid["amount"], paid["currency"]) == (1200, "EUR")
    knobs(gateway, decline=True)
    assert press(gateway, transaction_for(gateway, "b")).json()["status"] == "failed"
    knobs(gateway, challenge=True)
    challenged = transaction_for(gateway, "c")
    assert [press(gateway, challenged).json()["status"] for _ in range(2)] == ["action_required", "succeeded"]


def test_knobs_of_the_api(gateway: As) -> None:
    knobs(gateway, create_errors=1, create_timeouts=1, hang_seconds=5)
    assert create(gateway).status_code == 500
    with pytest.raises(httpx.ReadTimeout):
        gateway.post("/v1/payments", json=ORDER, headers={"Idempotency-Key": "pay_1"}, timeout=0.3)
    transaction_for(gateway)
    listed = gateway.get("/v1/payments", params={"reference": "pay_1"}).json()["payments"]
    assert len(listed) == 1  # the one that was opened before the answer was lost
    assert gateway.put(f"/_knobs/{gateway.account}", json={"declined": True}).status_code == 422


def test_knobs_of_the_webhooks(gateway: As, listener: WebhookListener) -> None:
    knobs(gateway, webhooks=False)
    press(gateway, transaction_for(gateway, "a"))
    knobs(gateway, reorder=True, duplicates=1)
    press(gateway, transaction_for(gateway, "b"))
    press(gateway, transaction_for(gateway, "c"))
    events = gateway.get("/v1/events").json()["events"]
    assert len(events) == 3
    first, second, third = (event["id"] for event in events)
    arrived = [webhook.payload["id"] for webhook in listener.wait_for(4)]
    assert sorted(arrived) == sorted([second, second, third, third])
    assert first not in arrived
    since = gateway.get("/v1/events", params={"since": second}).json()["events"]
    assert [event["id"] for event in since] == [third]
    knobs(gateway, reorder=True)
    for name in ("d", "e", "f"):
        press(gateway, transaction_for(gateway, name))
    made = [event["id"] for event in gateway.get("/v1/events").json()["events"]][3:]
    came = [webhook.payload["id"] for webhook in listener.wait_for(7)][4:]
    assert sorted(came) == sorted(made)
    assert came != made


def test_a_webhook_is_repeated_until_it_is_answered_also_after_a_restart(tmp_path: Path) -> None:
    with WebhookListener() as listener:
        with program("gateway", tmp_path) as (anybody, process), merchant(anybody.base_url, listener, "m") as client:
            listener.answers.extend([500, 503])
            press(client, transaction_for(client))
            webhooks = listener.wait_for(3)
            assert len({webhook.headers["webhook-id"] for webhook in webhooks}) == 1
            listener.answers.extend([500])
            press(client, transaction_for(client, "pay_2"))
            listener.wait_for(4)
            process.kill()
        with program("gateway", tmp_path) as (anybody, _), merchant(anybody.base_url, listener, "m") as client:
            *_, last = listener.wait_for(5)
            assert last.payload["data"]["payment"]["status"] == "succeeded"
            assert len(client.get("/v1/events").json()["events"]) == 2


def test_refunds(gateway: As, listener: WebhookListener) -> None:
    payment = transaction_for(gateway)
    press(gateway, payment)

    def refund(key: str, amount: int) -> httpx.Response:
        return gateway.post(
            f"/v1/payments/{payment['id']}/refunds", json={"amount": amount}, headers={"Idempotency-Key": key}
        )

    first = refund("r1", 1000)
    assert (first.status_code, first.json()["status"]) == (201, "pending")
    assert refund("r1", 1000).json()["id"] == first.json()["id"]
    assert refund("r1", 999).status_code == 422
    assert refund("r2", 235).status_code == 422  # 12.34 - 10.00 = 2.34 are left
    knobs(gateway, refunds_fail=True)
    assert refund("r3", 234).status_code == 201
    events = [webhook.payload for webhook in listener.wait_for(3)]
    assert sorted(event["type"] for event in events) == ["payment.succeeded", "refund.failed", "refund.succeeded"]
    assert gateway.get(f"/v1/payments/{payment['id']}").json()["refunded"] == 1000


def test_money_that_takes_its_time(gateway: As, listener: WebhookListener) -> None:
    """A bank debit: on its way, then the page has a button for either end; what is on its way cannot be canceled."""
    for name, outcome, ends in (("a", "pay", "succeeded"), ("b", "decline", "failed")):
        payment = transaction_for(gateway, name)
        assert "Pay by bank debit" in gateway.get(payment["checkout_url"]).text
        assert [press(gateway, payment, "pending").json()["status"] for _ in range(2)] == ["pending", "pending"]
        assert gateway.post(f"/v1/payments/{payment['id']}/cancel").json()["status"] == "pending"
        page = gateway.get(payment["checkout_url"]).text
        assert "The money does not come" in page
        assert "Pay by bank debit" not in page
        assert press(gateway, payment, outcome).json()["status"] == ends
    kinds = sorted(webhook.payload["type"] for webhook in listener.wait_for(4))
    assert kinds == ["payment.failed", "payment.pending", "payment.pending", "payment.succeeded"]


def test_a_refund_at_the_page_that_the_bank_sends_back(gateway: As, listener: WebhookListener) -> None:
    payment = transaction_for(gateway)
    assert press(gateway, payment, "refund").status_code == 409, "nothing was paid"
    press(gateway, payment)
    assert press(gateway, payment, "fail_refund").status_code == 409, "nothing was refunded"
    assert press(gateway, payment, "refund").json()["refunded"] == 1234
    assert press(gateway, payment, "refund").status_code == 409, "nothing is left"
    assert press(gateway, payment, "fail_refund").json()["refunded"] == 0
    events = [webhook.payload for webhook in listener.wait_for(3)]
    assert sorted(event["type"] for event in events) == ["payment.succeeded", "refund.failed", "refund.succeeded"]
    told = {event["type"]: event["data"] for event in events}
    assert told["refund.failed"]["refund"]["id"] == told["refund.succeeded"]["refund"]["id"]
    assert told["refund.failed"]["payment"]["refunded"] == 0
