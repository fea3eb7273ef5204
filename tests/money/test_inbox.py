"""What cannot be processed is tried again with growing pauses, given up in the end, seen, and replayed by people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError

from engine.inbox import allocation, failures
from engine.inbox.failures import FAILURES_BEFORE_DEAD, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS
from engine.operators.replay import UnknownEvent, events_of, replay_event
from gateways.protocol import GatewayEvent, GatewayRefused, NotAtGateway
from local.stack import Stack
from models.audit import Attribution, OperatorAction
from models.database import transaction
from models.inbox import InboxEvent
from models.pending_work import pause
from models.provider import Provider, business_now
from tests.support.money_play import MoneyPlay, yen
from tests.support.play import NOON_17_JULY

DECISION = Attribution("ana", "the bug is mended")


def test_pauses_grow_from_seconds_to_hours_and_differ(servers: Stack) -> None:
    for failed, longest in ((1, 10), (2, 20), (5, 160), (12, 20_480), (13, 21_600), (40, 21_600)):
        with transaction() as session:
            one = func.extract("epoch", pause(failed - 1, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS))
            pauses = set(session.scalars(select(one).select_from(func.generate_series(1, 50).alias("tries"))))
        assert all(longest * 0.75 <= one <= longest for one in pauses)
        assert len(pauses) > 40


def test_a_failing_event_is_tried_again_and_in_the_end_is_dead(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    play = MoneyPlay.of(servers)
    change_id = play.until_awaiting_payment("start")
    event_id = play.report(play.attempts(change_id)[0].id, yen(373))

    def broken(*_: object) -> GatewayEvent:
        raise RuntimeError("a bug of ours")

    with monkeypatch.context() as patch:
        patch.setattr(allocation, "allocate_event", broken)
        for failures in range(1, FAILURES_BEFORE_DEAD + 1):
            with pytest.raises(RuntimeError):
                play.process(event_id)
            event = play.event(event_id)
            assert (event.failures, event.last_error) == (failures, "RuntimeError: a bug of ours")
            if failures < FAILURES_BEFORE_DEAD:
                assert event.status == "retry"
                assert event.next_attempt_at is not None
                assert event.next_attempt_at - datetime.now(UTC) > timedelta(seconds=7)
    assert (play.event(event_id).status, play.event(event_id).next_attempt_at) == ("dead", None)
    assert play.ledger() == {}
    assert play.process(event_id) is None, "a dead event waits until somebody replays it"

    replay(play, event_id)
    assert play.process(event_id) == change_id
    assert play.ledger() == {"clearing:standard": 373, "held": -373}
    replay(play, event_id)
    play.process(event_id)
    assert play.ledger() == {"clearing:standard": 373, "held": -373}, "replayed money is not booked again"
    assert [(Attribution(action.actor, action.reason), action.details) for action in actions(play, event_id)] == [
        (DECISION, {"status_before": "dead"}),
        (DECISION, {"status_before": "processed"}),
    ]


def replay(play: MoneyPlay, event_id: str) -> None:
    with transaction() as session:
        replay_event(session, NOON_17_JULY, play.provider(session), event_id, DECISION)


def actions(play: MoneyPlay, subject: str) -> list[OperatorAction]:
    with transaction() as session:
        query = select(OperatorAction).where(OperatorAction.subject == subject).order_by(OperatorAction.id)
        return list(session.scalars(query))


def test_an_operators_action_cannot_be_rewritten(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    replay(play, play.report("pay_unknown", yen(1)))
    with pytest.raises(DBAPIError, match="append-only"), transaction() as session:
        session.execute(update(OperatorAction).values(actor="somebody else"))


def test_another_providers_event_is_not_replayed(servers: Stack) -> None:
    play, other = MoneyPlay.of(servers), MoneyPlay.of(servers)
    event_id = other.report("pay_unknown", yen(1))
    with pytest.raises(UnknownEvent):
        replay(play, event_id)


def test_operators_see_what_needs_them_and_both_bodies_of_a_conflict(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    play.process(play.report("pay_unknown", yen(1)))
    conflict = play.report("pay_unknown", yen(2), key="evt_1")
    play.report("pay_unknown", yen(3), key="evt_1")
    play.report("pay_unknown", yen(4), key="evt_1")
    poison = play.report_body({"id": "evt_2", "type": 5})
    play.process(poison)
    with transaction() as session:
        provider_id = play.provider(session).id
        seen = {row.id for row in session.scalars(events_of(provider_id, "attention"))}
    assert seen == {conflict, poison}
    event = play.event(conflict)
    assert (event.deliveries, b'"amount": 2' in event.body) == (3, True)
    assert event.conflicting_body is not None
    assert b'"amount": 3' in event.conflicting_body, "the first other contents are kept"


@pytest.mark.parametrize(("error", "status"), [(NotAtGateway("no"), "dead"), (GatewayRefused("no"), "retry")])
def test_what_the_gateway_does_not_know_is_not_asked_about_again(servers: Stack, error: Exception, status: str) -> None:
    """A payment of another account or mode will not be there later either; a refusal may be a key that is mended."""
    play = MoneyPlay.of(servers)
    event_id = play.report("pay_unknown", yen(1))
    with transaction() as session:
        assert failures.put_off(error)(session, NOON_17_JULY, event_id) == status
    event = play.event(event_id)
    assert (event.failures, event.next_attempt_at is None) == (1, status == "dead")


def test_no_offer_expires_while_an_event_about_it_is_tried_again(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    change_id = play.until_awaiting_payment("start")
    [attempt] = play.attempts(change_id)
    event_id = play.report(attempt.id, yen(373))
    with transaction() as session:
        failures.put_off(RuntimeError("away"))(session, NOON_17_JULY, event_id)
    play.set_clock(NOON_17_JULY.replace(day=24))
    play.step("expire", change_id)
    play.fetch(attempt.id)
    for other in open_events(play):
        if other != event_id:
            play.process(other)
    assert play.step("expire", change_id) == "awaiting_payment"
    play.process(event_id)
    assert play.steps("settle apply", change_id) == "applied"


def open_events(play: MoneyPlay) -> list[str]:
    with transaction() as session:
        query = select(InboxEvent.id).where(InboxEvent.provider_id == play.provider(session).id)
        return list(session.scalars(query.where(InboxEvent.status.in_(("received", "parked", "retry")))))


def test_the_inbox_keeps_business_time(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    event = play.event(play.report("pay_unknown", yen(1)))
    with transaction() as session:
        assert event.received_at == business_now(session, Provider, play.provider(session).id) == NOON_17_JULY
        assert session.execute(text("SELECT clock_timestamp()")).scalar_one() > event.recorded_at
