"""Webhooks may never come: payments that stay open are fetched, and the gateway's list of events is read."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from engine.payments import reconciliation
from gateways.protocol import GatewayError
from gateways.registry import GATEWAYS
from local.stack import Stack
from models.database import transaction
from models.inbox import InboxEvent
from models.payment import PaymentAttempt
from models.provider import Connection
from tasks.run import external_step
from tests.support.money_play import MoneyPlay, age, claimed
from worker.beat import SCHEDULE


def quiet(servers: Stack) -> tuple[MoneyPlay, str, str]:
    """A change that awaits 373 at a gateway that sends no webhooks; and its attempt's id."""
    play = MoneyPlay.of(servers)
    play.turn(webhooks=False)
    change_id = play.until_awaiting_payment("start")
    return play, change_id, play.attempts(change_id)[0].id


def list_events(play: MoneyPlay) -> list[str]:
    with transaction() as session:
        connection_id = play.gateway(session).id
    return list(external_step(reconciliation.list_page, Connection, connection_id).events)


def test_beat_reconciles_every_ten_minutes() -> None:
    entry = SCHEDULE["reconcile payments"]
    assert (entry["task"], entry["schedule"]) == ("payments.reconcile", 600.0)


def test_an_attempt_is_fetched_when_it_is_fifteen_minutes_old_and_then_every_ten(servers: Stack) -> None:
    play, change_id, attempt_id = quiet(servers)
    play.press_pay(change_id)
    age(attempt_id, 14)
    assert not claimed(attempt_id)
    age(attempt_id, 16)
    assert claimed(attempt_id)
    assert not claimed(attempt_id), "two beats do not fetch twice"
    play.fetch(attempt_id)
    play.process_all()
    assert play.steps("settle apply", change_id) == "applied"
    assert play.ledger() == {"clearing:standard": 373, "sales": -339, "tax:jp-10": -34}
    with transaction() as session:
        past = func.clock_timestamp() - timedelta(minutes=11)
        session.execute(update(PaymentAttempt).where(PaymentAttempt.id == attempt_id).values(polled_at=past))
    assert not claimed(attempt_id), "what is paid is not fetched again"


def test_an_open_payment_that_is_fetched_stays_open(servers: Stack) -> None:
    play, change_id, attempt_id = quiet(servers)
    play.fetch(attempt_id)
    assert play.attempts(change_id)[0].status == "open"
    assert play.ledger() == {}


def test_the_list_of_events_is_read_on_from_where_it_was_left(servers: Stack) -> None:
    play, change_id, _ = quiet(servers)
    play.press_pay(change_id)
    filed = list_events(play)
    assert len(filed) == 1
    assert play.process(filed[0]) == change_id
    assert play.steps("settle apply", change_id) == "applied"
    assert list_events(play) == []
    with transaction() as session:
        assert play.gateway(session).events_cursor is not None


def test_what_was_listed_and_is_notified_later_is_the_same_event(servers: Stack) -> None:
    """The list has other bytes than the webhook: that is no conflict."""
    play, change_id, attempt_id = quiet(servers)
    play.press_pay(change_id)
    [event_id] = list_events(play)
    key = play.event(event_id).event_key
    assert play.report(attempt_id, play.attempts(change_id)[0].amount, key=key) == event_id
    event = play.event(event_id)
    assert (event.deliveries, event.conflicting, event.source) == (2, False, "list")
    play.process(event_id)
    assert play.ledger() == {"clearing:standard": 373, "held": -373}


def test_a_gateway_that_does_not_answer_is_listed_again_later(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    play, _, _ = quiet(servers)

    def away(*_: object) -> None:
        raise GatewayError("away")

    monkeypatch.setattr(GATEWAYS["standard"], "recent_events", away)
    assert list_events(play) == []
    with transaction() as session:
        assert play.gateway(session).events_cursor is None
        query = select(InboxEvent).where(InboxEvent.provider_id == play.provider(session).id)
        assert session.scalars(query).all() == []


def test_a_connection_is_listed_by_one_beat_only(servers: Stack) -> None:
    play, _, _ = quiet(servers)
    with transaction() as session:
        connection_id = play.gateway(session).id
        first = reconciliation.claim_due(session).connections
    with transaction() as session:
        second = reconciliation.claim_due(session).connections
    assert connection_id not in second
    assert connection_id in first
