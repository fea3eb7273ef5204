"""Webhooks may never come: payments that stay open are fetched, and the gateway's list of events is read."""

from __future__ import annotations

import os
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from engine.jobs.external_call import machine_time
from engine.payments import reconciliation
from gateways.protocol import GatewayError
from gateways.registry import GATEWAYS
from local.stack import Stack
from models.database import transaction
from models.inbox import InboxEvent
from models.payment import Payment, PaymentAttempt
from models.provider import Connection
from tasks.payments import reconcile
from tasks.run import external_step
from tests.conftest import environment
from tests.support.cost import empty_queues
from tests.support.money_play import MoneyPlay, age, claimed, fetched_hours_ago
from worker.app import BY_DATE
from worker.beat import SCHEDULE
from worker.depth import depths


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


def backlog(servers: Stack, *minutes: tuple[int, int | None]) -> list[str]:
    """An attempt for each: so many minutes ago it was begun, and fetched last, if it was. No other one is due."""
    attempts = [quiet(servers)[2] for _ in minutes]
    with transaction() as session:
        now = func.clock_timestamp()
        session.execute(update(PaymentAttempt).values(polled_at=now))
        for attempt_id, (begun, fetched) in zip(attempts, minutes, strict=True):
            polled_at = None if fetched is None else now - timedelta(minutes=fetched)
            values = {"created_at": now - timedelta(minutes=begun), "polled_at": polled_at}
            session.execute(update(PaymentAttempt).where(PaymentAttempt.id == attempt_id).values(values))
    return attempts


def claim(room: int = 500, oldest: datetime | None = None) -> set[str]:
    with transaction() as session:
        return set(reconciliation.claim_due(session, room, oldest).attempts)


def test_beat_looks_every_thirty_seconds() -> None:
    entry = SCHEDULE["reconcile payments"]
    assert (entry["task"], entry["schedule"]) == ("payments.reconcile", 30.0)


def test_who_was_fetched_longest_ago_waits_behind_no_newer_one(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five are due, two at once: one that was fetched 21 minutes ago is not kept waiting by those that never were."""
    monkeypatch.setattr(reconciliation, "BATCH", 2)
    once, first, second, third, again = backlog(servers, (60, 21), (18, None), (17, None), (16, None), (90, 11))
    assert [claim(), claim(), claim(), claim()] == [{once, first}, {second, third}, {again}, set()]


def test_refunds_that_may_come_back_have_their_share(servers: Stack) -> None:
    """Of room for two, open attempts leave one; they have the whole of it where no refund is due."""
    play, _, payment_id = MoneyPlay.overpaid(servers)
    refunded = play.payments()[0].attempt_id
    assert refunded is not None
    waiting = backlog(servers, (60, None), (50, None), (40, None))
    with transaction() as session:
        soon = func.clock_timestamp() + timedelta(days=1)
        session.execute(update(Payment).where(Payment.id == payment_id).values(refunds_watched_until=soon))
    fetched_hours_ago(refunded, 7)
    assert [claim(room=2), claim(room=2), claim(room=2)] == [{refunded, waiting[0]}, {*waiting[1:]}, set()]


def test_a_full_queue_gets_no_more(servers: Stack) -> None:
    """Three are due, and the queue is filled to two messages."""
    with environment(os.environ | {"PLANSHIFT_QUEUE_DEPTH": "2"}):
        backlog(servers, (60, None), (50, None), (40, None))
        empty_queues()
        found = list[int]()
        for _ in range(2):
            reconcile()
            found.append(depths([BY_DATE])[BY_DATE].count)
        empty_queues()
        reconcile()
        found.append(depths([BY_DATE])[BY_DATE].count)
        empty_queues()
    assert found == [2, 2, 1]


def test_what_still_waits_in_its_queue_is_not_enqueued_again(servers: Stack) -> None:
    """Its message was sent twenty minutes ago, and the worker stands still. One that was never sent goes behind it."""
    waits, new = backlog(servers, (60, 20), (16, None))
    with transaction() as session:
        sent_at = machine_time(session) - timedelta(minutes=20)
    assert claim(oldest=sent_at) == {new}
    assert claim(oldest=sent_at + timedelta(minutes=1)) == {waits}


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
