"""The Celery entry point: rules, effects and idempotency as over HTTP; no message is retried for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from celery import Celery
from kombu import Exchange, Queue
from redis import Redis
from sqlalchemy import func, select

from models.database import transaction
from models.rejected import RejectedMessage
from settings import settings
from tests.conftest import Running
from tests.support.client import ApiClient
from tests.support.hostile import OFFENCES, REQUEST, raw
from tests.support.waiting import until


@pytest.fixture
def sender(running: Running) -> Celery:
    """A frontend's own Celery client, as the README shows it: it knows the broker, a queue and a task's name."""
    app = Celery("frontend", broker=running.stack.addresses.broker, set_as_current=False)
    app.conf.task_queues = [Queue("requests", Exchange("requests"), routing_key="requests")]
    return app


@pytest.fixture
def dns(frontend: Callable[..., ApiClient]) -> ApiClient:
    dns = frontend("dns")
    dns.new_service("zone", "basic", "JPY", "JP", ("2027-06-30T15:00:00Z", "2027-07-31T15:00:00Z"), "monthly")
    dns.set_clock("2027-07-17T03:00:00Z")
    return dns


def send(sender: Celery, message: dict[str, Any]) -> None:
    sender.send_task("planshift.request_change", kwargs=message, queue="requests", ignore_result=True)


def message_for(dns: ApiClient, **change: Any) -> dict[str, Any]:
    message = {"provider": dns.provider, "service": "zone", "plan": "business", "cycle": "monthly"}
    return message | {"idempotency_key": "k1"} | change


def found(dns: ApiClient, key: str = "k1") -> dict[str, Any]:
    def poll() -> dict[str, Any] | None:
        items = dns.call("GET", f"/v1/plan-changes?idempotency_key={key}")["items"]
        return items[0] if items else None

    change: dict[str, Any] = until(poll, f"the change with key {key}")
    return change


def test_a_message_is_a_request(sender: Celery, dns: ApiClient) -> None:
    send(sender, message_for(dns, accept_total={"amount": 1331, "currency": "JPY"}))
    change = dns.wait_for(found(dns)["id"], "awaiting_payment")
    dns.pay(change)
    assert dns.wait_for(change["id"], "applied")["timeline"][0]["actor"] == "celery"


def test_the_same_message_five_times_is_one_request(sender: Celery, dns: ApiClient) -> None:
    for _ in range(5):
        send(sender, message_for(dns))
    change = found(dns)
    dns.wait_for(change["id"], "awaiting_payment")
    assert len(dns.call("GET", "/v1/plan-changes")["items"]) == 1


def test_units_are_asked_for_in_a_message(sender: Celery, dns: ApiClient) -> None:
    """Five Start for one Basic on 17 July: 6,000 and 500 by 15 of 31 days, 2,903 - 242 and 266 of tax, ¥2,927."""
    send(sender, message_for(dns, plan="start", quantity=5, accept_total={"amount": 2927, "currency": "JPY"}))
    change = dns.wait_for(found(dns)["id"], "awaiting_payment")
    assert (change["to"]["quantity"], change["quote"]["to"]["price"]["amount"]) == (5, 6000)
    dns.pay(change)
    dns.wait_for(change["id"], "applied")
    assert dns.call("GET", "/v1/services/zone")["quantity"] == 5


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"plan": "gold"}, "unknown_plan"),
        ({"cycle": "weekly"}, "unknown_cycle"),
        ({"plan": "basic"}, "nothing_to_change"),
        ({"accept_total": {"amount": 1, "currency": "JPY"}}, "price_changed"),
        ({"quote": "qt_unknown"}, "unknown_quote"),
    ],
)
def test_a_request_that_cannot_be_taken_in_is_refused_with_its_reason(
    sender: Celery, dns: ApiClient, change: dict[str, Any], reason: str
) -> None:
    send(sender, message_for(dns, **change))
    refused = found(dns)
    assert (refused["status"], refused["reason"]) == ("refused", reason)


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"provider": "nobody", "service": "zone", "plan": "start", "cycle": "monthly", "idempotency_key": "k"},
        {"provider": 5, "service": None},
        {"accept_total": "everything", "exec": "rm -rf"},
    ],
)
def test_a_malformed_message_is_recorded_and_not_retried(
    sender: Celery, dns: ApiClient, message: dict[str, Any]
) -> None:
    before = _rejected()
    send(sender, message)
    until(lambda: _rejected() > before or None, "the message to be recorded")
    change_id = dns.request("zone", "business", "monthly", "k2", {"accept_total": {"amount": 1331, "currency": "JPY"}})
    dns.wait_for(change_id, "awaiting_payment")
    assert _rejected() == before + 1


TOLD: dict[str, dict[str, Any]] = {
    "a zero": {"idempotency_key": "\0"},
    "half a pair": {"service": "\ud800"},
    "half a name": {"\ud83d": 1},
    "backwards": {"plan": "\u202esisab"},
    "a long key": {"idempotency_key": "k" * 100_000},
    "a huge number": {"quantity": 10**400},
    "not a number": {"accept_total": {"amount": float("nan"), "currency": "JPY"}},
}


def test_a_message_that_is_more_than_a_request_is_refused_and_kept(dns: ApiClient) -> None:
    """Whatever queue it says it was in."""
    told = {name: (REQUEST, [[], message_for(dns, **more), {}], "") for name, more in TOLD.items()}
    for name, (headers, body, reason) in (OFFENCES | told).items():
        for says in ("requests", "pipeline"):
            before = _rejected()
            with Redis.from_url(settings().require_broker_url()) as broker:
                broker.lpush("requests", raw(headers, body, says))
            until(lambda before=before: _rejected() > before or None, f"{name} to be kept")  # type: ignore[misc]
            with transaction() as session:
                newest = session.scalars(select(RejectedMessage).order_by(RejectedMessage.id.desc()).limit(1)).one()
            assert reason in newest.reason, name
            assert newest.message["message"].isprintable(), name


def _rejected() -> int:
    with transaction() as session:
        return session.scalar(select(func.count()).select_from(RejectedMessage)) or 0
