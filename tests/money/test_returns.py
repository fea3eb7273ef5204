"""Money that goes back: before settling, after the plan was applied, in parts, in any order, and in the end won."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from domain.money import Money
from engine.expiry import cancel_change
from engine.ledger.billed_items import open_items
from local.stack import Stack
from models.customer import Service
from models.database import transaction
from models.invoice import Document, Invoice
from models.plan_change import PlanChange
from tests.support.money_play import MoneyPlay, yen
from tests.support.play import AUGUST, NOON_17_JULY

# 15 of 31 days of start instead of basic: 581 - 242 = 339, and 10 % of it, 34.
TOTAL = 373


def awaiting(servers: Stack, **policies: Any) -> tuple[MoneyPlay, str, str]:
    """A provider of its own, a change that awaits 373, and its attempt's id."""
    play = MoneyPlay.with_policies(servers, **policies)
    change_id = play.until_awaiting_payment("start")
    return play, change_id, play.attempts(change_id)[0].id


def applied(servers: Stack, **policies: Any) -> tuple[MoneyPlay, str, str]:
    play, change_id, attempt_id = awaiting(servers, **policies)
    play.process(play.report(attempt_id, yen(TOTAL)))
    assert play.steps("settle apply print", change_id) == "applied"
    return play, change_id, attempt_id


def newest_change(play: MoneyPlay) -> PlanChange:
    with transaction() as session:
        provider_id = play.provider(session).id
        query = select(PlanChange).where(PlanChange.provider_id == provider_id).order_by(PlanChange.id.desc()).limit(1)
        return session.scalars(query).one()


def service(play: MoneyPlay) -> Service:
    with transaction() as session:
        return play.service(session)


def test_a_refund_before_settle_leaves_nothing_to_settle(servers: Stack) -> None:
    play, change_id, attempt_id = awaiting(servers)
    play.process(play.report(attempt_id, yen(TOTAL)))
    play.process(play.report_refund(attempt_id, TOTAL, of=TOTAL))
    assert play.step("settle", change_id) == "awaiting_payment"
    assert play.ledger() == {}


def test_a_refund_that_is_reported_before_its_payment_waits_for_it(servers: Stack) -> None:
    play, change_id, attempt_id = awaiting(servers)
    refund = play.report_refund(attempt_id, TOTAL, of=TOTAL)
    assert play.process(refund) is None
    assert play.event(refund).status == "parked"
    play.process(play.report(attempt_id, yen(TOTAL)))
    # Booked with the payment itself, so that nothing is applied in between.
    assert play.event(refund).status == "processed"
    assert play.ledger() == {}
    assert play.step("settle", change_id) == "awaiting_payment"


def test_a_refund_of_a_payment_that_never_comes_is_shown_to_operators(servers: Stack) -> None:
    play, _, attempt_id = awaiting(servers)
    refund = play.report_refund(attempt_id, 100, of=TOTAL)
    for _ in range(6):
        play.process(refund)
    assert play.event(refund).status == "dead"
    assert "never came" in (play.event(refund).last_error or "")


@pytest.mark.parametrize("sums", [(100, 250, TOTAL), (TOTAL, 250, 100), (250, 250, TOTAL)])
def test_refunds_are_sums_and_come_in_any_order(servers: Stack, sums: tuple[int, ...]) -> None:
    play, _, attempt_id = awaiting(servers)
    play.process(play.report(attempt_id, yen(TOTAL)))
    for refunded in sums:
        play.process(play.report_refund(attempt_id, refunded, of=TOTAL))
    assert play.ledger() == {}


def test_a_whole_refund_reverses_the_change_with_a_credit_note(servers: Stack) -> None:
    play, change_id, attempt_id = applied(servers)
    assert play.ledger() == {"clearing:standard": 373, "sales": -339, "tax:jp-10": -34}
    back = play.process(play.report_refund(attempt_id, TOTAL, of=TOTAL))
    assert play.ledger() == {"returned": 373, "sales": -339, "tax:jp-10": -34}
    assert back == newest_change(play).id != change_id
    assert play.change(change_id).status == "applied", "reversed only when the host has the old plan"
    assert play.steps("apply print", back) == "applied"
    assert play.change(change_id).status == "reversed"
    assert play.ledger() == {}
    assert (service(play).plan, service(play).period_end) == ("basic", AUGUST)
    # What the change took back of Basic is an item again, for the same 15 days.
    assert play.items() == [("basic", 1, 242, 24)]
    with transaction() as session:
        [again] = open_items(session, play.service(session))
    assert (again.cycle, again.unit_price, again.tax_code, again.tax_percent) == ("monthly", 500, "jp-10", "10")
    note = play.invoice(back)
    assert (note.kind, note.total_minor, note.net_minor, note.tax_minor) == ("credit_note", -373, -339, -34)
    assert note.content["corrects"] == play.invoice(change_id).number
    assert [document.kind for document in documents(note)] == ["credit_note"]
    assert play.history(back) == ["requested", "paid", "applying", "applied"]


def documents(invoice: Invoice) -> list[Any]:
    with transaction() as session:
        return list(session.scalars(select(Document).where(Document.invoice_id == invoice.id).order_by(Document.id)))


def test_a_part_that_goes_back_is_staffs_matter(servers: Stack) -> None:
    play, change_id, attempt_id = applied(servers)
    play.process(play.report_refund(attempt_id, 100, of=TOTAL))
    assert play.change(change_id).status == "applied"
    assert service(play).plan == "start"
    assert play.ledger() == {"clearing:standard": 273, "returned": 100, "sales": -339, "tax:jp-10": -34}
    assert "money_returned" in play.notices(change_id)


@pytest.mark.parametrize("policy", ["suspend", "keep"])
def test_the_policy_may_suspend_the_service_or_bear_the_loss(servers: Stack, policy: str) -> None:
    play, change_id, attempt_id = applied(servers, money_returned=policy)
    play.process(play.report_late_failure(attempt_id, TOTAL))
    assert play.change(change_id).status == "applied"
    claim = {"suspend": "returned", "keep": "losses"}[policy]
    assert play.ledger() == {claim: 373, "sales": -339, "tax:jp-10": -34}
    assert service(play).status == {"suspend": "suspended", "keep": "active"}[policy]
    assert "money_returned" in play.notices(change_id)


def test_where_the_old_plan_no_longer_fits_the_service_is_suspended(servers: Stack) -> None:
    play, change_id, attempt_id = applied(servers)
    play.use({"zones": 7})
    play.process(play.report_refund(attempt_id, TOTAL, of=TOTAL))
    assert service(play).status == "suspended"
    assert "remove 4" in (play.change(change_id).reason_text or "")


def test_after_a_renewal_the_change_is_not_reversed(servers: Stack) -> None:
    play, change_id, attempt_id = applied(servers)
    play.set_clock(AUGUST)
    play.renew()
    play.process(play.report_late_failure(attempt_id, TOTAL))
    assert (service(play).plan, service(play).status) == ("start", "suspended")
    assert "renewed since" in (play.change(change_id).reason_text or "")


def test_a_dispute_is_decided_when_it_is_lost(servers: Stack) -> None:
    play, change_id, attempt_id = applied(servers)
    play.process(play.report_dispute(attempt_id, "opened", TOTAL))
    assert play.ledger() == {"returned": 373, "sales": -339, "tax:jp-10": -34}
    assert play.change(change_id).status == "applied"
    back = play.process(play.report_dispute(attempt_id, "lost", TOTAL))
    assert back is not None
    play.steps("apply print", back)
    assert play.change(change_id).status == "reversed"
    assert play.ledger() == {}


@pytest.mark.parametrize("order", [("opened", "won"), ("won", "opened")])
def test_a_dispute_that_is_won_changes_nothing(servers: Stack, order: tuple[str, str]) -> None:
    play, change_id, attempt_id = applied(servers)
    for what in order:
        play.process(play.report_dispute(attempt_id, what, TOTAL))
    assert play.ledger() == {"clearing:standard": 373, "sales": -339, "tax:jp-10": -34}
    assert play.change(change_id).status == "applied"


def test_a_dispute_that_is_won_before_settle_pays_the_change(servers: Stack) -> None:
    play, change_id, attempt_id = awaiting(servers)
    play.process(play.report(attempt_id, yen(TOTAL)))
    play.process(play.report_dispute(attempt_id, "opened", TOTAL))
    assert (play.step("settle", change_id), play.ledger()) == ("awaiting_payment", {})
    assert play.process(play.report_dispute(attempt_id, "won", TOTAL)) == change_id
    assert play.ledger() == {"clearing:standard": 373, "held": -373}
    assert play.steps("settle apply", change_id) == "applied"


def test_a_dispute_that_is_won_after_the_change_ended_is_credit(servers: Stack) -> None:
    play, change_id, attempt_id = awaiting(servers)
    play.process(play.report(attempt_id, yen(TOTAL)))
    play.process(play.report_dispute(attempt_id, "opened", TOTAL))
    with transaction() as session:
        cancel_change(session, NOON_17_JULY, change_id, "customer")
    play.process(play.report_dispute(attempt_id, "won", TOTAL))
    assert play.ledger() == {"clearing:standard": 373, "credit": -373}


def test_what_was_too_much_goes_back_from_the_credit(servers: Stack) -> None:
    play, change_id, attempt_id = awaiting(servers)
    play.process(play.report(attempt_id, yen(1000)))
    play.steps("settle apply", change_id)
    assert play.ledger() == {"clearing:standard": 1000, "credit": -627, "sales": -339, "tax:jp-10": -34}
    play.process(play.report_refund(attempt_id, 627, of=1000))
    assert play.ledger() == {"clearing:standard": 373, "sales": -339, "tax:jp-10": -34}
    assert play.change(change_id).status == "applied"
    assert "money_returned" not in play.notices(change_id)


def test_money_that_goes_back_while_the_plan_is_applied_is_answered_afterwards(servers: Stack) -> None:
    play, change_id, attempt_id = awaiting(servers)
    play.process(play.report(attempt_id, yen(TOTAL)))
    play.step("settle", change_id)
    play.process(play.report_refund(attempt_id, TOTAL, of=TOTAL))
    assert play.change(change_id).status == "paid"
    play.step("apply", change_id)
    back = newest_change(play).id
    assert back != change_id
    play.step("apply", back)
    assert play.change(change_id).status == "reversed"
    assert play.ledger() == {}


def test_the_same_return_reported_twice_counts_once(servers: Stack) -> None:
    play, _, attempt_id = applied(servers, money_returned="keep")
    for _ in range(2):
        play.process(play.report_late_failure(attempt_id, TOTAL))
    assert play.ledger() == {"losses": 373, "sales": -339, "tax:jp-10": -34}


def test_a_renewals_money_that_goes_back_suspends_the_service(servers: Stack) -> None:
    play = MoneyPlay.of(servers, plan="start")
    play.set_clock(AUGUST)
    invoice_id = play.renew().invoice_id
    assert invoice_id is not None
    attempt_id = play.request_renewal(invoice_id)
    play.process(play.report(attempt_id, yen(1320)))
    assert play.ledger() == {"clearing:standard": 1320, "sales": -1200, "tax:jp-10": -120}
    play.process(play.report_late_failure(attempt_id, 1320))
    assert play.ledger() == {"returned": 1320, "sales": -1200, "tax:jp-10": -120}
    assert service(play).status == "suspended"


def test_late_money_makes_the_change_where_the_catalogue_says_so(servers: Stack) -> None:
    play, change_id, attempt_id = awaiting(servers, late_money="change")
    play.set_clock(NOON_17_JULY.replace(day=25))
    play.step("expire", change_id)
    play.fetch(attempt_id)
    play.process_all()
    assert play.step("expire", change_id) == "expired"
    play.process(play.report(attempt_id, yen(TOTAL)))
    newer = newest_change(play).id
    assert newer != change_id
    assert play.ledger() == {"clearing:standard": 373, "credit": -373}
    # 7 of 31 days: 271 - 113 = 158, and 10 %, 16; the rest of the 373 stays credit.
    assert play.steps("quote issue settle apply print", newer) == "applied"
    assert play.ledger() == {"clearing:standard": 373, "credit": -199, "sales": -158, "tax:jp-10": -16}
    assert service(play).plan == "start"
    assert "late_payment_used" in play.notices(change_id)


def test_late_money_that_no_longer_covers_is_credit(servers: Stack) -> None:
    play, change_id, attempt_id = awaiting(servers, late_money="change")
    play.set_clock(NOON_17_JULY.replace(day=25))
    play.step("expire", change_id)
    play.fetch(attempt_id)
    play.process_all()
    play.step("expire", change_id)
    play.process(play.report(attempt_id, yen(100)))
    assert newest_change(play).id == change_id
    assert play.ledger() == {"clearing:standard": 100, "credit": -100}
    assert "late_payment_credited" in play.notices(change_id)


def test_money_that_nobody_matched_goes_back_from_where_it_lay(servers: Stack) -> None:
    """A second currency: 373 dollars for 373 yen; the gateway gives them back by itself."""
    play, _, attempt_id = awaiting(servers)
    play.process(play.report(attempt_id, Money(TOTAL, "USD")))
    assert play.ledger() == {"clearing:standard": 373, "unmatched:standard": -373}
    play.process(play.report_late_failure(attempt_id, TOTAL, "USD"))
    assert play.ledger() == {}


def test_customers_read_of_a_change_once_and_of_its_way_back_by_its_credit_note(servers: Stack) -> None:
    play, change_id, attempt_id = applied(servers)
    assert play.notices(change_id).count("plan_changed") == 1
    back = play.process(play.report_refund(attempt_id, TOTAL, of=TOTAL))
    assert back is not None
    quote = play.change(back).billed_quote()
    assert (quote.kind, quote.from_.plan, quote.to.plan, quote.quantity) == ("downgrade", "start", "basic", 1)
    assert play.steps("apply print", back) == "applied"
    assert "plan_changed" not in play.notices(back)


def test_one_yen_that_stays_is_a_part(servers: Stack) -> None:
    """372 of 373 went back: nothing is reversed, staff are told."""
    play, change_id, attempt_id = applied(servers)
    assert not play.process(play.report_refund(attempt_id, TOTAL - 1, of=TOTAL))
    assert newest_change(play).id == change_id
    assert "money_returned" in play.notices(change_id)
