"""The last moment at which a payment counts, what is freed at settle, and how much of a return credit pays."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.periods import instant_text
from engine.jobs.external_call import machine_time
from local.stack import Stack
from models.base import new_id
from models.database import transaction
from models.ledger import credit, debit, post
from models.payment import PaymentAttempt
from tests.support.money_play import MoneyPlay, yen
from tests.support.play import NOON_17_JULY

# 15 of 31 days of start instead of basic: 581 - 242 = 339, and 10 % of it, 34.
TOTAL = 373


@pytest.mark.parametrize(("late_by", "outcome"), [(timedelta(0), "held"), (timedelta(microseconds=1), "credited")])
def test_the_last_moment_of_an_offer_is_in_time(servers: Stack, late_by: timedelta, outcome: str) -> None:
    """By the provider's clock, which stands where it was set."""
    play = MoneyPlay.of(servers)
    change_id = play.until_awaiting_payment("start")
    until = play.change(change_id).payable_until
    assert until is not None
    play.set_clock(until + late_by)
    play.process(play.report(play.attempts(change_id)[0].id, yen(TOTAL)))
    assert [payment.outcome for payment in play.payments()] == [outcome]
    assert play.step("settle", change_id) == {"held": "paid", "credited": "expired"}[outcome]


@pytest.mark.parametrize(("late_by", "outcome"), [(timedelta(0), "held"), (timedelta(seconds=1), "credited")])
def test_where_the_clock_is_the_worlds_the_gateways_time_counts(
    servers: Stack, late_by: timedelta, outcome: str
) -> None:
    play = MoneyPlay.of(servers)
    change_id = play.until_awaiting_payment("start")
    until = play.change(change_id).payable_until
    assert until is not None
    with transaction() as session:
        play.provider(session).clock_at = None
    play.process(play.report(play.attempts(change_id)[0].id, yen(TOTAL), at=instant_text(until + late_by)))
    assert [payment.outcome for payment in play.payments()] == [outcome]


def test_a_scheduled_downgrade_makes_room_when_the_upgrade_is_paid_and_not_before(servers: Stack) -> None:
    play = MoneyPlay.of(servers, plan="start")
    downgrade = play.request("basic")
    assert play.step("quote", downgrade) == "scheduled"
    upgrade = play.until_awaiting_payment("business")
    assert play.change(downgrade).status == "scheduled"
    # 15 of 31 days of business instead of start: 1452 - 581 = 871, and 10 % of it, 87.
    play.process(play.report(play.attempts(upgrade)[0].id, yen(958)))
    assert play.step("settle", upgrade) == "paid"
    assert play.history(downgrade) == ["requested", "scheduled", "superseded"]


def test_the_gateway_gives_as_long_as_the_offer_by_its_own_clock(servers: Stack) -> None:
    """Seven days of a sandbox in July 2027 are seven days from now."""
    play = MoneyPlay.of(servers)
    change_id = play.until_awaiting_payment("start")
    with transaction() as session:
        left = play.attempts(change_id)[0].expires_at - machine_time(session)
    assert timedelta(days=6, hours=23) < left < timedelta(days=7)


def test_an_answer_of_the_gateway_ends_the_lease(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    change_id = play.until_awaiting_payment("start")
    attempt_id = play.attempts(change_id)[0].id
    assert lease_of(attempt_id) is None
    play.press_pay(change_id)
    assert play.fetch(attempt_id) == "awaiting_payment"
    play.process_all()
    assert play.step("settle", change_id) == "paid", "the payment was fetched at once, not after a lease"
    assert lease_of(attempt_id) is None


def lease_of(attempt_id: str) -> object:
    with transaction() as session:
        return session.get_one(PaymentAttempt, attempt_id).lease_until


def test_credit_pays_for_a_return_only_as_far_as_there_was_too_much(servers: Stack) -> None:
    """373 and 100 came for a change of 373, and 300 are credit of another cause. 373 go back: 100 were too much."""
    play = MoneyPlay.with_policies(servers, money_returned="suspend")
    change_id = play.until_awaiting_payment("start")
    attempt_id = play.attempts(change_id)[0].id
    play.process(play.report(attempt_id, yen(TOTAL)))
    assert play.steps("settle apply", change_id) == "applied"
    again = {"id": "gw_again", "reference": attempt_id, "amount": 100, "currency": "JPY", "status": "succeeded"}
    at = "2027-07-17T03:06:00Z"
    event = {"id": "evt_again", "type": "payment.succeeded", "occurred_at": at, "data": {"payment": again}}
    play.process(play.report_body(event | {"data": {"payment": again | {"paid_at": at}}}))
    with transaction() as session:
        customer_id = play.service(session).customer_id
        entries = [debit("clearing:standard", "", yen(300)), credit("credit", customer_id, yen(300))]
        post(session, play.provider(session).id, ("test", new_id("x")), NOON_17_JULY, entries)
    assert play.ledger() == {"clearing:standard": 773, "credit": -400, "sales": -339, "tax:jp-10": -34}

    play.process(play.report_refund(attempt_id, TOTAL, of=TOTAL))
    assert play.ledger() == {
        "clearing:standard": 400,
        "credit": -300,
        "returned": 273,
        "sales": -339,
        "tax:jp-10": -34,
    }
