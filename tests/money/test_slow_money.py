"""Money that takes its time: the offer waits for it, nobody is asked twice, and late is late in every order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import select

from engine.dunning import mark_past_due
from engine.expiry import cancel_change
from engine.payments.attempts import MoneyOnItsWay, start_attempt
from local.stack import Stack
from models.customer import Service
from models.database import transaction
from models.payment import PaymentAttempt
from models.plan_change import PlanChange
from tests.support.money_play import MoneyPlay, yen
from tests.support.play import AUGUST, NOON_17_JULY

TOTAL = 373  # 15 of 31 days of start instead of basic: 581 - 242 = 339, and 10 % of it, 34
PAYABLE_UNTIL = NOON_17_JULY + timedelta(days=7)


def awaiting(servers: Stack, **policies: Any) -> tuple[MoneyPlay, str, str]:
    play = MoneyPlay.with_policies(servers, **policies)
    change_id = play.until_awaiting_payment("start")
    return play, change_id, play.attempts(change_id)[0].id


def on_its_way(servers: Stack, **policies: Any) -> tuple[MoneyPlay, str, str]:
    """The customer has signed a bank debit at noon of 17 July."""
    play, change_id, attempt_id = awaiting(servers, **policies)
    play.process(play.report(attempt_id, yen(TOTAL), "payment.pending"))
    assert play.attempts(change_id)[0].status == "pending"
    return play, change_id, attempt_id


def changes(play: MoneyPlay) -> list[PlanChange]:
    with transaction() as session:
        query = select(PlanChange).where(PlanChange.provider_id == play.provider(session).id)
        return list(session.scalars(query.order_by(PlanChange.id)))


def day(number: int, month: int = 7, hour: int = 3) -> datetime:
    return datetime(2027, month, number, hour, tzinfo=UTC)


def test_the_offer_waits_for_money_that_is_on_its_way_and_applies_it(servers: Stack) -> None:
    play, change_id, attempt_id = on_its_way(servers, priced_at="request")
    [attempt] = play.attempts(change_id)
    assert (attempt.pending_since, attempt.pending_until) == (NOON_17_JULY, day(31))
    play.set_clock(day(30))
    assert play.step("expire", change_id) == "awaiting_payment", "6 days past its end"
    play.process(play.report(attempt_id, yen(TOTAL), at="2027-07-30T02:00:00Z"))
    assert play.steps("settle apply print", change_id) == "applied"
    assert play.ledger() == {"clearing:standard": 373, "sales": -339, "tax:jp-10": -34}
    assert "late_payment_credited" not in play.notices(change_id)


def test_no_second_attempt_is_begun_meanwhile(servers: Stack) -> None:
    _, change_id, _ = on_its_way(servers)
    with pytest.raises(MoneyOnItsWay, match=r"373 JPY is on its way.*charged as well"), transaction() as session:
        start_attempt(session, NOON_17_JULY, change_id)


def test_money_that_does_not_come_leaves_the_time_that_was_left(servers: Stack) -> None:
    play, change_id, attempt_id = on_its_way(servers)
    play.set_clock(day(25))
    play.process(play.report(attempt_id, yen(TOTAL), "payment.failed", at="2027-07-25T03:00:00Z"))
    change = play.change(change_id)
    # 7 days were left on the 17th; 7 days from the 25th would be 1 August, and the offer ends an hour before that.
    assert (change.status, change.payable_until) == ("awaiting_payment", AUGUST - timedelta(hours=1))
    assert play.attempts(change_id)[0].status == "failed"
    assert "payment_did_not_come" in play.notices(change_id)
    with transaction() as session:
        assert start_attempt(session, day(25), change_id).amount == yen(TOTAL)
    assert play.step("request_payment", change_id) == "awaiting_payment"
    assert play.attempts(change_id)[1].status == "open"


def test_after_a_decline_the_same_payment_may_set_out_all_the_same(servers: Stack) -> None:
    """At some gateways the payer takes another means for it: a bank debit after a card. The attempt that was begun
    meanwhile is closed, and no third one is begun."""
    play, change_id, attempt_id = awaiting(servers)
    play.process(play.report(attempt_id, yen(TOTAL), "payment.failed", at="2027-07-17T03:05:00Z"))
    with transaction() as session:
        start_attempt(session, NOON_17_JULY, change_id)
    assert play.step("request_payment", change_id) == "awaiting_payment"
    play.process(play.report(attempt_id, yen(TOTAL), "payment.pending", at="2027-07-17T03:10:00Z"))
    first, second = play.attempts(change_id)
    assert (first.status, first.pending_since, first.pending_until) == (
        "pending",
        NOON_17_JULY,
        day(31),
    )
    assert second.status == "canceling"
    with pytest.raises(MoneyOnItsWay), transaction() as session:
        start_attempt(session, NOON_17_JULY, change_id)
    play.process(play.report(attempt_id, yen(TOTAL), at="2027-07-21T03:00:00Z"))
    assert play.steps("settle apply", change_id) == "applied"
    assert play.ledger() == {"clearing:standard": 373, "sales": -339, "tax:jp-10": -34}


def test_what_set_out_before_the_decline_is_not_on_its_way(servers: Stack) -> None:
    play, change_id, attempt_id = awaiting(servers)
    play.process(play.report(attempt_id, yen(TOTAL), "payment.failed", at="2027-07-17T03:10:00Z"))
    play.process(play.report(attempt_id, yen(TOTAL), "payment.pending", at="2027-07-17T03:05:00Z"))
    assert play.attempts(change_id)[0].status == "failed"
    with transaction() as session:
        assert start_attempt(session, NOON_17_JULY, change_id).amount == yen(TOTAL)


@pytest.mark.parametrize(("policy", "outcome"), [("credit", ["expired"]), ("change", ["expired", "requested"])])
def test_past_the_bound_it_expires_and_what_comes_is_late(servers: Stack, policy: str, outcome: list[str]) -> None:
    play, change_id, attempt_id = on_its_way(servers, pending_days_max=9, late_money=policy)
    play.set_clock(day(26, hour=2))
    assert play.step("expire", change_id) == "awaiting_payment"
    play.set_clock(day(26))
    assert play.step("expire", change_id) == "awaiting_payment", "the gateway is asked once more"
    play.outlast(attempt_id)
    assert play.step("expire", change_id) == "expired"
    play.process(play.report(attempt_id, yen(TOTAL), at="2027-07-27T03:00:00Z"))
    assert play.ledger() == {"clearing:standard": 373, "credit": -373}
    assert [change.status for change in changes(play)] == outcome
    used = "late_payment_used" if policy == "change" else "late_payment_credited"
    assert used in play.notices(change_id)


def test_what_sets_out_after_the_end_is_not_waited_for(servers: Stack) -> None:
    play, change_id, attempt_id = awaiting(servers)
    play.set_clock(PAYABLE_UNTIL + timedelta(minutes=1))
    play.process(play.report(attempt_id, yen(TOTAL), "payment.pending"))
    play.step("expire", change_id)
    play.outlast(attempt_id)
    assert play.step("expire", change_id) == "expired"


def test_what_sets_out_after_the_end_and_does_not_come_gives_no_time_back(servers: Stack) -> None:
    play, change_id, attempt_id = awaiting(servers)
    play.set_clock(PAYABLE_UNTIL + timedelta(minutes=1))
    for kind in ("payment.pending", "payment.failed"):
        play.process(play.report(attempt_id, yen(TOTAL), kind))
    [attempt] = play.attempts(change_id)
    assert (attempt.status, attempt.pending_since, attempt.pending_until) == (
        *("failed", PAYABLE_UNTIL + timedelta(minutes=1), None),
    )
    assert (play.change(change_id).status, play.change(change_id).payable_until) == ("awaiting_payment", PAYABLE_UNTIL)
    assert "payment_did_not_come" not in play.notices(change_id)


def test_canceled_while_money_is_on_its_way_it_becomes_credit(servers: Stack) -> None:
    play, change_id, attempt_id = on_its_way(servers, late_money="change")
    with transaction() as session:
        assert cancel_change(session, NOON_17_JULY, change_id, "customer") == "canceled"
    play.process(play.report(attempt_id, yen(TOTAL), at="2027-07-19T03:00:00Z"))
    assert play.ledger() == {"clearing:standard": 373, "credit": -373}
    assert [change.status for change in changes(play)] == ["canceled"], "who took it back is not given it"
    assert play.attempts(change_id)[0].status == "succeeded"


ORDERS = list(product(("event, expiry", "expiry, event"), ("credit", "change")))


@pytest.mark.parametrize(("order", "policy"), ORDERS)
def test_late_is_not_twice_whichever_is_processed_first(servers: Stack, order: str, policy: str) -> None:
    play, change_id, attempt_id = awaiting(servers, late_money=policy)
    play.set_clock(PAYABLE_UNTIL + timedelta(minutes=1))
    if order == "expiry, event":
        play.step("expire", change_id)
        play.fetch(attempt_id)
        play.process_all()
        assert play.step("expire", change_id) == "expired"
    play.process(play.report(attempt_id, yen(TOTAL), at="2027-07-24T03:01:00Z"))
    assert play.step("expire", change_id) == "expired"
    assert play.change(change_id).reason == "not_paid_in_time"
    told = {"credit": "late_payment_credited", "change": "late_payment_used"}[policy]
    assert play.notices(change_id) == ["payment_requested", "expired", told]
    assert play.ledger() == {"clearing:standard": 373, "credit": -373}
    assert [change.status for change in changes(play)[1:]] == (["requested"] if policy == "change" else [])


@pytest.mark.parametrize("first", ["early", "late"])
def test_a_late_payment_waits_for_what_was_reported_before_it(servers: Stack, first: str) -> None:
    """One payment in time and a second too late, both in the inbox when the time is over."""
    play, change_id, attempt_id = awaiting(servers)
    early = play.report(attempt_id, yen(TOTAL), at="2027-07-17T03:05:00Z")
    play.set_clock(PAYABLE_UNTIL + timedelta(minutes=1))
    late = play.report_second(attempt_id, TOTAL)
    for event_id in (early, late) if first == "early" else (late, early, late):
        play.process(event_id)
    assert play.step("settle", change_id) == "paid"
    assert play.ledger() == {"clearing:standard": 746, "credit": -373, "sales": -339, "tax:jp-10": -34}
    assert "paid_twice" in play.notices(change_id)


def test_a_renewals_due_date_waits_for_money_that_is_on_its_way(servers: Stack) -> None:
    play = MoneyPlay.with_policies(servers, pending_days_max=10)
    play.set_clock(AUGUST)
    invoice_id = play.renew().invoice_id
    assert invoice_id is not None
    attempt_id = play.request_renewal(invoice_id)
    play.process(play.report(attempt_id, yen(550), "payment.pending"))
    statuses = []
    for at in (AUGUST + timedelta(days=9), AUGUST + timedelta(days=40)):
        play.set_clock(at)
        with transaction() as session:
            mark_past_due(session)
        with transaction() as session:
            statuses.append(session.scalar(select(Service.status).where(Service.id == play.service(session).id)))
    assert statuses == ["active", "past_due"]


def test_a_due_date_waits_until_the_moment_for_which_the_money_is_waited(servers: Stack) -> None:
    """A bill of 1 August whose debit sets out at once and is waited for until the 11th; it is due on the 8th."""
    play = MoneyPlay.with_policies(servers, pending_days_max=10)
    play.set_clock(AUGUST)
    invoice_id = play.renew().invoice_id
    assert invoice_id is not None
    attempt_id = play.request_renewal(invoice_id)
    play.process(play.report(attempt_id, yen(550), "payment.pending"))
    with transaction() as session:
        until = session.get_one(PaymentAttempt, attempt_id).pending_until
    assert until == AUGUST + timedelta(days=10)
    statuses = []
    for at in (until - timedelta(seconds=1), until):
        play.set_clock(at)
        with transaction() as session:
            mark_past_due(session)
        with transaction() as session:
            statuses.append(play.service(session).status)
    assert statuses == ["active", "past_due"], "from that moment on it is not waited for"


@pytest.mark.parametrize(("late_by", "told"), [(timedelta(0), 0), (timedelta(seconds=-1), 1)])
def test_a_decline_is_told_while_it_may_still_be_paid(servers: Stack, late_by: timedelta, told: int) -> None:
    play, change_id, attempt_id = awaiting(servers)
    play.set_clock(PAYABLE_UNTIL + late_by)
    play.process(play.report(attempt_id, yen(TOTAL), "payment.failed"))
    assert play.change(change_id).status == "awaiting_payment", "nobody has expired it yet"
    assert play.notices(change_id).count("payment_declined") == told


def test_what_comes_past_the_bound_ends_the_offer_itself(servers: Stack) -> None:
    """Nobody had expired it yet; what comes then is late, and no second payment."""
    play, change_id, attempt_id = on_its_way(servers, pending_days_max=9)
    play.set_clock(day(27))
    play.process(play.report(attempt_id, yen(TOTAL), at="2027-07-27T03:00:00Z"))
    change = play.change(change_id)
    assert (change.status, change.reason) == ("expired", "not_paid_in_time")
    assert "late_payment_credited" in play.notices(change_id)
    assert "paid_twice" not in play.notices(change_id)
    assert play.ledger() == {"clearing:standard": 373, "credit": -373}


@pytest.mark.parametrize(("seconds", "outcome"), [(0, "held"), (1, "credited")])
def test_a_payment_is_in_time_until_the_last_second_of_the_offer(servers: Stack, seconds: int, outcome: str) -> None:
    play, _, attempt_id = awaiting(servers)
    play.set_clock(PAYABLE_UNTIL + timedelta(seconds=seconds))
    play.process(play.report(attempt_id, yen(TOTAL)))
    assert play.payments()[0].outcome == outcome
