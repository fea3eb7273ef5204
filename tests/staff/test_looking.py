"""What waits for a person, what a number or a name leads to, and what the pages say of a change."""

from __future__ import annotations

import re
from collections.abc import Callable

from domain import next_steps
from domain.lifecycle import AttemptStatus, InboxStatus, RefundStatus, Status
from tests.conftest import catalog_named
from tests.staff.person import Person, asked
from tests.support import loopback
from tests.support.client import AUGUST, JULY, ApiClient
from web.staff.pages import path_of

Make = Callable[..., ApiClient]
SCRIPT = "<script>alert(1)</script>"


def test_every_state_that_waits_for_people_is_listed() -> None:
    """engine/operators/waiting.py lists changes by their table, the others as rows given up, undecided or poisoned."""
    waiting = {table.machine: table.waits_for(next_steps.PEOPLE) for table in next_steps.TABLES}
    assert {machine: states for machine, states in waiting.items() if states} == {
        "plan change": {Status.INVOICED, Status.AWAITING_REVIEW, Status.STUCK},
        "payment attempt": {AttemptStatus.FAILED},
        "refund": {RefundStatus.FAILED},
        "inbox event": {InboxStatus.POISON, InboxStatus.DEAD},
    }


def test_what_may_be_decided_is_what_the_machine_has() -> None:
    decisions = {status: next_steps.decisions(status) for status in Status}
    assert decisions[Status.AWAITING_REVIEW] == ("approve", "reject", "cancel")
    assert decisions[Status.STUCK] == ("retry", "compensate")
    assert decisions[Status.SCHEDULED] == ("cancel",)
    assert decisions[Status.APPLIED] == ()


def test_a_posting_leads_to_what_it_is_about() -> None:
    # Credit that has come pays the same change now, and another bill later: the source says which credit it was.
    assert path_of("chg_1:42") == path_of("chg_1") == "/staff/changes/chg_1"
    assert path_of("ltx_1") is None


def unmatched(hosting: ApiClient, line: str, amount: int = 5_000) -> None:
    """Money on the bank's statement that names no invoice."""
    body = {"line": line, "amount": {"amount": amount, "currency": "USD"}, "paid_at": "2027-07-01T00:00:00Z"}
    decision = {"actor": "ana", "reason": "statement"}
    hosting.call("POST", "/v1/payments", body | decision, scope="ops")


def test_what_waits_is_listed_oldest_first(frontend: Make) -> None:
    hosting = frontend("hosting")
    asked(hosting, "first", note="Please before Friday: the fair opens.")
    person = Person(hosting)
    unmatched(hosting, "2027-07-01/4")
    person.see("/", "Unmatched money")
    asked(hosting, "second")
    page = person.see("/", "Customer of second").text
    assert [page.index(one) for one in ("Customer of first", "Unmatched money", "Customer of second")] == sorted(
        page.index(one) for one in ("Customer of first", "Unmatched money", "Customer of second")
    )
    assert "Please before Friday: the fair opens." in page
    assert "$50.00" in page
    assert re.search(r'class="count">3<', page)


def test_a_stuck_change_says_why(frontend: Make) -> None:
    dns = frontend("dns")
    dns.new_service("zone", "basic", "JPY", "JP", (JULY, AUGUST), "monthly")
    dns.set_clock("2027-07-17T03:00:00Z")
    loopback.put(
        f"{dns.ready['host']}/_knobs/{dns.provider}", json={"refuse": "no room in this rack"}
    ).raise_for_status()
    change_id = dns.request("zone", "start", "monthly", "up", {"accept_total": {"amount": 373, "currency": "JPY"}})
    checkout = dns.wait_for(change_id, "awaiting_payment")["payment"]["checkout_url"]
    loopback.post(checkout, data={"outcome": "pay"}).raise_for_status()
    stuck = dns.wait_for(change_id, "stuck")
    person = Person(dns)
    assert f"/staff/changes/{change_id}" in person.get("/").text
    page = person.get(f"/changes/{change_id}").text
    assert "waits for the operator" in page
    for said in (stuck["reason_text"], "373 JPY", "clearing:standard", stuck["invoice"]["number"], "Payment requested"):
        assert said in page
    # The way: from the change to its invoice and the invoice's document, to the payment and its event.
    invoice = person.see(f"/invoices/{stuck['invoice']['id']}", "Invoice as PDF")
    assert person.http.get(f"{invoice.url.path}/invoice.pdf").content.startswith(b"%PDF-")
    payment = person.get(re.findall(r"/staff/payments/mny_\w+", invoice.text)[0])
    event = person.get(re.findall(r"/staff/events/evt_\w+", payment.text)[0])
    assert "payment.succeeded" in event.text


def test_whatever_a_person_has_in_hand_leads_to_the_page(frontend: Make) -> None:
    hosting = frontend("hosting")
    change_id = asked(hosting, name="Radio Núñez", email="caja@nunez.example")
    person = Person(hosting)
    assert person.search(f" {change_id} ").url.path == f"/staff/changes/{change_id}"
    assert person.search("ask-radio").url.path == f"/staff/changes/{change_id}"
    for text in ("núñez", "CAJA@nunez", "nunez.example", "Nú", "adio n"):  # of a short one, the beginning of a word
        page = person.search(text)
        assert page.url.path.startswith("/staff/customers/cus_"), text
        assert "Radio Núñez" in page.text
    both = person.search("radio")  # the service's reference, the customer's, and the name
    assert "Services" in both.text
    assert "Customers" in both.text
    for nothing in ("%", "_", "%%%", "radio_", "úñ", "zzz", "chg_1", ""):
        assert person.search(nothing).url.path == "/staff/search", nothing
    assert "Nothing is known by this" in person.search("%").text


def test_numbers_and_names_at_the_gateway_are_found(frontend: Make) -> None:
    dns = frontend("dns")
    dns.new_service("zone", "basic", "JPY", "JP", (JULY, AUGUST), "monthly")
    dns.set_clock("2027-07-17T03:00:00Z")
    change_id = dns.request("zone", "start", "monthly", "up", {"accept_total": {"amount": 373, "currency": "JPY"}})
    payment = dns.wait_for(change_id, "awaiting_payment")["payment"]
    loopback.post(payment["checkout_url"], data={"outcome": "pay"}).raise_for_status()
    invoice = dns.wait_for(change_id, "applied")["invoice"]
    person = Person(dns)
    own = f"/staff/invoices/{invoice['id']}"
    assert person.search(invoice["number"].lower()).url.path == own
    assert person.search(payment["id"]).url.path == f"/staff/changes/{change_id}"
    [moved] = dns.call("GET", "/v1/payments", scope="ops")["items"]
    assert person.search(moved["id"]).url.path == f"/staff/payments/{moved['id']}"
    assert f"/staff/payments/{moved['id']}" in person.search(moved["gateway_object"]).text


def test_nothing_that_others_write_is_taken_for_html(frontend: Make) -> None:
    hosting = frontend("hosting")
    change_id = asked(hosting, note=SCRIPT, name=SCRIPT, address=SCRIPT, tax_id="<b>1</b>")
    unmatched(hosting, SCRIPT)
    person = Person(hosting, name=SCRIPT)
    person.see("/", "Unmatched money")
    first = person.get("/")
    pages = [first, person.get(f"/changes/{change_id}"), person.get("/money"), person.search(SCRIPT)]
    pages += [person.get(path) for path in set(re.findall(r"/staff/(?:customers|services|payments)/\w+", first.text))]
    pages += [person.get(path) for path in set(re.findall(r"/staff/events/\w+", "".join(p.text for p in pages)))]
    assert len(pages) >= 8
    # 60 kB at most for a page with all that it brings, as on the portal.
    dress = [person.http.get(path) for path in set(re.findall(r"/[\w/]+\.(?:css|svg)", first.text))]
    assert {answer.status_code for answer in dress} == {200}
    assert sum(len(one.content) for one in dress) + max(len(page.content) for page in pages) < 60_000
    for page in pages:
        assert page.status_code == 200
        assert "<script" not in page.text, page.url
        assert "<b>1" not in page.text
        assert "&lt;script&gt;alert(1)" in page.text, page.url


def test_tax_that_prices_hold_is_said_once(frontend: Make) -> None:
    """From Start to Business on 17 July, 15 of 31 days: ¥1,452 less ¥581 are ¥871, of which ¥79 are tax."""
    tax = catalog_named("dns", "dns").tax.model_copy(update={"prices": "inclusive"})
    dns = frontend("dns", tax=tax)
    dns.new_service("zone", "start", "JPY", "JP", (JULY, AUGUST), "monthly")
    dns.set_clock("2027-07-17T03:00:00Z")
    change = dns.request("zone", "business", "monthly", "k", {"accept_total": {"amount": 871, "currency": "JPY"}})
    dns.wait_for(change, "awaiting_payment")
    page = Person(dns).get(f"/changes/{change}").text
    assert "contained in the prices above" not in page
    assert page.count("in the prices above") == 1
