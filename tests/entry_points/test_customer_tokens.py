"""Tokens for a customer's own browser: what they open, every route with somebody else's ids, and from which pages."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from domain.catalog import WebPages
from models.customer import customer_by_ref
from models.database import transaction
from models.provider import provider_by_slug
from tests.entry_points.test_http import ACCEPTED
from tests.support import loopback
from tests.support.client import AUGUST, JULY, ApiClient, is_problem
from tests.support.waiting import until
from web.api.tokens import TOKEN_LIFE_SECONDS, token_for
from web.app import create_api

SHOP = "https://shop.example"
# What a token's customer may read although it is not about them: none of it is about anybody.
NOBODYS = {"get /v1/plans", "get /healthz", "get /readyz"}
LISTS = {"get /v1/services", "get /v1/plan-changes", "get /v1/invoices"}
TOTAL = {"accept_total": ACCEPTED["accept_total"]}


class Browser:
    """A script that has a token and no key."""

    def __init__(self, dns: ApiClient, customer: str) -> None:
        self.api = dns.ready["api"]
        self.token = dns.call("POST", "/v1/customer-tokens", {"customer": customer}, scope="host")["token"]

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        headers |= {"Authorization": f"Bearer {self.token}"}
        return loopback.request(method, self.api + path, json=body, headers=headers)


@pytest.fixture
def neighbour(dns: ApiClient) -> Browser:
    dns.new_service("neighbour", "basic", "JPY", "JP", (JULY, AUGUST), "monthly")
    return Browser(dns, "neighbour")


def ids_of_zone(dns: ApiClient) -> dict[str, str]:
    change = dns.wait_for(dns.request("zone", "business", "monthly", "k1", TOTAL), "awaiting_payment")
    quote = dns.call("POST", "/v1/quotes", {"service": "zone", "plan": "start", "cycle": "monthly"})
    return {
        "ref": "zone",
        "change_id": change["id"],
        "invoice_id": change["invoice"]["id"],
        "attempt_id": change["payment"]["id"],
        "quote_id": quote["id"],
        "kind": "proforma",
        "event_id": "evt_01k9f3",
        "payment_id": "mny_01k9f3",
        "refund_id": "ref_01k9f3",
        "row_id": change["payment"]["id"],
    }


def test_no_route_tells_or_does_anything_about_another_customer(dns: ApiClient, neighbour: Browser) -> None:
    ids = ids_of_zone(dns)
    told: dict[str, list[str]] = {"403": [], "404": [], "200": []}
    for path, by_method in create_api().openapi()["paths"].items():
        for method, operation in by_method.items():
            filled = re.sub(r"{(\w+)}", lambda name: ids[name[1]], path)
            names = {one["name"] for one in operation.get("parameters", []) if one["in"] == "query"}
            query = "&".join(f"{name}=zone" for name in ("customer", "service") if name in names)
            body = ACCEPTED if path == "/v1/plan-changes" else {"service": "zone", "plan": "start", "cycle": "monthly"}
            sent = {"Idempotency-Key": "k1", "Last-Event-ID": "0"}
            answer = neighbour.send(method, f"{filled}?{query}", None if method == "get" else body, **sent)
            told[str(answer.status_code)].append(f"{method} {path}")
            if answer.status_code == 200 and f"{method} {path}" in LISTS:
                assert answer.json()["items"] == []
    assert set(told["200"]) == NOBODYS | LISTS
    assert "post /v1/plan-changes" in told["404"]
    assert "post /v1/quotes" in told["404"]
    assert len(told["404"]) >= 15
    assert dns.call("GET", f"/v1/plan-changes/{ids['change_id']}")["status"] == "awaiting_payment"
    # Nor without the filter.
    assert neighbour.send("GET", "/v1/plan-changes").json()["items"] == []
    assert [one["ref"] for one in neighbour.send("GET", "/v1/services").json()["items"]] == ["neighbour"]


def test_a_customer_changes_their_plan(dns: ApiClient, neighbour: Browser) -> None:
    """15 of 31 days of ¥3,000 less 15 of 31 days of ¥500 and 10 % tax, under a key that the host uses, too."""
    dns.request("zone", "business", "monthly", "k1", TOTAL)
    wanted = {"service": "neighbour", "plan": "business", "cycle": "monthly"}
    quote = neighbour.send("POST", "/v1/quotes", wanted).json()
    assert quote["total_due_today"] == {"amount": 1331, "currency": "JPY"}
    key = {"Idempotency-Key": "k1"}
    is_problem(neighbour.send("POST", "/v1/plan-changes", wanted, **key), 422, "acceptance_missing")
    asked = neighbour.send("POST", "/v1/plan-changes", wanted | {"quote": quote["id"]}, **key)
    assert asked.status_code == 202
    change = asked.json()
    listed = neighbour.send("GET", "/v1/plan-changes?idempotency_key=k1").json()["items"]
    assert [one["id"] for one in listed] == [change["id"]]
    dns.wait_for(change["id"], "awaiting_payment")
    assert neighbour.send("GET", "/v1/customers/neighbour/balance").json()["credit"][0]["amount"] == 0
    assert neighbour.send("POST", f"/v1/plan-changes/{change['id']}/cancel").json()["status"] == "canceled"


def test_a_token_ends(dns: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction() as session:
        provider = provider_by_slug(session, dns.provider)
        assert provider is not None
        customer = customer_by_ref(session, provider.id, "zone")
        assert customer is not None
        owner = provider.id, customer.id
    browser = Browser(dns, "zone")
    assert browser.send("GET", "/v1/services/zone").status_code == 200
    earlier = time.time() - TOKEN_LIFE_SECONDS - 5
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: earlier)
    browser.token = token_for(*owner)
    assert "over" in is_problem(browser.send("GET", "/v1/services/zone"), 401, "not_authenticated")["detail"]
    browser.token = browser.token[:-3] + "abc"
    is_problem(browser.send("GET", "/v1/services/zone"), 401, "not_authenticated")


def test_scripts_call_from_the_pages_that_the_catalogue_names(frontend: Callable[..., ApiClient]) -> None:
    dns, other = frontend("dns", web=WebPages(origins=(SHOP,))), frontend("dns")
    for one in (dns, other):
        one.new_service("zone", "basic", "JPY", "JP", (JULY, AUGUST), "monthly")
    browser = Browser(dns, "zone")
    asked = {"Origin": SHOP, "Access-Control-Request-Method": "POST"}
    asked |= {"Access-Control-Request-Headers": "authorization,content-type,idempotency-key"}
    path = "/v1/plan-changes"
    until(lambda: browser.send("OPTIONS", path, **asked).status_code == 200 or None, "the origin to be known")
    preflight = browser.send("OPTIONS", path, **asked)
    assert preflight.headers["access-control-allow-origin"] == SHOP
    assert "access-control-allow-credentials" not in preflight.headers
    assert "Origin" in preflight.headers["vary"]
    refused = browser.send("OPTIONS", path, **asked | {"Origin": "https://evil.example"})
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers
    assert browser.send("OPTIONS", path, **asked | {"Access-Control-Request-Method": "PUT"}).status_code == 400

    read = browser.send("GET", "/v1/services/zone", Origin=SHOP)
    assert (read.status_code, read.headers["access-control-allow-origin"]) == (200, SHOP)
    assert "X-Request-Id" in read.headers["access-control-expose-headers"]
    # Another provider's customers do not call from there, whoever else may.
    is_problem(Browser(other, "zone").send("GET", "/v1/services/zone", Origin=SHOP), 403, "origin_not_allowed")
    is_problem(browser.send("GET", "/v1/services/zone", Origin="https://evil.example"), 403, "origin_not_allowed")
