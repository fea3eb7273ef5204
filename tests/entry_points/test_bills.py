"""Bills at the entry points: an open one is answered with where to pay it, and seats pass through HTTP and Celery."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Running
from tests.entry_points.test_http import CHANGE, SERVICE, Make
from tests.support.client import AUGUST, JULY, ApiClient, is_problem
from tests.support.waiting import until


@pytest.fixture
def dns(frontend: Make) -> ApiClient:
    dns = frontend("dns")
    dns.new_service("zone", "basic", "JPY", "JP", (JULY, AUGUST), "monthly")
    return dns


def test_an_open_renewal_is_answered_with_its_amount_and_where_to_pay_it(dns: ApiClient) -> None:
    dns.set_clock(AUGUST)

    def payable() -> dict[str, Any] | None:
        items = dns.call("GET", "/v1/invoices?service=zone")["items"]
        invoice: dict[str, Any] = dns.call("GET", f"/v1/invoices/{items[0]['id']}") if items else {}
        return invoice if invoice.get("checkout_url") else None

    invoice = until(payable, "the renewal's checkout page")
    for path, body, headers in (
        ("/v1/quotes", CHANGE, {}),
        ("/v1/plan-changes", CHANGE | {"accept_total": {"amount": 1, "currency": "JPY"}}, {"Idempotency-Key": "k"}),
    ):
        answer = is_problem(dns.send("POST", path, body, **headers), 409, "open_invoice")
        assert answer["invoice"] == invoice["id"]
        assert answer["amount_due"] == {"amount": 550, "currency": "JPY"}
        assert answer["checkout_url"] == invoice["checkout_url"]
    options = dns.call("GET", "/v1/services/zone/plan-options")["categories"][0]["options"]
    [start] = [option for option in options if (option["plan"], option["cycle"]) == ("start", "monthly")]
    assert (start["available"], start["reason"]["code"]) == (False, "open_invoice")
    assert start["reason"]["text"] == "Pay the open invoice of ¥550 first, then change the plan."


def test_an_import_is_unpaid_until_the_host_says_otherwise(dns: ApiClient) -> None:
    dns.set_clock("2027-07-17T03:00:00Z")
    unpaid = SERVICE | {"paid": False, "billing": {"net": 400, "tax_rate": "8", "pay_url": "https://host.invalid/7"}}
    assert dns.send("PUT", "/v1/services/other", unpaid, scope="host").status_code == 200
    wanted = CHANGE | {"service": "other"}
    answer = is_problem(dns.send("POST", "/v1/quotes", wanted), 409, "open_invoice")
    assert (answer["invoice"], answer["checkout_url"]) == (None, "https://host.invalid/7")
    assert answer["amount_due"] == {"amount": 432, "currency": "JPY"}
    # Absent is unchanged; that it was paid opens the way: 400 x 15/31 = 193.5 with 8 %, 1452 with 10 %.
    assert dns.send("PUT", "/v1/services/other", SERVICE, scope="host").status_code == 200
    is_problem(dns.send("POST", "/v1/quotes", wanted), 409, "open_invoice")
    assert dns.send("PUT", "/v1/services/other", SERVICE | {"paid": True}, scope="host").status_code == 200
    quote = dns.send("POST", "/v1/quotes", wanted).json()
    assert [line["amount"]["amount"] for line in quote["lines"]] == [-194, 1452, -16, 145]


def test_seats_pass_through(dns: ApiClient, running: Running) -> None:
    # three of Business for one of Basic: 9000 x 15/31 = 4354.8, 242 back; 4113 with 10 % is 4524.3
    dns.set_clock("2027-07-17T03:00:00Z")
    quote = dns.call("POST", "/v1/quotes", CHANGE | {"quantity": 3})
    assert (quote["quantity"], quote["total_due_today"]["amount"]) == (3, 4524)
    body = CHANGE | {"quantity": 3, "quote": quote["id"]}
    change = dns.send("POST", "/v1/plan-changes", body, **{"Idempotency-Key": "seats"}).json()
    assert change["to"]["quantity"] == 3
    other = CHANGE | {"quantity": 2, "quote": quote["id"]}
    is_problem(dns.send("POST", "/v1/plan-changes", other, **{"Idempotency-Key": "other"}), 409, "change_open")
    waiting = dns.wait_for(change["id"], "awaiting_payment")
    dns.pay(waiting)
    dns.wait_for(change["id"], "applied")
    assert dns.call("GET", "/v1/services/zone")["quantity"] == 3


def test_paid_on_a_later_day_both_prices_are_to_be_seen(dns: ApiClient) -> None:
    """Accepted on 17 July at ¥1,331, paid on the 23rd: the change says ¥1,331 and ¥799, the customer has ¥532."""
    dns.set_clock("2027-07-17T03:00:00Z")
    body = CHANGE | {"accept_total": {"amount": 1331, "currency": "JPY"}}
    change = dns.send("POST", "/v1/plan-changes", body, **{"Idempotency-Key": "later"}).json()
    waiting = dns.wait_for(change["id"], "awaiting_payment")
    assert waiting["settled"] is None
    dns.set_clock("2027-07-23T03:00:00Z")
    dns.pay(waiting)
    change = dns.wait_for(change["id"], "applied")
    assert [change[key]["total"]["amount"] for key in ("quote", "settled", "invoice")] == [1331, 799, 799]
    assert (change["effective_at"][:10], change["invoice"]["number"] is None) == ("2027-07-23", False)
    assert dns.call("GET", "/v1/customers/zone/balance")["credit"] == [{"amount": 532, "currency": "JPY"}]


def test_nothing_that_went_back_is_nothing_to_decide(dns: ApiClient) -> None:
    dns.set_clock("2027-07-17T03:00:00Z")
    change = dns.send("POST", "/v1/plan-changes", CHANGE | {"accept_total": {"amount": 1331, "currency": "JPY"}},
                      **{"Idempotency-Key": "k"}).json()  # fmt: skip
    path, body = f"/v1/plan-changes/{change['id']}/returns", {"actor": "ana", "reason": "agreed"}
    is_problem(dns.send("POST", path, body | {"decision": "owe"}, scope="ops"), 409, "nothing_returned")
    is_problem(dns.send("POST", path, body | {"decision": "burn"}, scope="ops"), 422, "invalid_request")
    is_problem(dns.send("POST", path, body | {"decision": "owe"}), 403, "missing_scope")
