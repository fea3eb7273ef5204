"""Stories by calendar day, through HTTP, on the whole running stack, with dates in Tokyo and Buenos Aires."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support import loopback
from tests.support.client import ApiClient, Refused
from tests.support.waiting import until

Make = Callable[..., ApiClient]

# Midnights in Tokyo: 1 July, 1 August, 1 September 2027.
JULY, AUGUST, SEPTEMBER = "2027-06-30T15:00:00Z", "2027-07-31T15:00:00Z", "2027-08-31T15:00:00Z"
NOON_17_JULY = "2027-07-17T03:00:00Z"


def yen(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "JPY"}


def usd(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "USD"}


def dns_customer(make: Make, plan: str = "basic", currency: str = "JPY") -> ApiClient:
    dns = make("dns")
    country = "JP" if currency == "JPY" else "US"
    dns.new_service("zone", plan, currency, country, (JULY, AUGUST), "monthly")
    dns.set_clock(NOON_17_JULY)
    return dns


def quote_of(provider: ApiClient, plan: str, cycle: str = "monthly") -> dict[str, Any]:
    quote: dict[str, Any] = provider.call("POST", "/v1/quotes", {"service": "zone", "plan": plan, "cycle": cycle})
    return quote


def accept(provider: ApiClient, quote: dict[str, Any], key: str = "k1", **more: Any) -> str:
    to = quote["to"]
    return provider.request("zone", to["plan"], to["cycle"], key, {"quote": quote["id"], **more})


def balance(provider: ApiClient) -> int:
    credit = provider.call("GET", "/v1/customers/zone/balance")["credit"]
    return int(credit[0]["amount"])


def mails(provider: ApiClient, word: str) -> list[dict[str, Any]]:
    to = f"zone@{provider.provider}.invalid"
    answer = loopback.get(f"{provider.ready['mail']}/mails", params={"to": to})
    return [mail for mail in answer.json() if word in mail["subject"] + mail["text"]]


def test_upgrade_on_17_july_charges_15_of_31_days(frontend: Make) -> None:
    dns = dns_customer(frontend)
    quote = quote_of(dns, "business")
    # 15 of 31 days, the 17th included: 3000 × 15/31 = 1451.6, 500 × 15/31 = 241.9, tax 10 % of 1210.
    assert [line["amount"]["amount"] for line in quote["lines"]] == [-242, 1452, 121]
    assert quote["total_due_today"] == yen(1331)

    change_id = accept(dns, quote)
    waiting = dns.wait_for(change_id, "awaiting_payment")
    assert waiting["phase"] == "waiting_for_payment"
    assert waiting["payable_until"] == "2027-07-24T03:00:00Z"
    assert waiting["invoice"]["number"] is None
    assert [document["kind"] for document in waiting["invoice"]["documents"]] == ["proforma"]
    assert dns.hosted("zone")["plan"] == "basic"

    dns.pay(waiting)
    done = dns.wait_for(change_id, "applied")
    assert done["phase"] == "done"
    assert [move["to"] for move in done["timeline"]] == [
        "requested",
        "quoted",
        "invoiced",
        "awaiting_payment",
        "paid",
        "applying",
        "applied",
    ]
    assert dns.hosted("zone") == {
        "plan": "business",
        "limits": {"records": 10_000, "zones": 50},
        "usage": {},
        "generation": 1,
    }
    service = dns.call("GET", "/v1/services/zone")
    assert (service["plan"], service["price"], service["period_end"]) == ("business", yen(3000), AUGUST)
    invoice = dns.call("GET", f"/v1/invoices/{done['invoice']['id']}")
    assert invoice["number"].endswith("2027-000001")
    assert (invoice["net"], invoice["tax"], invoice["total"]) == (yen(1210), yen(121), yen(1331))
    pdf = dns.call("GET", f"/v1/invoices/{invoice['id']}/pdf")
    assert pdf.startswith(b"%PDF")


def test_downgrade_waits_for_the_renewal_and_is_billed_at_the_new_price(frontend: Make) -> None:
    dns = dns_customer(frontend, plan="business")
    quote = quote_of(dns, "start")
    assert (quote["effective"], quote["total_due_today"], quote["effective_at"]) == ("at_renewal", yen(0), AUGUST)
    change_id = accept(dns, quote)
    scheduled = dns.wait_for(change_id, "scheduled")
    assert scheduled["phase"] == "scheduled"
    assert dns.call("GET", "/v1/services/zone")["plan"] == "business"

    dns.set_clock(AUGUST)
    dns.wait_for(change_id, "applied")
    service = dns.call("GET", "/v1/services/zone")
    assert (service["plan"], service["period_start"], service["period_end"]) == ("start", AUGUST, SEPTEMBER)
    assert dns.hosted("zone")["plan"] == "start"
    [invoice] = dns.call("GET", "/v1/invoices?service=zone")["items"]
    # A renewal is supplied before it is paid: numbered at its issue. 1200 and 10 %.
    assert (invoice["number"][-6:], invoice["total"], invoice["status"]) == ("000001", yen(1320), "open")

    paying = until(lambda: _with_checkout(dns, invoice["id"]), "the renewal's checkout page")
    loopback.post(paying["checkout_url"], data={"outcome": "pay"}).raise_for_status()
    until(lambda: _settled(dns, invoice["id"]), "the renewal to be paid")


def test_a_downgrade_that_does_not_fit_at_the_renewal_keeps_the_plan_and_says_why(frontend: Make) -> None:
    dns = dns_customer(frontend, plan="start")
    change_id = accept(dns, quote_of(dns, "basic"))
    dns.wait_for(change_id, "scheduled")
    dns.call("PUT", "/v1/services/zone/usage", {"zones": 7, "records": 90}, scope="host")

    dns.set_clock("2027-07-25T15:00:00Z")
    until(lambda: mails(dns, "does not fit") or None, "the warning a week ahead")
    dns.set_clock(AUGUST)
    refused = dns.wait_for(change_id, "refused")
    assert refused["reason"] == "over_limit"
    assert refused["reason_details"]["limits"]["zones"] == {"used": 7, "limit": 3, "reduce_by": 4}
    service = dns.call("GET", "/v1/services/zone")
    assert (service["plan"], service["period_end"]) == ("start", SEPTEMBER)
    [invoice] = dns.call("GET", "/v1/invoices?service=zone")["items"]
    assert invoice["total"] == yen(1320)


def test_hosting_charges_the_plain_difference_in_mid_year(frontend: Make) -> None:
    hosting = frontend("hosting")
    year = ("2027-01-01T03:00:00Z", "2028-01-01T03:00:00Z")
    hosting.new_service("zone", "web-s", "USD", "AR", year, "annual")
    hosting.set_clock("2027-07-01T12:00:00Z")
    quote = quote_of(hosting, "web-m", "annual")
    assert quote["total_due_today"] == usd(5000)
    change_id = accept(hosting, quote)
    hosting.pay(hosting.wait_for(change_id, "awaiting_payment"))
    hosting.wait_for(change_id, "applied")
    service = hosting.call("GET", "/v1/services/zone")
    assert (service["plan"], service["price"], service["period_end"]) == ("web-m", usd(15000), year[1])


def test_hosting_refuses_a_downgrade_with_the_providers_reason(frontend: Make) -> None:
    hosting = frontend("hosting")
    hosting.new_service("zone", "web-l", "USD", "AR", ("2027-01-01T03:00:00Z", "2028-01-01T03:00:00Z"), "annual")
    hosting.set_clock("2027-07-01T12:00:00Z")
    change_id = hosting.request("zone", "web-s", "annual", "k1", {"accept_total": usd(0)})
    refused = hosting.wait_for(change_id, "refused")
    assert refused["reason"] == "downgrade_not_offered"
    assert "Cancel this service and order" in refused["reason_text"]
    assert hosting.hosted("zone")["plan"] == "web-l"


def test_hosting_takes_another_category_as_a_request_to_staff(frontend: Make) -> None:
    hosting = frontend("hosting")
    hosting.new_service("zone", "radio-100", "USD", "AR", ("2027-01-01T03:00:00Z", "2028-01-01T03:00:00Z"), "annual")
    hosting.set_clock("2027-07-01T12:00:00Z")
    options = hosting.call("GET", "/v1/services/zone/plan-options")
    assert options["manual_request"] is True
    quote = quote_of(hosting, "vps-1", "annual")
    change_id = accept(hosting, quote, note="A radio that needs a server")
    assert hosting.wait_for(change_id, "awaiting_review")["next_actions"] == ["cancel"]


def test_another_cycle_starts_a_new_period_today(frontend: Make) -> None:
    dns = dns_customer(frontend, plan="business")
    quote = quote_of(dns, "business", "annual")
    # A year in full, less 15 of 31 days of ¥3,000, and 10 %: 30000 - 1452 = 28548, 2855.
    assert quote["total_due_today"] == yen(28548 + 2855)
    change_id = accept(dns, quote)
    dns.pay(dns.wait_for(change_id, "awaiting_payment"))
    dns.wait_for(change_id, "applied")
    service = dns.call("GET", "/v1/services/zone")
    assert (service["cycle"], service["period_start"][:10], service["period_end"][:10]) == (
        "annual",
        "2027-07-17",
        "2028-07-17",
    )


def test_nothing_due_today_skips_the_payment_and_leaves_a_credit_note(frontend: Make) -> None:
    dns = frontend("dns")
    # A year of Start (¥12,000) that began yesterday, to Business by the month: the credit is larger than the price.
    dns.new_service("zone", "start", "JPY", "JP", ("2027-07-15T15:00:00Z", "2028-07-15T15:00:00Z"), "annual")
    dns.set_clock(NOON_17_JULY)
    quote = quote_of(dns, "business", "monthly")
    # 365 of 366 days of ¥12,000 back (11967), ¥3,000 for a month: -8967, tax -897.
    assert (quote["total"], quote["total_due_today"]) == (yen(-9864), yen(0))
    change_id = accept(dns, quote)
    done = dns.wait_for(change_id, "applied")
    assert "awaiting_payment" not in [move["to"] for move in done["timeline"]]
    assert (done["invoice"]["kind"], done["invoice"]["number"][-14:]) == ("credit_note", "CN-2027-000001")
    assert balance(dns) == 9864


def test_unpaid_for_a_week_expires_and_leaves_the_old_plan(frontend: Make) -> None:
    dns = dns_customer(frontend)
    change_id = accept(dns, quote_of(dns, "start"))
    waiting = dns.wait_for(change_id, "awaiting_payment")
    checkout = waiting["payment"]["checkout_url"]
    dns.set_clock("2027-07-24T03:00:00Z")
    expired = dns.wait_for(change_id, "expired")
    assert (expired["reason"], expired["invoice"]["status"]) == ("not_paid_in_time", "void")
    assert expired["invoice"]["number"] is None
    assert dns.hosted("zone")["plan"] == "basic"
    late = loopback.post(checkout, data={"outcome": "pay"})
    assert late.status_code == 409, "the payment is closed at the gateway"


def test_declined_then_paid_again(frontend: Make) -> None:
    dns = dns_customer(frontend)
    change_id = accept(dns, quote_of(dns, "start"))
    first = dns.wait_for(change_id, "awaiting_payment")["payment"]
    loopback.post(first["checkout_url"], data={"outcome": "decline"}).raise_for_status()
    until(lambda: _payment(dns, change_id, "failed"), "the decline to arrive")
    [told] = until(lambda: mails(dns, "was declined") or None, "the mail about it")
    assert "You can pay again until July 24, 2027" in told["text"]
    dns.call("POST", f"/v1/plan-changes/{change_id}/payments")
    second = until(lambda: _payment(dns, change_id, "open"), "a new checkout page")
    assert second["payment"]["checkout_url"] != first["checkout_url"]
    dns.pay(second)
    assert dns.wait_for(change_id, "applied")["invoice"]["status"] == "settled"


def test_cancel_closes_the_payment_and_frees_the_service(frontend: Make) -> None:
    dns = dns_customer(frontend)
    change_id = accept(dns, quote_of(dns, "start"))
    waiting = dns.wait_for(change_id, "awaiting_payment")
    assert dns.call("POST", f"/v1/plan-changes/{change_id}/cancel")["status"] == "canceled"
    until(lambda: _payment(dns, change_id, "canceled"), "the payment to be closed at the gateway")
    late = loopback.post(waiting["payment"]["checkout_url"], data={"outcome": "pay"})
    assert late.status_code == 409
    again = accept(dns, quote_of(dns, "business"), key="k2")
    dns.wait_for(again, "awaiting_payment")


def test_a_second_request_is_refused_unless_it_replaces(frontend: Make) -> None:
    dns = dns_customer(frontend)
    first = accept(dns, quote_of(dns, "start"))
    dns.wait_for(first, "awaiting_payment")
    better = quote_of(dns, "business")
    with pytest.raises(Refused, match="change_open"):
        accept(dns, better, key="k2")
    second = accept(dns, better, key="k3", replace=True)
    assert dns.wait_for(first, "superseded")["invoice"]["status"] == "void"
    dns.pay(dns.wait_for(second, "awaiting_payment"))
    dns.wait_for(second, "applied")
    assert dns.hosted("zone")["plan"] == "business"


def test_money_that_comes_after_the_cancel_is_credit_and_pays_the_next_change(frontend: Make) -> None:
    dns = dns_customer(frontend)
    loopback.put(f"{dns.ready['gateway']}/_knobs/{dns.provider}", json={"pay_late": True})
    change_id = accept(dns, quote_of(dns, "business"))
    waiting = dns.wait_for(change_id, "awaiting_payment")
    dns.call("POST", f"/v1/plan-changes/{change_id}/cancel")
    loopback.post(waiting["payment"]["checkout_url"], data={"outcome": "pay"}).raise_for_status()
    until(lambda: balance(dns) or None, "the late payment to become credit")
    assert balance(dns) == 1331
    until(lambda: mails(dns, "came too late") or None, "the mail about it")

    quote = quote_of(dns, "business")
    assert (quote["credit_applied"], quote["total_due_today"]) == (yen(1331), yen(0))
    paid_by_credit = accept(dns, quote, key="k2")
    assert dns.wait_for(paid_by_credit, "applied")["payment"] is None
    assert balance(dns) == 0


def test_mails_tell_of_the_payment_and_of_the_new_plan(frontend: Make) -> None:
    dns = dns_customer(frontend, currency="USD")
    change_id = accept(dns, quote_of(dns, "start"))
    dns.pay(dns.wait_for(change_id, "awaiting_payment"))
    dns.wait_for(change_id, "applied")

    def both() -> list[str] | None:
        subjects = sorted({mail["subject"] for mail in mails(dns, "")})
        return subjects if len(subjects) == 2 else None

    assert until(both, "two mails") == [
        "Please pay $3.39 for your change to Start",
        "zone now has the plan Start",
    ]


def _with_checkout(provider: ApiClient, invoice_id: str) -> dict[str, Any] | None:
    invoice: dict[str, Any] = provider.call("GET", f"/v1/invoices/{invoice_id}")
    return invoice if invoice["checkout_url"] else None


def _settled(provider: ApiClient, invoice_id: str) -> bool | None:
    return provider.call("GET", f"/v1/invoices/{invoice_id}")["status"] == "settled" or None


def _payment(provider: ApiClient, change_id: str, status: str) -> dict[str, Any] | None:
    change: dict[str, Any] = provider.call("GET", f"/v1/plan-changes/{change_id}")
    return change if change["payment"]["status"] == status else None


def test_an_unpaid_renewal_blocks_changes_until_it_is_paid(frontend: Make) -> None:
    dns = dns_customer(frontend, plan="start")
    dns.set_clock(AUGUST)
    invoice = until(lambda: _first_with_checkout(dns), "the renewal's checkout page")
    dns.set_clock("2027-08-08T15:00:00Z")
    until(lambda: _is(dns, "past_due"), "the service to be past due")
    with pytest.raises(Refused, match="service_past_due"):
        quote_of(dns, "business")
    loopback.post(invoice["checkout_url"], data={"outcome": "pay"}).raise_for_status()
    until(lambda: _is(dns, "active"), "the service to be active again")
    assert quote_of(dns, "business")["kind"] == "upgrade"


def _first_with_checkout(provider: ApiClient) -> dict[str, Any] | None:
    invoices = provider.call("GET", "/v1/invoices?service=zone")["items"]
    return invoices[0] if invoices and invoices[0]["checkout_url"] else None


def _is(provider: ApiClient, status: str) -> bool | None:
    return provider.call("GET", "/v1/services/zone")["status"] == status or None
