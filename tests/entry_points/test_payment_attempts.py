"""What a gateway is asked for (`pay_…`) and the money that comes of it (`mny_…`): each is fetched by its own id."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.client import ApiClient, is_problem

TOTAL = {"accept_total": {"amount": 1331, "currency": "JPY"}}


def test_an_attempt_leads_to_its_money_and_back(dns: ApiClient) -> None:
    change_id = dns.request("zone", "business", "monthly", "k1", TOTAL)
    change = dns.wait_for(change_id, "awaiting_payment")
    path = f"/v1/payment-attempts/{change['payment']['id']}"
    waiting = dns.call("GET", path)
    assert waiting["amount"] == {"amount": 1331, "currency": "JPY"}
    assert (waiting["plan_change"], waiting["invoice"]) == (change_id, change["invoice"]["id"])
    assert (waiting["checkout_url"], waiting["payments"]) == (change["payment"]["checkout_url"], [])
    dns.pay(change)
    dns.wait_for(change_id, "applied")
    paid = dns.call("GET", path)
    assert (paid["status"], paid["checkout_url"]) == ("succeeded", None)
    [money_id] = paid["payments"]
    money = dns.call("GET", f"/v1/payments/{money_id}", scope="ops")
    assert (money["id"], money["attempt"], money["kind"]) == (money_id, waiting["id"], "payment")


def test_neither_is_the_other_nor_anybody_elses(dns: ApiClient, frontend: Callable[..., ApiClient]) -> None:
    change = dns.wait_for(dns.request("zone", "business", "monthly", "k1", TOTAL), "awaiting_payment")
    attempt = change["payment"]["id"]
    is_problem(frontend("dns").send("GET", f"/v1/payment-attempts/{attempt}"), 404, "unknown_payment_attempt")
    is_problem(dns.send("GET", "/v1/payment-attempts/mny_01k9f3"), 422, "invalid_request")
    is_problem(dns.send("GET", f"/v1/payments/{attempt}", scope="ops"), 422, "invalid_request")
