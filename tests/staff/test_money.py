"""Money on the staff pages: matched, refunded, recorded, and decided about when it failed."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.staff.person import Person, asked
from tests.support.client import ApiClient
from tests.support.waiting import until

Make = Callable[..., ApiClient]


def recorded(person: Person, line: str, amount: str, invoice: str = "") -> None:
    values = {"line": line, "amount": amount, "currency": "USD", "paid_on": "2027-07-01", "invoice": invoice}
    page = person.submit(person.get("/money"), "/record", reason="bank statement", **values)
    assert "The money is recorded." in page.text


def payment_of(person: Person, amount: str) -> str:
    """The page of the unmatched payment, once what was recorded is processed."""

    def listed() -> str | None:
        unmatched = person.get("/money").text.partition("Money at the bank")[0]
        found = re.search(r"/staff/payments/mny_\w+", unmatched)
        return found.group() if found and amount in unmatched else None

    return until(listed, f"{amount} to be unmatched")


def approved(hosting: ApiClient, person: Person) -> tuple[str, str]:
    """A change that 170 dollars are asked for, and its invoice."""
    change_id = asked(hosting)
    person.submit(person.get(f"/changes/{change_id}"), "/approve", reason="there is room")
    return change_id, hosting.wait_for(change_id, "awaiting_payment")["invoice"]["id"]


def test_money_that_came_by_bank_is_matched_and_settles_the_change(frontend: Make) -> None:
    hosting = frontend("hosting")
    person = Person(hosting)
    change_id, invoice = approved(hosting, person)
    recorded(person, "2027-07-01/1", "170.00")
    payment = payment_of(person, "$170.00")
    assert payment in person.get("/").text
    page = person.get(payment)
    for wrong in ("inv_1", "H-2027-1", ""):
        assert person.submit(page, "/match", reason="they wrote", invoice=wrong, key=f"k{wrong}").status_code == 404
    assert "The money is matched." in person.submit(page, "/match", reason="they wrote", invoice=invoice).text
    hosting.wait_for(change_id, "applied")
    assert "Nothing waits for a person" in person.get("/").text
    again = person.submit(page, "/match", reason="they wrote", invoice=invoice)  # the same form: nothing is done again
    assert again.status_code == 200
    late = person.submit(page, "/match", reason="they wrote", invoice=invoice, key="another")
    assert late.status_code == 409
    assert "is not unmatched" in late.text


def test_what_belongs_to_nothing_goes_back_in_parts(frontend: Make) -> None:
    hosting = frontend("hosting")
    person = Person(hosting)
    hosting.set_clock("2027-07-01T12:00:00Z")
    recorded(person, "2027-07-01/2", "30.00")
    payment = payment_of(person, "$30.00")
    page = person.get(payment)
    for amount, status in (("30.01", 409), ("0", 409), ("-1", 409), ("1.234", 422), ("ten", 422)):
        answer = person.submit(page, "/refund", reason="not ours", amount=amount, key=f"k{amount}")
        assert answer.status_code == status, amount
    for _ in range(2):
        person.submit(page, "/refund", reason="not ours", amount="12.50")
    assert "Empty: all of $17.50." in person.get(payment).text
    person.submit(person.get(payment), "/refund", reason="not ours either")
    person.see("/", "Nothing waits for a person")
    movements = hosting.call("GET", f"/v1/payments/{payment.rpartition('/')[2]}", scope="ops")
    assert [refund["amount"]["amount"] for refund in movements["refunds"]] == [1_250, 1_750]
    assert {refund["actor"] for refund in movements["refunds"]} == {"Ana"}


def test_the_same_line_of_a_statement_counts_once(frontend: Make) -> None:
    hosting = frontend("hosting")
    person = Person(hosting)
    hosting.set_clock("2027-07-01T12:00:00Z")
    for _ in range(2):
        recorded(person, "2027-07-01/3", "5.00")
    payment_of(person, "$5.00")
    assert len(hosting.call("GET", "/v1/payments", scope="ops")["items"]) == 1
    page = person.get("/money")
    other = {"line": "2027-07-01/3", "amount": "6.00", "currency": "USD", "paid_on": "2027-07-01", "invoice": ""}
    assert person.submit(page, "/record", reason="statement", **other).status_code == 409
    for name, value in (("amount", "0"), ("amount", "x"), ("paid_on", "1.7.2027"), ("line", ""), ("currency", "ZZZ")):
        answer = person.submit(page, "/record", reason="statement", **(other | {name: value}), key=name + value)
        assert answer.status_code == 422, (name, value)
        assert 'href="/staff/money"' in answer.text


def test_a_refund_by_hand_that_came_back_is_decided(frontend: Make) -> None:
    hosting = frontend("hosting")
    person = Person(hosting)
    hosting.set_clock("2027-07-01T12:00:00Z")
    recorded(person, "2027-07-01/5", "9.00")
    payment = payment_of(person, "$9.00")
    person.submit(person.get(payment), "/refund", reason="not ours")
    page = person.see(payment, "The transfer came back")
    person.submit(page, "/failure", reason="account closed")
    failed = person.get(payment).text
    assert "account closed" in failed
    assert "Failed" in failed


def test_an_event_is_processed_again(frontend: Make) -> None:
    hosting = frontend("hosting")
    person = Person(hosting)
    hosting.set_clock("2027-07-01T12:00:00Z")
    recorded(person, "2027-07-01/6", "4.00")
    page = person.get(payment_of(person, "$4.00"))
    event = person.get(re.findall(r"/staff/events/evt_\w+", page.text)[0])
    assert "The event is processed again." in person.submit(event, "/replay", reason="the adapter knows it now").text
    assert len(hosting.call("GET", "/v1/payments", scope="ops")["items"]) == 1
