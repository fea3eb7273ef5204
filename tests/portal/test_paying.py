"""Paying: the checkout opens by itself, once; the page follows what happens, and says what is so."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.portal.visitor import AUGUST, Visitor, visitor
from tests.support import loopback
from tests.support.client import ApiClient
from tests.support.waiting import until

Make = Callable[..., ApiClient]


def checkout_of(customer: Visitor) -> str:
    def opened() -> str | None:
        change = customer.frontend.call("GET", f"/v1/plan-changes/{customer.changes()[0]['id']}")
        return (change["payment"] or {}).get("checkout_url")

    return until(opened, "the checkout")


def press(checkout: str, outcome: str) -> None:
    loopback.post(checkout, data={"outcome": outcome}).raise_for_status()


def leads_to(page: httpx.Response) -> str | None:
    """Where the page goes by itself."""
    _, found, rest = page.text.partition('<meta http-equiv="refresh" content="0; url=')
    return rest.partition('"')[0] if found else None


def submitted(make: Make) -> tuple[Visitor, str, str]:
    """A customer who has pressed Submit and pay; the page, and the checkout, which is open by now."""
    customer = visitor(make("dns"))
    review = customer.review("start").url.path
    page = customer.submit(customer.get(review), "/accept").url.path
    return customer, page, checkout_of(customer)


def test_submit_and_pay_leads_to_the_checkout_once(frontend: Make) -> None:
    customer = visitor(frontend("dns"))
    review = customer.review("start")
    page = customer.submit(review, "/accept")
    checkout = checkout_of(customer)
    # Where the page was faster than the gateway, the next look finds the way.
    first = page if leads_to(page) else customer.get(page.url.path)
    assert leads_to(first) == checkout
    assert "You are being taken to the payment page" in first.text
    assert "<noscript><meta" not in first.text
    # A reload, a second tab, the way back, and the review that was submitted: they stay, and ask for the payment.
    for path in (first.url.path, f"/portal/changes/{customer.changes()[0]['id']}", review.url.path):
        again = customer.get(path)
        assert again.url.path == first.url.path
        assert leads_to(again) is None
        assert "Please pay $3.73" in again.text
    assert len(customer.changes()) == 1


def test_who_stopped_the_updates_is_not_led_away(frontend: Make) -> None:
    customer, page, _ = submitted(frontend)
    assert leads_to(customer.get(f"{customer.get(page + '?updates=off').url.path}?updates=off")) is None


def test_the_wish_to_pay_one_change_leads_from_no_other_page(frontend: Make) -> None:
    customer, _, _ = submitted(frontend)
    customer.http.cookies.set("planshift_pay", "chg_0another", path="/portal")
    page = customer.get(f"/portal/changes/{customer.changes()[0]['id']}")
    assert leads_to(page) is None


def test_pay_again_leads_to_the_new_checkout(frontend: Make) -> None:
    customer, page, checkout = submitted(frontend)
    assert "did not go through" not in customer.see(page, "Pay $3.73").text, "nobody has tried yet"
    press(checkout, "decline")
    declined = customer.see(page, "did not go through")
    with ThreadPoolExecutor(2) as threads:  # pressed twice
        list(threads.map(lambda _: customer.submit(declined, "/payments"), range(2)))
    again = until(lambda: found if (found := checkout_of(customer)) != checkout else None, "the new checkout")
    customer.submit(declined, "/payments")
    press(again, "pay")
    customer.see(page, "Your plan is now Start")
    attempts = customer.frontend.call("GET", f"/v1/plan-changes/{customer.changes()[0]['id']}")["timeline"]
    assert len([move for move in attempts if move["to"] == "paid"]) == 1


def test_after_the_return_the_page_looks_once_a_second(frontend: Make) -> None:
    customer, page, _ = submitted(frontend)
    invoice = customer.see(page, "Please pay $3.73")
    assert '<noscript><meta http-equiv="refresh" content="5">' in invoice.text
    returned = customer.get(f"{invoice.url.path}?returned=yes")
    assert '<noscript><meta http-equiv="refresh" content="1">' in returned.text
    assert "This page looks for news every second." in returned.text
    assert leads_to(returned) is None


def test_canceled_twice_is_canceled_and_can_be_started_again(frontend: Make) -> None:
    customer, page, _ = submitted(frontend)
    ask = customer.get(f"/portal/changes/{customer.changes()[0]['id']}/cancel")
    customer.see(page, "Download PDF")
    for _ in range(2):
        canceled = customer.submit(ask, "/cancel")
        assert "This change is canceled. You keep Basic." in canceled.text
        assert "gone too far" not in canceled.text
        assert "Start again" in canceled.text
        # The proforma of a void invoice is nothing to pay by.
        assert "Download PDF" not in canceled.text
        assert customer.get(f"{canceled.url.path}/pdf").status_code == 404


def test_a_request_that_expired_can_be_started_again(frontend: Make) -> None:
    customer, page, _ = submitted(frontend)
    customer.see(page, "Pay $3.73")
    customer.frontend.set_clock("2027-07-24T03:00:01Z")
    expired = customer.see(page, "has expired. You keep Basic, and nothing was charged.")
    assert "did not go through" not in expired.text
    assert "Start again" in expired.text


def test_news_comes_when_the_payment_does(frontend: Make) -> None:
    customer, page, checkout = submitted(frontend)
    customer.see(page, "Download PDF")  # which may lead out; the next one stays
    followed = customer.get(page).text.partition('data-news="')[2].partition('"')[0]
    with customer.http.stream("GET", followed, timeout=30) as news:
        assert news.headers["content-type"].startswith("text/event-stream")
        press(checkout, "pay")
        first = next(line for line in news.iter_lines() if line.startswith("id:"))
    customer.see(page, "Your plan is now Start")
    customer.see(page, "Download PDF")
    last = followed.partition("=")[0] + "=0"
    with customer.http.stream("GET", last, timeout=30) as news:
        lines = list(news.iter_lines())  # the stream ends by itself, since nothing will follow
    newest = max(int(line.partition(":")[2]) for line in lines if line.startswith("id:"))
    # The plan may have changed before the first news was read; either way it is of more than the page had shown.
    assert int(followed.partition("=")[2]) < int(first.partition(":")[2]) <= newest
    assert customer.get(followed.partition("=")[0] + f"={newest}").status_code == 204


def test_a_renewals_page_follows_too_and_nobody_elses(frontend: Make) -> None:
    dns = frontend("dns")
    customer = visitor(dns)
    dns.new_service("other", "basic", "USD", "JP", ("2027-07-31T15:00:00Z", "2027-08-31T15:00:00Z"), "monthly")
    dns.set_clock(AUGUST)
    customer.see(f"/portal/services/{customer.service_id()}", "September 1, 2027")
    [invoice] = dns.call("GET", "/v1/invoices?service=zone")["items"]
    page = customer.see(f"/portal/invoices/{invoice['id']}", "Please pay $5.50")
    followed = page.text.partition('data-news="')[2].partition('"')[0]
    assert followed.startswith(f"/portal/news/{invoice['id']}?seen=")
    with customer.http.stream("GET", followed, timeout=30) as news:
        press(dns.call("GET", f"/v1/invoices/{invoice['id']}")["checkout_url"], "pay")
        assert next(line for line in news.iter_lines() if line.startswith("id:"))
    other = Visitor(dns, "other")
    assert other.get(followed).status_code == 404
    assert loopback.get(f"{dns.ready['api']}{followed}").status_code == 401


def test_the_page_says_that_credit_which_came_has_paid(frontend: Make) -> None:
    customer = visitor(frontend("dns"))
    customer.submit(customer.review("business"), "/accept")
    checkout = checkout_of(customer)
    dns = customer.frontend
    loopback.put(f"{dns.ready['gateway']}/_knobs/{dns.provider}", json={"pay_late": True})
    accepted = {"accept_total": {"amount": 373, "currency": "USD"}, "replace": True}
    second = dns.request("zone", "start", "monthly", "instead", accepted)
    dns.wait_for(second, "awaiting_payment")
    press(checkout, "pay")  # Business's $13.31, of which Start takes $3.73
    page = customer.see(f"/portal/changes/{second}", "Your plan is now Start")
    assert "Your account credit has paid $3.73 of this." in page.text
