"""The steps of a change, form by form, and what each page says when a step cannot be taken."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from domain.pricing.modes import RoundingPlace
from tests.conftest import catalog_named
from tests.portal.visitor import AUGUST, JULY, Visitor, visitor
from tests.support import loopback
from tests.support.client import ApiClient

Make = Callable[..., ApiClient]
YEAR = ("2027-01-01T03:00:00Z", "2028-01-01T03:00:00Z")


def hosting_customer(make: Make, plan: str, **person: str) -> Visitor:
    """In Argentina, with a year that is paid, in the middle of it; `person` is what the host reports of them."""
    hosting = make("hosting")
    hosting.new_service("zone", plan, "USD", "AR", YEAR, "annual")
    if person:
        hosting.call("PUT", "/v1/customers/zone", person, scope="host")
    hosting.set_clock("2027-07-01T12:00:00Z")
    return Visitor(hosting)


def outcome(page: httpx.Response, visit: Visitor, what: str) -> None:
    """Pays or declines at the checkout page that the invoice page links to."""
    change = visit.changes()[0]["id"]
    checkout = visit.frontend.call("GET", f"/v1/plan-changes/{change}")["payment"]["checkout_url"]
    assert checkout in page.text
    loopback.post(checkout, data={"outcome": what}).raise_for_status()


def test_the_review_shows_before_and_after_and_each_cent(frontend: Make) -> None:
    page = visitor(frontend("dns")).review("business").text
    # 15 of 31 days: 30 × 15/31 = 14.52, 5 × 15/31 = 2.42, tax 10 % of 12.10; then 30.00 and 10 %.
    for text in ("-$2.42", "$14.52", "$12.10", "$1.21", "Total charge for today", "$13.31", "$33.00", "August 1, 2027"):
        assert text in page
    assert "15 of 31 days at $30.00 = $14.52" in page
    assert '<del><span class="hidden">before: </span>Basic</del>' in page
    assert '<ins><span class="hidden">after: </span>Business</ins>' in page
    assert "47 more" in page
    assert "valid until" in page


def test_submitted_twice_at_the_same_moment_is_one_change(frontend: Make) -> None:
    customer = visitor(frontend("dns"))
    review = customer.review("start")
    with ThreadPoolExecutor(4) as threads:
        pages = list(threads.map(lambda _: customer.submit(review, "/accept"), range(4)))
    assert {page.status_code for page in pages} == {200}
    assert len(customer.changes()) == 1
    again = customer.submit(review, "/accept")
    assert "Basic → Start" in again.text
    assert customer.get(review.url.path).url.path != review.url.path, "the review leads to the change by now"
    assert len(customer.changes()) == 1


def test_a_price_that_changed_is_shown_again_and_nothing_is_charged(frontend: Make) -> None:
    dns = frontend("dns")
    customer = visitor(dns)
    review = customer.review("start")
    assert "Submit and pay $3.73" in review.text
    dns.set_clock("2027-07-18T03:00:00Z")
    late = customer.get(review.url.path).text
    assert "This price was valid until" in late
    assert "July 17, 2027, 12:30" in late
    # 14 of 31 days now: 5.42 - 2.26 = 3.16 and 10 %.
    new = customer.submit(review, "/accept")
    assert "The price has changed since you looked" in new.text
    assert "Submit and pay $3.48" in new.text
    assert customer.changes() == []
    customer.submit(new, "/accept")
    assert len(customer.changes()) == 1


def test_declined_then_paid_again_then_the_list_shows_the_plan(frontend: Make) -> None:
    customer = visitor(frontend("dns"))
    change = customer.submit(customer.review("start"), "/accept").url.path
    outcome(customer.see(change, "Pay $3.73"), customer, "decline")
    declined = customer.see(change, "did not go through")
    assert "<noscript><meta" in declined.text
    paying = customer.submit(declined, "/payments").url.path
    outcome(customer.see(paying, "Pay $3.73"), customer, "pay")
    customer.see(paying, "Your plan is now Start")
    done = customer.see(paying, "Download PDF")
    assert "<noscript><meta" not in done.text, "nothing is left to wait for"
    pdf = customer.get(f"{done.url.path}/pdf")
    assert pdf.content.startswith(b"%PDF")
    assert pdf.headers["content-disposition"].endswith('-invoice.pdf"')
    listed = customer.get("/portal/services").text
    assert "Start" in listed
    assert "$12.00" in listed


def test_a_payment_that_the_gateway_refuses_is_told_at_once_and_can_be_canceled(frontend: Make) -> None:
    dns = frontend("dns")
    customer = visitor(dns)
    knobs = f"{dns.ready['gateway']}/_knobs/{dns.provider}"
    loopback.put(knobs, json={"minimum": 374}).raise_for_status()
    change = customer.submit(customer.review("start"), "/accept").url.path
    page = customer.see(change, "The payment service does not take this payment, so nothing was charged.")
    assert "being opened" not in page.text
    assert "<noscript><meta" not in page.text, "nothing happens before a person has seen to it"
    assert "Cancel this change" in page.text
    view = dns.call("GET", f"/v1/plan-changes/{customer.changes()[0]['id']}")
    assert (view["reason"], view["next_actions"]) == ("payment_refused", ["cancel"])
    [letter] = dns.call("GET", "/v1/dead-letters", scope="ops")["items"]
    assert letter["id"] == view["payment"]["id"]
    loopback.put(knobs, json={}).raise_for_status()
    again = {"actor": "ana", "reason": "the minimum was lowered"}
    dns.call("POST", f"/v1/dead-letters/{letter['id']}/retry", again, scope="ops")
    customer.see(change, "Pay $3.73")


def test_a_renewals_invoice_is_paid_from_the_portal(frontend: Make) -> None:
    dns = frontend("dns")
    customer = visitor(dns)
    dns.set_clock(AUGUST)
    service = f"/portal/services/{customer.service_id()}"
    customer.see(service, "September 1, 2027")
    [invoice] = dns.call("GET", "/v1/invoices?service=zone")["items"]
    path = f"/portal/invoices/{invoice['id']}"
    # 5.00 and 10 %.
    assert invoice["number"] in customer.see(path, "Please pay $5.50").text
    assert "waiting for the payment service" in customer.get(f"{path}?returned=yes").text
    checkout = dns.call("GET", f"/v1/invoices/{invoice['id']}")["checkout_url"]
    loopback.post(checkout, data={"outcome": "pay"}).raise_for_status()
    assert "Paid on" in customer.see(path, "This invoice is paid").text
    assert invoice["number"] in customer.get(service).text


def test_canceled_before_it_is_paid_keeps_the_plan(frontend: Make) -> None:
    customer = visitor(frontend("dns"))
    change = customer.submit(customer.review("start"), "/accept").url.path
    customer.see(change, "Pay $3.73")
    service = customer.get(f"/portal/services/{customer.service_id()}").text
    assert "Finish or cancel it" in service
    assert "disabled aria-describedby" in service
    change_path = f"/portal/changes/{customer.changes()[0]['id']}"
    canceled = customer.submit(customer.get(f"{change_path}/cancel"), "/cancel")
    assert "This change is canceled. You keep Basic." in canceled.text
    assert "This change is canceled." in customer.get(f"{change_path}/cancel").text


def test_a_scheduled_downgrade_is_shown_in_the_list_and_can_be_canceled(frontend: Make) -> None:
    customer = visitor(frontend("dns"), plan="business")
    review = customer.review("start")
    assert "Nothing is due today" in review.text
    assert "The invoice of <time" in review.text
    assert "full price = $12.00" in review.text
    change = customer.submit(review, "/accept").url.path
    customer.see(change, "Your plan changes to Start on")
    assert 'Changes to <strong>Start</strong> on <time datetime="2027-07-31T15:00:00+00:00">August 1, 2027' in (
        customer.get("/portal/services").text
    )
    customer.submit(customer.get(f"{change}/cancel"), "/cancel")
    assert "Changes to" not in customer.get("/portal/services").text


def test_plans_that_are_too_small_say_what_to_reduce(frontend: Make) -> None:
    dns = frontend("dns")
    customer = visitor(dns, plan="business")
    dns.call("PUT", "/v1/services/zone/usage", {"zones": 7, "records": 900}, scope="host")
    page = customer.get(f"/portal/services/{customer.service_id()}/change").text
    assert "Basic is too small for what you use now" in page
    assert "Remove at least <strong>4</strong>" in page
    assert "Remove at least <strong>800</strong>" in page
    sent = customer.submit(
        customer.get(f"/portal/services/{customer.service_id()}/change/start"), "/quotes", plan="basic"
    )
    assert sent.url.path.endswith("/change/basic")
    assert "Continue" not in sent.text


@pytest.mark.parametrize(
    ("status", "says"), [("past_due", "has not been paid"), ("suspended", "Only an active service can change its plan")]
)
def test_the_button_says_why_it_may_not_be_used(frontend: Make, status: str, says: str) -> None:
    dns = frontend("dns")
    customer = visitor(dns)
    review = customer.review("start")
    service = {"customer": "zone", "plan": "basic", "cycle": "monthly", "currency": "USD", "status": status}
    dns.call("PUT", "/v1/services/zone", service | {"period_start": JULY, "period_end": AUGUST}, scope="host")
    refused = customer.submit(review, "/accept")
    assert refused.url.path == f"/portal/services/{customer.service_id()}"
    assert says in refused.text
    assert "disabled aria-describedby" in refused.text
    assert customer.changes() == []


def test_hosting_tells_why_it_does_not_shrink(frontend: Make) -> None:
    customer = hosting_customer(frontend, "web-l")
    page = customer.get(f"/portal/services/{customer.service_id()}/change").text
    assert "Plans cannot be made smaller" in page
    assert 'Select<span class="hidden"> Web S</span>' not in page


def test_another_category_is_a_request_to_staff_with_a_note(frontend: Make) -> None:
    customer = hosting_customer(frontend, "radio-100")
    plans = customer.get(f"/portal/services/{customer.service_id()}/change?category=vps").text
    assert "On request" in plans
    review = customer.review("vps-1")
    assert "Send a request to our staff" in review.text
    change = customer.submit(review, "/accept", note="A radio that needs a server").url.path
    customer.see(change, "Our staff are looking at your request")
    assert [change["status"] for change in customer.changes()] == ["awaiting_review"]


def test_a_note_arrives_however_it_was_typed(frontend: Make) -> None:
    """A browser counts 2,000 characters, and sends 49 more for its line breaks; a family is five."""
    customer = hosting_customer(frontend, "radio-100")
    note = "\r\n".join(["👨\u200d👩\u200d👧" + "x" * 31] + ["x" * 39] * 49)
    change = customer.submit(customer.review("vps-1"), "/accept", note=note).url.path
    page = customer.see(change, "Our staff are looking at your request").text
    assert f"You wrote: 👨👩👧{'x' * 31}\n{'x' * 39}\n" in page


def test_an_open_change_stands_in_the_way_of_a_second(frontend: Make) -> None:
    customer = visitor(frontend("dns"))
    first, second = customer.review("start"), customer.review("business")
    customer.see(customer.submit(first, "/accept").url.path, "Pay $3.73")
    blocked = customer.submit(second, "/accept")
    assert "already has an open change" in blocked.text
    assert "Basic → Start" in blocked.text
    assert len(customer.changes()) == 1


def test_every_page_shows_the_price_of_all_units(frontend: Make) -> None:
    """Five Basic for ¥2,500 a month; five Start are ¥6,000, both and 10 %. On 17 July 15 of 31 days: 2,903 - 1,210."""
    dns = frontend("dns")
    dns.new_service("zone", "basic", "JPY", "JP", (JULY, AUGUST), "monthly")
    five = {
        "customer": "zone",
        "plan": "basic",
        "cycle": "monthly",
        "currency": "JPY",
        "status": "active",
        "quantity": 5,
    }
    dns.call("PUT", "/v1/services/five", five | {"period_start": JULY, "period_end": AUGUST}, scope="host")
    dns.set_clock("2027-07-17T03:00:00Z")
    customer = Visitor(dns)
    path = f"/portal/services/{customer.service_id('five')}"
    for page in (customer.get("/portal/services"), customer.get(path)):
        assert '<strong>¥2,750</strong> <span class="muted">every month, tax included</span>' in page.text
        assert "5 × ¥500 = ¥2,500 before tax" in page.text
    for page in (customer.get(f"{path}/change"), customer.get(f"{path}/change/start")):
        assert '<strong>¥6,600</strong> <span class="muted">every month, tax included</span>' in page.text
        assert "5 × ¥1,200 = ¥6,000 before tax" in page.text
    assert "Zones</span> <strong>50</strong>" in customer.get(f"{path}/change").text
    assert "Total charge for today: <strong>¥1,862</strong>" in customer.get(f"{path}/change/start").text
    review = customer.review("start", "five")
    for text in ("-¥1,210", "¥2,903", "¥169", "¥1,862", "5 × ¥1,200 = ¥6,000", "the most that it costs"):
        assert text in review.text
    customer.submit(review, "/accept")
    [asked] = dns.call("GET", "/v1/plan-changes?service=five")["items"]
    change = dns.wait_for(asked["id"], "awaiting_payment")
    assert (change["to"]["plan"], change["quote"]["quantity"]) == ("start", 5)
    one = customer.get(f"/portal/services/{customer.service_id('zone')}/change").text
    assert "<strong>¥1,320</strong>" in one
    assert "¥1,200 before tax" in one
    assert "× ¥1,200" not in one


def test_what_the_total_was_rounded_by_stands_before_it(frontend: Make) -> None:
    """15 of 31 days of ¥210 are 101.61, with 25 % of tax 127.02: the lines of 102 and 26 are one too many."""
    dns = catalog_named("dns", "dns")
    prices = {"basic": 0, "start": 210, "business": 3000}
    rate = dns.tax.rates[0].model_copy(update={"percent": "25"})
    rounding = dns.policies.rounding.model_copy(update={"place": RoundingPlace.TOTAL})
    provider = frontend(
        "dns",
        plans=tuple(one.model_copy(update={"prices": {"monthly": {"JPY": prices[one.id]}}}) for one in dns.plans),
        tax=dns.tax.model_copy(update={"rates": (rate,)}),
        policies=dns.policies.model_copy(update={"rounding": rounding}),
    )
    provider.new_service("zone", "basic", "JPY", "JP", (JULY, AUGUST), "monthly")
    provider.set_clock("2027-07-17T03:00:00Z")
    customer = Visitor(provider)
    review = customer.review("start")
    customer.submit(review, "/accept")
    change = provider.wait_for(str(customer.changes()[0]["id"]), "awaiting_payment")
    invoice = customer.get(f"/portal/invoices/{change['invoice']['id']}")
    rounded = '<th scope="row">Rounding</th><td class="amount">-¥1</td>'
    for page in (review, invoice):
        for text in ("¥102", "¥26", rounded, "¥127"):
            assert text in page.text
