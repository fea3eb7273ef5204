"""The webhook receiver: what is forged changes nothing, what is authentic is written down before it is answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from standardwebhooks import Webhook

from models.database import transaction
from models.inbox import InboxEvent
from models.provider import connection_of, provider_by_slug
from tests.conftest import Running
from tests.support import loopback
from tests.support.client import ApiClient
from tests.support.waiting import until


@pytest.fixture
def dns(frontend: Callable[..., ApiClient]) -> ApiClient:
    dns = frontend("dns")
    dns.new_service("zone", "basic", "JPY", "JP", ("2027-06-30T15:00:00Z", "2027-07-31T15:00:00Z"), "monthly")
    dns.set_clock("2027-07-17T03:00:00Z")
    return dns


def secret_of(provider: ApiClient) -> str:
    with transaction() as session:
        row = provider_by_slug(session, provider.provider)
        assert row is not None
        connection = connection_of(session, row.id, "gateway")
        assert connection is not None
        return connection.secrets[0]


def body_of(reference: str, amount: int = 1331, currency: str = "JPY", event_id: str = "evt_1") -> bytes:
    payment = {"id": "gw_1", "reference": reference, "amount": amount, "currency": currency, "status": "succeeded"}
    payment["paid_at"] = "2027-07-17T03:05:00Z"
    event = {"id": event_id, "type": "payment.succeeded", "occurred_at": payment["paid_at"]}
    return json.dumps(event | {"data": {"payment": payment}}).encode()


def signed(secret: str, body: bytes, at: datetime | None = None, event_id: str = "evt_1") -> dict[str, str]:
    """The headers, made by the vendors' own library."""
    at = at or datetime.now(UTC)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, at, body.decode()),
        "content-type": "application/json",
    }


def post(provider: ApiClient, running: Running, body: bytes, headers: dict[str, str]) -> httpx.Response:
    url = f"{running.stack.addresses.receiver}/webhooks/standard/{provider.provider}"
    return loopback.post(url, content=body, headers=headers)


def inbox(provider: ApiClient) -> list[InboxEvent]:
    with transaction() as session:
        row = provider_by_slug(session, provider.provider)
        assert row is not None
        return list(session.scalars(select(InboxEvent).where(InboxEvent.provider_id == row.id)))


def awaiting(dns: ApiClient) -> dict[str, Any]:
    total = {"accept_total": {"amount": 1331, "currency": "JPY"}}
    return dns.wait_for(dns.request("zone", "business", "monthly", "k1", total), "awaiting_payment")


def test_an_authentic_webhook_moves_the_change_on(running: Running, dns: ApiClient) -> None:
    change = awaiting(dns)
    body = body_of(change["payment"]["id"])
    answer = post(dns, running, body, signed(secret_of(dns), body))
    assert (answer.status_code, answer.json()) == (200, {"received": True})
    dns.wait_for(change["id"], "applied")


def test_the_web_process_has_the_same_receiver(running: Running, dns: ApiClient) -> None:
    change = awaiting(dns)
    body = body_of(change["payment"]["id"])
    url = f"{running.ready['api']}/webhooks/standard/{dns.provider}"
    assert loopback.post(url, content=body, headers=signed(secret_of(dns), body)).status_code == 200
    dns.wait_for(change["id"], "applied")


def _forged(name: str, secret: str, body: bytes) -> tuple[bytes, dict[str, str]]:
    headers = signed(secret, body)
    if name == "no signature":
        del headers["webhook-signature"]
    elif name == "other secret":
        headers = signed("whsec_" + "QUJD" * 11, body)
    elif name == "other body":
        body = body.replace(b"1331", b"1")
    elif name == "too old":
        headers = signed(secret, body, datetime.now(UTC) - timedelta(minutes=6))
    elif name == "from the future":
        headers = signed(secret, body, datetime.now(UTC) + timedelta(minutes=6))
    elif name == "other event id":
        headers["webhook-id"] = "evt_2"
    return body, headers


@pytest.mark.parametrize(
    "name", ["no signature", "other secret", "other body", "too old", "from the future", "other event id"]
)
def test_a_forgery_is_refused_and_changes_nothing(running: Running, dns: ApiClient, name: str) -> None:
    body, headers = _forged(name, secret_of(dns), body_of("pay_whatever"))
    answer = post(dns, running, body, headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_signature")
    assert inbox(dns) == []


def test_an_unknown_account_and_an_unknown_gateway(running: Running, dns: ApiClient) -> None:
    body = body_of("pay_whatever")
    receiver = running.stack.addresses.receiver
    for path in ("standard/nobody", f"acme/{dns.provider}"):
        answer = loopback.post(f"{receiver}/webhooks/{path}", content=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_account")


def test_a_body_that_is_too_large_is_not_read_to_its_end(running: Running, dns: ApiClient) -> None:
    answer = post(dns, running, b"x" * 300_000, {})
    assert answer.status_code == 413


@pytest.mark.parametrize(("amount", "currency"), [(1331, "USD"), (1330, "JPY")])
def test_the_wrong_amount_or_currency_settles_nothing(
    running: Running, dns: ApiClient, amount: int, currency: str
) -> None:
    change = awaiting(dns)
    body = body_of(change["payment"]["id"], amount, currency)
    assert post(dns, running, body, signed(secret_of(dns), body)).status_code == 200
    until(lambda: [event for event in inbox(dns) if event.status == "processed"] or None, "the event to be booked")
    assert dns.call("GET", f"/v1/plan-changes/{change['id']}")["status"] == "awaiting_payment"
    assert dns.hosted("zone")["plan"] == "basic"


def test_a_payment_for_an_invoice_we_do_not_know_is_kept(running: Running, dns: ApiClient) -> None:
    body = body_of("pay_unknown")
    assert post(dns, running, body, signed(secret_of(dns), body)).status_code == 200
    until(lambda: [event for event in inbox(dns) if event.status == "parked"] or None, "the event to be parked")


def test_authentic_nonsense_is_kept_as_poison(running: Running, dns: ApiClient) -> None:
    for number, body in enumerate((b"[]", b"not json", b'{"type": 5}')):
        event_id = f"evt_{number}"
        headers = signed(secret_of(dns), body, event_id=event_id)
        assert post(dns, running, body, headers).status_code == 200
    until(lambda: all(event.status == "poison" for event in inbox(dns)) or None, "three poisoned events")
    assert len(inbox(dns)) == 3
