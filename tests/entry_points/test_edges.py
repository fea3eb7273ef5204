"""What stands at the edge of what can be kept: every entry point over HTTP answers, and never with an error of ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.conftest import Running
from tests.support.client import ApiClient

pytestmark = pytest.mark.xdist_group("stack")

CUSTOMER = {"name": "Ana", "email": "ana@example.com", "country": "JP", "locale": "en", "address": ["1 Street"]}
SERVICE = {"customer": "zone", "plan": "basic", "cycle": "monthly", "currency": "JPY"}
SERVICE |= {"period_start": "2027-06-30T15:00:00Z", "period_end": "2027-07-31T15:00:00Z"}
DECISION = {"actor": "ana", "reason": "because"}
LINE = {"line": "2027-07-17/1", "amount": {"amount": 1331, "currency": "JPY"}, "paid_at": "2027-07-17T03:00:00Z"}
HARD = (
    "a\0b",
    "a\x0bb",
    "a\x0cb",
    "a\ud800b",
    "a\u202eb",
    "a\u200bb",
    "\u3000",
    "a\r\nBcc: b",
    "a\ufffeb",
    "\udfff\udbff",
)
DATES = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z")


@pytest.fixture
def dns(frontend: Callable[..., ApiClient]) -> ApiClient:
    dns = frontend("dns")
    dns.new_service("zone", "basic", "JPY", "JP", ("2027-06-30T15:00:00Z", "2027-07-31T15:00:00Z"), "monthly")
    dns.set_clock("2027-07-17T03:00:00Z")
    return dns


def bodies() -> Iterator[tuple[str, str, Any, str]]:
    """Every text and every date of every body, in turn, with every hard value; and names that nobody has."""
    routes: list[tuple[str, str, dict[str, Any], str]] = [
        ("PUT", "/v1/customers/edge", CUSTOMER, "host"),
        ("PUT", "/v1/services/edge", SERVICE, "host"),
        ("POST", "/v1/quotes", {"service": "zone", "plan": "start", "cycle": "monthly"}, "frontend"),
        ("POST", "/v1/plan-changes", {"service": "zone", "plan": "start", "cycle": "monthly", "note": "n"}, "frontend"),
        ("POST", "/v1/services/zone/cancellations", {"at": "period_end", "reason": "r"}, "frontend"),
        ("POST", "/v1/payments", LINE | DECISION, "ops"),
        ("PUT", "/v1/test-clock", {"now": "2027-07-17T03:00:00Z"}, "host"),
        ("PUT", "/v1/services/zone/usage", {"zones": 1}, "host"),
    ]
    for method, path, body, scope in routes:
        for name, value in body.items():
            for hard in DATES if isinstance(value, str) and value.startswith("2027-") else HARD:
                yield method, path, body | {name: [hard] if isinstance(value, list) else hard}, scope
        for hard in HARD:
            yield method, path, body | {hard: 1}, scope
        others: tuple[Any, ...] = (None, [], "\ud800", 10**400, {"\ud800": {}})
        for nonsense in others:
            yield method, path, nonsense, scope


def test_no_body_is_an_error_of_ours(dns: ApiClient) -> None:
    tried = 0
    for number, (method, path, body, scope) in enumerate(bodies()):
        answer = dns.send(method, path, json.dumps(body).encode(), scope, **{"Idempotency-Key": f"edge-{number}"})
        assert answer.status_code < 500, (method, path, body, answer.text)
        assert answer.status_code >= 400 or scope != "host" or "edge" not in path, (path, ascii(body))
        tried += 1
    assert tried > 300
    # A character that no page can carry is named, with its field.
    answer = dns.send("PUT", "/v1/customers/edge", CUSTOMER | {"name": "Ana\u202etxt"}, "host")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["where"] == "body.name"
    assert "U+202E RIGHT-TO-LEFT OVERRIDE" in answer.json()["errors"][0]["what"]


def test_no_address_is_an_error_of_ours(dns: ApiClient, running: Running) -> None:
    hard = ("%00", "%0b", "%ED%A0%80", "%E2%80%AE", "%0d%0a", "%ff", "9" * 400, "a" * 6000)
    paths = [
        "/v1/services/{}",
        "/v1/services/{}/plan-options",
        "/v1/customers/{}",
        "/v1/plan-changes/{}",
        "/v1/invoices/{}/pdf",
        "/v1/invoices?status={}",
        "/v1/services?customer={}",
        "/v1/plan-changes?idempotency_key={}",
        "/v1/plan-changes?cursor={}",
        "/v1/plan-changes?since={}",
        "/v1/services?limit={}",
        "/v1/services?{}=1",
        "/v1/customers?email={}",
    ]
    for scope in ("frontend", "ops"):
        for path in paths:
            for text in hard:
                answer = dns.send("GET", path.format(text), scope=scope)
                assert 400 <= answer.status_code < 500 or answer.status_code == 200, (path, text, answer.text)
    api = dns.ready["api"]
    for path in (
        "/webhooks/standard/{}",
        "/webhooks/{}/dns",
        "/portal/enter?token={}",
        "/portal/changes/{}",
        "/portal/{}",
    ):
        for text in hard:
            for method in ("GET", "POST"):
                answer = httpx.request(method, api + path.format(text), content=b"\0", trust_env=False)
                assert answer.status_code < 500, (method, path, text, answer.text)


def at_once(send: Callable[[int], httpx.Response], times: int = 8) -> list[int]:
    with ThreadPoolExecutor(times) as pool:
        return sorted(answer.status_code for answer in pool.map(send, range(times)))


def test_first_reports_at_once_are_one(dns: ApiClient) -> None:
    for number in range(5):
        ref = f"twice-{number}"

        def customer(_: int, ref: str = ref) -> httpx.Response:
            return dns.send("PUT", f"/v1/customers/{ref}", CUSTOMER, "host")

        def service(_: int, ref: str = ref) -> httpx.Response:
            return dns.send("PUT", f"/v1/services/{ref}", SERVICE | {"customer": ref}, "host")

        assert at_once(customer) == [200] * 8
        assert at_once(service) == [200] * 8


def test_the_same_statement_line_at_once_is_one(dns: ApiClient) -> None:
    for number in range(3):
        line = LINE | DECISION | {"line": f"line-{number}"}

        def record(turn: int, line: dict[str, Any] = line) -> httpx.Response:
            return dns.send("POST", "/v1/payments", line, "ops", **{"Idempotency-Key": f"{line['line']}-{turn}"})

        assert set(at_once(record)) <= {200, 201, 202}
    assert len(dns.call("GET", "/v1/webhooks", scope="ops")["items"]) == 3
