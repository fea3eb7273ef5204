"""One service: what is owed, what was outgrown, what is in review or stuck, and who moved what, when and why."""

from __future__ import annotations

from collections.abc import Callable

from tests.portal.test_paying import checkout_of, press
from tests.portal.test_steps import hosting_customer
from tests.portal.visitor import AUGUST, Visitor, visitor
from tests.support import loopback
from tests.support.client import ApiClient

Make = Callable[..., ApiClient]


def service_page(customer: Visitor, query: str = "") -> str:
    """Its text, one space between words."""
    return " ".join(customer.get(f"/portal/services/{customer.service_id()}{query}").text.split())


def test_what_has_outgrown_a_scheduled_downgrade_is_said_as_in_the_mail(frontend: Make) -> None:
    customer = visitor(frontend("dns"), plan="business")
    customer.submit(customer.review("start"), "/accept")
    customer.see("/portal/services", "Changes to <strong>Start</strong>")
    page = service_page(customer)
    assert "too small" not in page
    assert 'Scheduled for <time datetime="2027-07-31T15:00:00+00:00">August 1, 2027</time></span>' in page
    customer.frontend.call("PUT", "/v1/services/zone/usage", {"zones": 14, "records": 900}, scope="host")
    page = service_page(customer)
    assert "Start is too small for what you use now:" in page
    assert "Zones: you use 14, Start allows 10. Remove at least <strong>4</strong>." in page
    assert "If nothing changes until then, you keep Business." in page
    customer.frontend.call("PUT", "/v1/services/zone/usage", {"zones": 10, "records": 900}, scope="host")
    assert "too small" not in service_page(customer)


def test_the_history_says_who_and_when_and_why(frontend: Make) -> None:
    customer = hosting_customer(frontend, "radio-100")
    api = customer.frontend
    customer.submit(customer.review("vps-1"), "/accept")
    customer.see("/portal/services", "Our staff are looking at your request")
    page = service_page(customer)
    assert "Our staff are looking at your request for <strong>VPS 1</strong>." in page
    change = customer.changes()[0]["id"]
    no = {"actor": "ana", "reason": "No servers are free before September."}
    api.call("POST", f"/v1/plan-changes/{change}/reject", no, scope="ops")
    page = service_page(customer)
    assert "Refused" in page
    assert "July 1, 2027</time>, by our staff</span>" in page
    assert "No servers are free before September." in page
    customer.submit(customer.review("radio-500"), "/accept")
    checkout_of(customer)
    newest = customer.changes()[0]["id"]
    customer.submit(customer.get(f"/portal/changes/{newest}/cancel"), "/cancel")
    page = service_page(customer)
    assert "Called off" in page
    assert "July 1, 2027</time>, by you</span>" in page


def test_stuck_says_what_it_is(frontend: Make) -> None:
    dns = frontend("dns")
    customer = visitor(dns)
    page = customer.submit(customer.review("start"), "/accept").url.path
    checkout = checkout_of(customer)
    knobs = f"{dns.ready['host']}/_knobs/{dns.provider}"
    loopback.put(knobs, json={"fail_times": 1, "fail_status": 422}).raise_for_status()
    press(checkout, "pay")
    stuck = customer.see(page, "Your plan could not be changed yet.")
    assert "The system that holds your service did not take the change to Start." in stuck.text
    assert "you keep Basic and what you paid for the change becomes account credit" in stuck.text
    service = service_page(customer)
    assert "could not be made yet. Our staff see to it; you need not do anything." in service
    assert "Our staff see to it first; then you can start another." in service
    assert "the host answered" not in service, "that is for staff"


def test_what_is_owed_and_what_is_on_its_way(frontend: Make) -> None:
    """5.00 and 10 % for August."""
    dns = frontend("dns")
    customer = visitor(dns)
    dns.set_clock(AUGUST)
    customer.see(f"/portal/services/{customer.service_id()}", "September 1, 2027")
    [invoice] = dns.call("GET", "/v1/invoices?service=zone")["items"]
    number = invoice["number"]
    assert f"Invoice {number} over $5.50 is not paid yet." in service_page(customer)
    customer.see(f"/portal/invoices/{invoice['id']}", "Please pay $5.50")
    press(dns.call("GET", f"/v1/invoices/{invoice['id']}")["checkout_url"], "pending")
    customer.see(
        f"/portal/services/{customer.service_id()}", f"The payment of invoice {number} over $5.50 is on its way"
    )
    assert "is not paid yet" not in service_page(customer)


def test_a_change_whose_bank_debit_is_on_its_way_asks_for_nothing(frontend: Make) -> None:
    customer = visitor(frontend("dns"))
    customer.submit(customer.review("start"), "/accept")
    press(checkout_of(customer), "pending")
    customer.see("/portal/services", "The payment for the change to <strong>Start</strong> is on its way.")
    assert "waits for your payment" not in service_page(customer)


def test_all_of_the_history_is_there(frontend: Make) -> None:
    customer = visitor(frontend("dns"), plan="business")
    for plan in ["start", "basic"] * 7:
        customer.submit(customer.review(plan), "/accept")
        newest = customer.changes()[0]["id"]
        customer.frontend.wait_for(str(newest), "scheduled")
    page = service_page(customer)
    assert page.count("Business → ") == 12
    assert "Older invoices and changes</a>" in page
    rest = service_page(customer, "?older=1")
    assert rest.count("Business → ") == 2
    assert "Newest</a>" in rest
    assert "Older invoices and changes" not in rest
