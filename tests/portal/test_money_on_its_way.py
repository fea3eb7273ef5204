"""What a customer reads while a bank debit is on its way, and after it did not come: for a change and for a renewal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.portal.visitor import AUGUST, Visitor, visitor
from tests.support import loopback
from tests.support.client import ApiClient, Refused
from tests.support.gateway_money import refund_at_the_gateway
from tests.support.waiting import until

ON_ITS_WAY = "Your payment is on its way. Banks take some days"


def press(checkout: str, outcome: str) -> None:
    """A button of the gateway's page."""
    loopback.post(checkout, data={"outcome": outcome}).raise_for_status()


def assert_nobody_is_asked_again(page: httpx.Response, checkout: str) -> None:
    for words in (checkout, "Please pay", "Pay again", "Pay $"):
        assert words not in page.text
    assert [form for form in Visitor.forms(page) if form.action.endswith("/payments")] == []


@pytest.mark.parametrize("end", ["pay", "decline"])
def test_a_change_that_is_paid_by_bank_debit(frontend: Callable[..., ApiClient], end: str) -> None:
    dns = frontend("dns")
    customer = visitor(dns)
    page = customer.submit(customer.review("start"), "/accept").url.path
    customer.see(page, "Pay $3.73")
    change = f"/v1/plan-changes/{customer.changes()[0]['id']}"
    checkout = dns.call("GET", change)["payment"]["checkout_url"]
    press(checkout, "pending")
    waiting = customer.see(page, ON_ITS_WAY)
    assert "Your plan changes to Start as soon as it arrives." in waiting.text
    assert_nobody_is_asked_again(waiting, checkout)
    assert dns.call("GET", change)["next_actions"] == ["cancel"]
    with pytest.raises(Refused, match="payment_pending"):
        dns.call("POST", f"{change}/payments")
    cancel = customer.get(f"/portal/changes/{customer.changes()[0]['id']}/cancel").text
    assert "cannot be stopped" in cancel
    assert "becomes credit on your account when it arrives" in cancel
    press(checkout, end)
    if end == "pay":
        customer.see(page, "Done. Your plan is now Start.")
        return
    # It did not come: back to the beginning, by a page of its own.
    again = customer.submit(customer.see(page, "did not go through and nothing was charged"), "/payments").url.path
    customer.see(again, "Pay $3.73")
    other = dns.call("GET", change)["payment"]["checkout_url"]
    assert other != checkout
    press(other, "pay")
    customer.see(page, "Done. Your plan is now Start.")


def test_a_renewal_whose_bank_debit_does_not_come_is_paid_again(frontend: Callable[..., ApiClient]) -> None:
    dns = frontend("dns")
    customer = visitor(dns)
    dns.set_clock(AUGUST)
    customer.see(f"/portal/services/{customer.service_id()}", "September 1, 2027")
    [invoice] = dns.call("GET", "/v1/invoices?service=zone")["items"]
    path, resource = f"/portal/invoices/{invoice['id']}", f"/v1/invoices/{invoice['id']}"
    customer.see(path, "Please pay $5.50")  # 5.00 and 10 %
    first = dns.call("GET", resource)["checkout_url"]
    with pytest.raises(Refused, match="payment_open"):
        dns.call("POST", f"{resource}/payments")
    press(first, "pending")
    assert_nobody_is_asked_again(customer.see(path, ON_ITS_WAY), first)
    assert dns.call("GET", resource)["checkout_url"] is None
    with pytest.raises(Refused, match="payment_pending"):
        dns.call("POST", f"{resource}/payments")

    press(first, "decline")
    failed = customer.see(path, "$5.50 is still to be paid")
    customer.submit(failed, "/payments")
    customer.see(path, "Please pay $5.50")
    second = dns.call("GET", resource)["checkout_url"]
    assert second not in (None, first)
    # Declined at the page, too, and then by the API.
    press(second, "decline")
    customer.see(path, "$5.50 is still to be paid")
    assert dns.call("POST", f"{resource}/payments")["id"] == invoice["id"]
    customer.see(path, "Please pay $5.50")
    press(dns.call("GET", resource)["checkout_url"], "pay")
    customer.see(path, "This invoice is paid")
    with pytest.raises(Refused, match="nothing_to_pay"):
        dns.call("POST", f"{resource}/payments")


def test_what_went_back_and_is_owed_again_is_paid_at_the_page(frontend: Callable[..., ApiClient]) -> None:
    dns = frontend("dns")
    customer = visitor(dns)
    page = customer.submit(customer.review("start"), "/accept").url.path
    customer.see(page, "Pay $3.73")
    change = f"/v1/plan-changes/{customer.changes()[0]['id']}"
    checkout = dns.call("GET", change)["payment"]["checkout_url"]
    press(checkout, "pay")
    customer.see(page, "Done. Your plan is now Start.")
    refund_at_the_gateway(dns.provider, checkout, 100)

    def owed() -> bool | None:
        decision = {"decision": "owe", "actor": "ana", "reason": "agreed"}
        return dns.send("POST", f"{change}/returns", decision, scope="ops").status_code == 200 or None

    until(owed, "the refund to be reported")
    asked = customer.see(page, "Please pay $1.00 again. You keep Start; it cannot be changed until this is paid.")
    assert "Done." not in asked.text
    customer.see(page, "Pay $1.00</a>")
    view = dns.call("GET", change)
    assert (view["status"], view["next_actions"]) == ("applied", ["pay"])
    assert dns.call("GET", f"/v1/invoices/{view['invoice']['id']}")["amount_due"] == {"amount": 100, "currency": "USD"}
    press(view["payment"]["checkout_url"], "pay")
    customer.see(page, "Done. Your plan is now Start.")
    assert dns.call("GET", change)["next_actions"] == []


def test_a_renewal_whose_money_went_back_is_paid_again(frontend: Callable[..., ApiClient]) -> None:
    """$5.00 and 10 % were paid, and $4.50 of it went back."""
    dns = frontend("dns")
    customer = visitor(dns)
    dns.set_clock(AUGUST)
    customer.see(f"/portal/services/{customer.service_id()}", "September 1, 2027")
    [invoice] = dns.call("GET", "/v1/invoices?service=zone")["items"]
    path, resource = f"/portal/invoices/{invoice['id']}", f"/v1/invoices/{invoice['id']}"
    customer.see(path, "Please pay $5.50")
    checkout = dns.call("GET", resource)["checkout_url"]
    press(checkout, "pay")
    customer.see(path, "This invoice is paid")
    refund_at_the_gateway(dns.provider, checkout, 450)

    def owed() -> dict[str, Any] | None:
        decision = {"decision": "owe", "actor": "ana", "reason": "agreed"}
        answer = dns.send("POST", f"{resource}/returns", decision, scope="ops")
        return answer.json() if answer.status_code == 200 else None

    view = until(owed, "the refund to be reported")
    assert (view["status"], view["amount_due"]) == ("settled", {"amount": 450, "currency": "USD"})
    asked = customer.see(path, "Please pay $4.50 again. You keep Basic; it cannot be changed until this is paid.")
    customer.see(f"/portal/services/{customer.service_id()}", "Please pay $4.50 again. You keep Basic")
    assert "This invoice is paid" not in asked.text
    customer.see(path, "Pay $4.50</a>")
    press(dns.call("GET", resource)["checkout_url"], "pay")
    customer.see(path, "This invoice is paid")
    assert dns.call("GET", resource)["amount_due"]["amount"] == 0
