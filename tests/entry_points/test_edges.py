"""What stands at the edge of what can be kept: every entry point over HTTP answers, and never with an error of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.conftest import Running
from tests.support import loopback
from tests.support.client import ApiClient
from tests.support.hostile import CUSTOMER, DECISION, LINE, SERVICE, at_once, bodies


@pytest.fixture
def dns(frontend: Callable[..., ApiClient]) -> ApiClient:
    dns = frontend("dns")
    dns.new_service("zone", "basic", "JPY", "JP", ("2027-06-30T15:00:00Z", "2027-07-31T15:00:00Z"), "monthly")
    dns.set_clock("2027-07-17T03:00:00Z")
    return dns


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
                answer = loopback.request(method, api + path.format(text), content=b"\0")
                assert answer.status_code < 500, (method, path, text, answer.text)


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
