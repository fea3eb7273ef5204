"""The database comes back on a machine whose clock is an hour behind: what was to be done within seconds is not an hour
away."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain

import pytest
from sqlalchemy import update

from domain.money import Money
from engine.jobs import sweep, work_kinds
from engine.jobs.external_call import machine_time
from local.stack import Stack
from models.database import transaction
from models.plan_change import PlanChange
from tests.support.play import AUGUST, Play

HOUR = timedelta(hours=1)


def claimed(row_id: str) -> bool:
    """Of the rows that other tests left only a batch would be claimed, and ours may not be in it."""
    with transaction() as session:
        others = update(PlanChange).where(PlanChange.id != row_id)
        session.execute(others.values(next_attempt_at=machine_time(session) + timedelta(minutes=1)))
        claimed = row_id in sweep.claim(session, work_kinds.SWEPT).overdue_rows
        session.rollback()
    return claimed


def put(row_id: str, **ahead: timedelta) -> None:
    """As times written by a clock that was ahead of today's."""
    with transaction() as session:
        now = machine_time(session)
        values = {name: now + delta for name, delta in ahead.items()}
        session.execute(update(PlanChange).where(PlanChange.id == row_id).values(**values))


def test_a_row_is_claimed_whose_next_attempt_is_further_ahead_than_any_pause(servers: Stack) -> None:
    change_id = Play.of(servers).request("business")
    put(change_id, next_attempt_at=timedelta(minutes=9))
    assert not claimed(change_id), "a pause between two attempts may last ten minutes"
    put(change_id, next_attempt_at=HOUR)
    assert claimed(change_id)


def test_a_lease_that_runs_for_longer_than_any_does_is_over(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_awaiting_payment("business")
    play.process(play.report(play.attempts(change_id)[-1].id, Money(1331, "JPY")))
    play.step("settle", change_id)
    put(change_id, lease_until=timedelta(minutes=9), next_attempt_at=timedelta(minutes=9))
    play.step("apply", change_id)
    assert play.change(change_id).status == "paid", "somebody holds it"
    put(change_id, lease_until=HOUR, next_attempt_at=HOUR)
    assert claimed(change_id)
    play.step("apply", change_id)
    assert play.change(change_id).status == "applied"


@pytest.mark.parametrize(
    ("ahead", "is_due"), [(timedelta(seconds=-1), True), (timedelta(minutes=9), False), (HOUR, True)]
)
def test_a_renewal_whose_next_try_is_further_ahead_than_any_pause_is_due(
    servers: Stack, ahead: timedelta, is_due: bool
) -> None:
    play = Play.of(servers)
    play.set_clock(AUGUST)
    periods = work_kinds.RENEWALS.paths[0]
    with transaction() as session:
        play.service(session).next_attempt_at = machine_time(session) + ahead
        session.flush()
        due = [due.now.tenants for due in sweep.due(session, [work_kinds.RENEWALS]) if due.path is periods]
        assert (play.provider(session).id in chain(*due)) is is_due
