"""Money that comes in the wrong amount, currency, order or moment: each payment counts once, none is lost."""

from __future__ import annotations

import pytest

from domain.money import Money
from gateways.protocol import Delivery
from local.stack import Stack
from models.database import transaction
from models.inbox import InboxEvent
from tests.support.play import NOON_17_JULY, Play


def yen(amount: int) -> Money:
    return Money(amount, "JPY")


def event_status(event_id: str) -> str:
    with transaction() as session:
        return session.get_one(InboxEvent, event_id).status


def test_a_part_does_not_settle_and_the_rest_does(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_awaiting_payment("start")
    [attempt] = play.attempts(change_id)
    play.process(play.report(attempt.id, yen(300)))
    assert play.step("settle", change_id) == "awaiting_payment"
    assert play.ledger() == {"clearing:standard": 300, "held": -300}

    from engine.payments.attempts import start_attempt

    with transaction() as session:
        rest = start_attempt(session, NOON_17_JULY, change_id)
    assert rest.amount == yen(73)
    play.process(play.report(rest.id, yen(73)))
    assert play.step("settle", change_id) == "paid"


def test_too_much_becomes_credit(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_awaiting_payment("start")
    [attempt] = play.attempts(change_id)
    play.process(play.report(attempt.id, yen(1000)))
    assert play.step("settle", change_id) == "paid"
    assert play.ledger() == {"clearing:standard": 1000, "credit": -627, "sales": -339, "tax:jp-10": -34}


def test_the_wrong_currency_settles_nothing_and_is_shown(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_awaiting_payment("start")
    [attempt] = play.attempts(change_id)
    play.process(play.report(attempt.id, Money(373, "USD")))
    assert play.step("settle", change_id) == "awaiting_payment"
    assert play.ledger() == {"clearing:standard": 373, "unmatched:standard": -373}


def test_the_same_payment_under_two_event_ids_counts_once(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_awaiting_payment("start")
    [attempt] = play.attempts(change_id)
    for _ in range(2):
        play.process(play.report(attempt.id, yen(373)))
    assert play.ledger() == {"clearing:standard": 373, "held": -373}


def test_a_payment_for_nothing_we_know_is_parked_and_then_not_ours(servers: Stack) -> None:
    play = Play.of(servers)
    event_id = play.report("pay_unknown", yen(500))
    for _ in range(5):
        assert play.process(event_id) is None
        assert event_status(event_id) == "parked"
    assert play.ledger() == {}
    play.process(event_id)
    assert event_status(event_id) == "ignored"
    assert play.ledger() == {}


def test_the_same_event_id_with_other_contents_is_flagged_and_not_believed(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_awaiting_payment("start")
    [attempt] = play.attempts(change_id)
    first = play.report(attempt.id, yen(373), key="evt_1")
    assert play.report(attempt.id, yen(999), key="evt_1") == first
    with transaction() as session:
        event = session.get_one(InboxEvent, first)
        assert (event.conflicting, event.deliveries) == (True, 2)
    play.process(first)
    assert play.ledger() == {"clearing:standard": 373, "held": -373}


@pytest.mark.parametrize("order", [("failed", "succeeded"), ("succeeded", "failed")])
def test_the_order_of_events_does_not_matter(servers: Stack, order: tuple[str, str]) -> None:
    play = Play.of(servers)
    change_id = play.until_awaiting_payment("start")
    [attempt] = play.attempts(change_id)
    for kind in order:
        play.process(play.report(attempt.id, yen(373), kind=f"payment.{kind}"))
    assert play.attempts(change_id)[0].status == "succeeded"
    assert play.step("settle", change_id) == "paid"


def test_two_payments_for_one_invoice_one_settles_and_one_is_credit(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_awaiting_payment("start")
    [first] = play.attempts(change_id)
    play.process(play.report(first.id, yen(373), kind="payment.failed"))

    from engine.payments.attempts import start_attempt

    with transaction() as session:
        second = start_attempt(session, NOON_17_JULY, change_id)
    play.process(play.report(second.id, yen(373)))
    play.step("settle", change_id)
    play.process(play.report(first.id, yen(373)))
    assert play.ledger() == {"clearing:standard": 746, "credit": -373, "sales": -339, "tax:jp-10": -34}


def test_an_event_that_makes_no_sense_is_kept_as_poison(servers: Stack) -> None:
    from engine.payments.inbox_store import ReceivedWebhook, receive_events

    play = Play.of(servers)
    with transaction() as session:
        connection = play.gateway(session)
        ids = (connection.provider_id, connection.id)
        [event_id] = receive_events(session.connection(), [ReceivedWebhook(*ids, Delivery("evt_poison"), b"[]")])
    assert event_id is not None
    assert play.process(event_id) is None
    assert event_status(event_id) == "poison"
