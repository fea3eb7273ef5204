"""What staff decide on the pages: once, with who and why, and only with a form of their own visit."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from models.audit import actions_of
from models.database import transaction
from models.provider import provider_by_slug
from tests.staff.person import NEXT_JANUARY, Person, asked
from tests.support import loopback
from tests.support.client import AUGUST, JULY, ApiClient, is_problem
from tests.support.gateway_money import refund_at_the_gateway
from tests.support.waiting import until

Make = Callable[..., ApiClient]


def actions(frontend: ApiClient) -> list[tuple[str, str, str]]:
    """What staff did, oldest first: action, actor, reason."""
    with transaction() as session:
        provider = provider_by_slug(session, frontend.provider)
        assert provider is not None
        rows = session.scalars(actions_of(provider.id))
        return [(row.action, row.actor, row.reason) for row in rows if row.reason != "nobody said why"][::-1]


def pay(frontend: ApiClient, change_id: str) -> None:
    checkout = frontend.wait_for(change_id, "awaiting_payment")["payment"]["checkout_url"]
    loopback.post(checkout, data={"outcome": "pay"}).raise_for_status()


def stuck(dns: ApiClient) -> str:
    """A paid change that the host refuses, 373 yen; from now on it would say yes."""
    dns.new_service("zone", "basic", "JPY", "JP", (JULY, AUGUST), "monthly")
    dns.set_clock("2027-07-17T03:00:00Z")
    knobs = f"{dns.ready['host']}/_knobs/{dns.provider}"
    loopback.put(knobs, json={"refuse": "no room"}).raise_for_status()
    change_id = dns.request("zone", "start", "monthly", "up", {"accept_total": {"amount": 373, "currency": "JPY"}})
    pay(dns, change_id)
    dns.wait_for(change_id, "stuck")
    loopback.put(knobs, json={}).raise_for_status()
    return change_id


def test_approved_at_a_price_of_its_own_it_renews_at_that_price(frontend: Make) -> None:
    """VPS 1 costs 250 a year and staff agree to 200: less the 80 that were paid for Radio 100, 120 are due."""
    hosting = frontend("hosting")
    change_id = asked(hosting)
    person = Person(hosting)
    page = person.get(f"/changes/{change_id}")
    done = person.submit(page, "/approve", reason="customer since 2019", unit_price="200.00")
    assert "Approved. The change goes on." in done.text
    pay(hosting, change_id)
    change = hosting.wait_for(change_id, "applied")
    assert change["quote"]["total_due_today"] == {"amount": 12_000, "currency": "USD"}
    assert change["quote"]["next_renewal"] == {"at": NEXT_JANUARY, "amount": {"amount": 20_000, "currency": "USD"}}
    assert hosting.call("GET", "/v1/services/radio")["price"] == {"amount": 20_000, "currency": "USD"}
    [approved] = [move for move in change["timeline"] if move["event"] == "approve"]
    assert (approved["actor"], approved["reason"]) == ("operator:Ana", "customer since 2019")
    assert actions(hosting) == [("change.price", "Ana", "customer since 2019")]
    shown = person.get(f"/changes/{change_id}").text
    assert "customer since 2019" in shown
    assert "What you can do" not in shown
    assert hosting.hosted("radio")["plan"] == "vps-1"


@pytest.mark.parametrize(
    ("price", "says"),
    [
        ("250.01", "agree to that or to less"),
        ("-1", "agree to that or to less"),
        ("12.345", "at most 2 decimals"),
        ("x", "digits"),
    ],
)
def test_a_price_that_nobody_accepted_is_refused(frontend: Make, price: str, says: str) -> None:
    hosting = frontend("hosting")
    change_id = asked(hosting)
    person = Person(hosting)
    answer = person.submit(person.get(f"/changes/{change_id}"), "/approve", reason="why not", unit_price=price)
    assert answer.status_code == 422
    assert says in answer.text
    assert f'href="/staff/changes/{change_id}"' in answer.text
    assert hosting.call("GET", f"/v1/plan-changes/{change_id}")["status"] == "awaiting_review"
    assert actions(hosting) == []


def test_rejected_the_customer_reads_why(frontend: Make) -> None:
    hosting = frontend("hosting")
    change_id = asked(hosting)
    person = Person(hosting)
    page = person.get(f"/changes/{change_id}")
    person.submit(page, "/reject", reason="No space in this rack.")
    change = hosting.call("GET", f"/v1/plan-changes/{change_id}")
    assert (change["status"], change["reason_text"]) == ("refused", "No space in this rack.")
    # The page that was open all the while cannot decide it a second time.
    late = person.submit(page, "/approve", reason="after all")
    assert late.status_code == 409
    assert "is refused; only a change that is awaiting_review can be decided" in late.text


def test_a_stuck_change_is_tried_again(frontend: Make) -> None:
    dns = frontend("dns")
    change_id = stuck(dns)
    person = Person(dns)
    person.submit(person.get(f"/changes/{change_id}"), "/retry", reason="there is room again")
    assert dns.wait_for(change_id, "applied")["timeline"][-2]["reason"] == "there is room again"
    assert "Nothing waits for a person" in person.get("/").text


def test_a_stuck_change_is_taken_back_once(frontend: Make) -> None:
    dns = frontend("dns")
    change_id = stuck(dns)
    person = Person(dns)
    page = person.get(f"/changes/{change_id}")
    for _ in range(2):  # a double click sends the same form twice
        answer = person.submit(page, "/compensate", reason="they changed their mind")
        assert "Taken back. The money is account credit." in answer.text
    assert dns.wait_for(change_id, "compensated")["timeline"][-1]["actor"] == "operator:Ana"
    assert dns.call("GET", "/v1/customers/zone/balance")["credit"] == [{"amount": 373, "currency": "JPY"}]


def test_a_change_is_canceled_for_the_customer(frontend: Make) -> None:
    hosting = frontend("hosting")
    change_id = asked(hosting)
    person = Person(hosting)
    person.submit(person.get(f"/changes/{change_id}"), "/cancel", reason="asked by telephone")
    assert hosting.call("GET", f"/v1/plan-changes/{change_id}")["status"] == "canceled"
    assert actions(hosting) == [("change.cancel", "Ana", "asked by telephone")]
    assert "asked by telephone" in person.get(f"/changes/{change_id}").text


def test_a_renewals_money_that_went_back_is_decided_at_its_invoice(frontend: Make) -> None:
    """¥550 were paid for August; ¥100 of it go back, and are our loss, and then the rest, which is owed again."""
    dns = frontend("dns")
    dns.new_service("zone", "basic", "JPY", "JP", (JULY, AUGUST), "monthly")
    dns.set_clock(AUGUST)

    def payable() -> tuple[str, str] | None:
        items = dns.call("GET", "/v1/invoices?service=zone")["items"]
        return (items[0]["id"], items[0]["checkout_url"]) if items and items[0]["checkout_url"] else None

    invoice_id, checkout = until(payable, "the renewal's checkout page")
    resource, person = f"/v1/invoices/{invoice_id}", Person(dns)
    owe = {"decision": "owe", "actor": "ben", "reason": "agreed"}
    is_problem(dns.send("POST", f"{resource}/returns", owe, "ops"), 409, "nothing_returned")
    loopback.post(checkout, data={"outcome": "pay"}).raise_for_status()
    until(lambda: dns.call("GET", resource)["status"] == "settled", "the payment")
    refund_at_the_gateway(dns.provider, checkout, 100)
    page = person.see(f"/invoices/{invoice_id}", "Decide about ¥100 that went back")
    assert f"/staff/invoices/{invoice_id}" in person.get("/").text
    assert "Choose who bears the loss." in person.submit(page, "/returns", decision="burn", reason="no").text
    for _ in range(2):  # a double click sends the same form twice
        decided = person.submit(page, "/returns", decision="keep", reason="by goodwill").text
        assert "Decided." in decided
    assert "Went back, undecided" not in decided
    assert f"/staff/invoices/{invoice_id}" not in person.get("/").text

    refund_at_the_gateway(dns.provider, checkout, 450, key="the rest")
    person.see(f"/invoices/{invoice_id}", "Decide about ¥450 that went back")
    is_problem(dns.send("POST", f"{resource}/returns", owe), 403, "missing_scope")
    view = dns.call("POST", f"{resource}/returns", owe, scope="ops")
    assert (view["status"], view["amount_due"]) == ("settled", {"amount": 450, "currency": "JPY"})
    assert actions(dns) == [("returns.decide", "Ana", "by goodwill"), ("returns.decide", "ben", "agreed")]


def test_a_decision_needs_a_reason_and_the_form_of_its_visit(frontend: Make) -> None:
    hosting = frontend("hosting")
    change_id = asked(hosting)
    person, other = Person(hosting, "Ana"), Person(hosting, "Ben")
    form = person.form(person.get(f"/changes/{change_id}"), "/approve")
    foreign = other.form(other.get(f"/changes/{change_id}"), "/approve").values["csrf"]
    decisions = ("approve", "reject", "retry", "compensate", "cancel", "returns")
    paths = [f"/staff/changes/{change_id}/{decision}" for decision in decisions]
    paths.append("/staff/invoices/inv_1/returns")
    for path in (*paths, "/staff/rows/inv_1/again", "/staff/mails/msg_1/again", "/staff/payments/mny_1/refund"):
        for csrf in ("", "0" * 64, foreign):
            answer = person.http.post(path, data=form.values | {"csrf": csrf, "reason": "because"})
            assert answer.status_code == 403, path
            assert "Nothing was done" in answer.text
        for reason in ("", "  ", "x" * 501, "a\u202eb"):
            answer = person.http.post(path, data=form.values | {"reason": reason})
            assert answer.status_code == 422, path
            assert "Write why" in answer.text
        assert person.http.post(path, data=form.values | {"key": "", "reason": "because"}).status_code == 422
    assert hosting.call("GET", f"/v1/plan-changes/{change_id}")["status"] == "awaiting_review"


def test_another_providers_staff_decide_nothing(frontend: Make) -> None:
    hosting = frontend("hosting")
    change_id = asked(hosting)
    own, other = Person(hosting), Person(frontend("dns"))
    form = own.form(own.get(f"/changes/{change_id}"), "/approve").values
    csrf = other.form(other.get("/"), "/sign-out").values["csrf"]
    for decision in ("approve", "reject", "retry", "compensate", "cancel", "returns"):
        path = f"/staff/changes/{change_id}/{decision}"
        sent = {"csrf": csrf, "reason": "ours", "key": decision, "decision": "keep"}
        answer = other.http.post(path, data=form | sent)
        assert answer.status_code == 404, decision
    assert hosting.call("GET", f"/v1/plan-changes/{change_id}")["status"] == "awaiting_review"


def test_a_mail_is_sent_again_to_the_new_address(frontend: Make) -> None:
    dns = frontend("dns")
    change_id = stuck(dns)
    person = Person(dns)
    page = person.see(f"/changes/{change_id}", "Send again")
    customer = dns.call("GET", "/v1/customers/zone", scope="host")
    new = {name: customer[name] for name in ("name", "country", "address")} | {"email": "new@zone.invalid"}
    dns.call("PUT", "/v1/customers/zone", new, scope="host")
    [form] = set(re.findall(r"/staff/mails/msg_\w+/again", page.text))
    answer = person.submit(page, form, reason="they lost it")
    assert "The mail is sent again." in answer.text
    mails = person.see(f"/changes/{change_id}", "new@zone.invalid").text
    assert "mail: resend" in mails

    def arrived() -> list[Any] | None:
        kept = loopback.get(f"{dns.ready['mail']}/mails", params={"to": "new@zone.invalid"})
        return kept.json() or None

    assert len(until(arrived, "the mail at its new address")) == 1


def test_the_api_takes_the_same_price(frontend: Make) -> None:
    hosting = frontend("hosting")
    change_id = asked(hosting)
    body = {"actor": "ana", "reason": "since 2019", "unit_price": {"amount": 25_001, "currency": "USD"}}
    is_problem(hosting.send("POST", f"/v1/plan-changes/{change_id}/approve", body, "ops"), 422, "price_not_agreeable")
    body["unit_price"] = {"amount": 20_000, "currency": "USD"}
    hosting.call("POST", f"/v1/plan-changes/{change_id}/approve", body, scope="ops")
    assert hosting.wait_for(change_id, "awaiting_payment")["quote"]["total_due_today"]["amount"] == 12_000
