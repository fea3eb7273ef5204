"""A request that a person looks at is refused by them, or by the days that nobody looked; the customer reads why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from engine.review import NotInReview, refuse_unreviewed, reject_change
from local.stack import Stack
from models.audit import Attribution
from models.database import transaction
from models.moves import moves_of
from models.outbox import OutboxMessage
from models.plan_change import PlanChange
from tests.support.play import Play

NOW = datetime(2027, 7, 17, 12, tzinfo=UTC)
STAFF = Attribution("ana", "this rack is full")


def in_review(servers: Stack) -> tuple[Play, str]:
    play = Play.of(servers, "hosting", "radio-100")
    play.set_clock(NOW)
    change_id = play.request("vps-1")
    assert play.step("quote", change_id) == "awaiting_review"
    return play, change_id


def last_move(change_id: str) -> tuple[str, str, str, str | None]:
    with transaction() as session:
        last = moves_of(session, PlanChange, change_id)[-1]
        return last.event, last.to_status, last.actor, last.reason


def told(change_id: str) -> list[str]:
    with transaction() as session:
        query = select(OutboxMessage.event).where(OutboxMessage.subject == change_id)
        return [event for event in session.scalars(query) if event == "refused"]


def test_staff_reject_with_a_reason(servers: Stack) -> None:
    play, change_id = in_review(servers)
    with transaction() as session:
        assert reject_change(session, NOW, change_id, STAFF) == "refused"
    change = play.change(change_id)
    assert (change.status, change.reason, change.reason_text) == ("refused", "rejected_by_staff", "this rack is full")
    assert last_move(change_id) == ("reject", "refused", "operator:ana", "this rack is full")
    assert told(change_id) == ["refused"]
    with transaction() as session, pytest.raises(NotInReview):
        reject_change(session, NOW, change_id, STAFF)


def test_what_nobody_looked_at_is_refused_when_its_days_are_over(servers: Stack) -> None:
    play, change_id = in_review(servers)
    until = play.change(change_id).review_until
    assert until is not None
    for at, status in ((until - timedelta(seconds=1), "awaiting_review"), (until, "refused"), (until, "refused")):
        play.set_clock(at)
        with transaction() as session:
            assert refuse_unreviewed(session, at, change_id) == status
    assert play.change(change_id).reason == "review_too_old"
    assert last_move(change_id)[:3] == ("reject", "refused", "system")
    assert told(change_id) == ["refused"]
