"""A call that the guard did not let through is no try: nothing is counted, and it is made later."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.inbox.failures import FAILURES_BEFORE_DEAD, put_off
from engine.jobs.external_call import machine_time
from gateways.protocol import GatewayNotAsked
from local.stack import Stack
from models.database import transaction
from models.inbox import InboxEvent, store_event
from models.provider import connection_of
from outbound import guard
from outbound.guard import NotAsked
from tasks.run import local_step
from tests.support.play import Play


def not_asked(system: str, call: object) -> None:
    raise NotAsked("it has not answered lately", 15.0)


def test_a_change_does_not_come_nearer_to_being_stuck(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    play = Play.of(servers)
    change_id = play.until_paid()
    monkeypatch.setattr(guard._Installed, "guard", not_asked)
    for _ in range(20):  # more than the tries of which the last one leaves it stuck
        assert play.step("apply", change_id) == "applying"
        play.end_lease(change_id)
    change = play.change(change_id)
    assert (change.apply_attempts, change.reason_text) == (0, "The host was not called: it has not answered lately.")
    monkeypatch.undo()
    assert play.step("apply", change_id) == "applied"


def test_it_waits_for_as_long_as_the_system_is_left_alone(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    play = Play.of(servers)
    change_id = play.until_paid()
    monkeypatch.setattr(guard._Installed, "guard", not_asked)
    play.step("apply", change_id)
    with transaction() as session:
        pause = play.change(change_id).next_attempt_at - machine_time(session)  # type: ignore[operator]
    assert timedelta(seconds=10) < pause <= timedelta(seconds=15)


def test_an_event_does_not_come_nearer_to_being_dead(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_paid()
    with transaction() as session:
        connection = connection_of(session, play.change(change_id).provider_id, "gateway")
        assert connection is not None
        key = (connection.provider_id, connection.id)
        event_id = store_event(session, play.change(change_id).received_at, *key, "webhook", "evt-1", b"{}")
    assert event_id is not None
    for _ in range(2 * FAILURES_BEFORE_DEAD):
        assert local_step(put_off(GatewayNotAsked("left alone", 15.0)), InboxEvent, event_id) == "retry"
    with transaction() as session:
        assert session.get_one(InboxEvent, event_id).failures == 0
