"""Two rules for every step, seen from outside: nothing of it shows before the edge commits, and its time is given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import DateTime, select, text
from sqlalchemy.orm import Session

import tasks.run
from local.stack import Stack
from models.base import Base
from models.database import transaction
from tests.support.play import AUGUST, Play

# The database's own clock says when a row was written, when its work is tried again, and how long a lease runs.
MACHINE_TIME = {
    "created_at",
    "recorded_at",
    "loaded_at",
    "next_attempt_at",
    "enqueued_at",
    "lease_until",
    "list_at",
    "refused_at",
}


def play_an_upgrade_and_a_renewal(play: Play) -> None:
    """373 yen for Start from 17 July on, then the downgrade to Basic that August begins with."""
    change_id = play.until_paid()
    assert play.steps("apply print", change_id) == "applied"
    back = play.request("basic")
    assert play.step("quote", back) == "scheduled"
    play.set_clock(AUGUST)
    assert play.renew().change_id == back
    assert play.steps("apply print", back) == "applied"
    assert play.ledger()["receivable"] == 550


def written(session: Session) -> set[tuple[str, int, int]]:
    """Changes with every write that the session can see: a row that is updated is a new version of it."""
    versions = "count(*), coalesce(sum(xmin::text::bigint), 0)"
    tables = (f"SELECT '{name}', {versions} FROM {name}" for name in Base.metadata.tables)
    return {(name, rows, of_them) for name, rows, of_them in session.execute(text(" UNION ALL ".join(tables)))}


def test_no_step_commits(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []

    @contextmanager
    def looked_at_from_outside() -> Iterator[Session]:
        with transaction() as session, transaction() as other:
            before = written(other)
            yield session
            session.flush()
            steps.append(written(session) != before)
            assert written(other) == before, "something shows before the step is over"

    play = Play.of(servers)
    monkeypatch.setattr(tasks.run, "transaction", looked_at_from_outside)
    play_an_upgrade_and_a_renewal(play)
    assert steps.count(True) >= 10


def test_what_happens_is_dated_by_the_providers_clock(servers: Stack) -> None:
    play = Play.of(servers)
    play_an_upgrade_and_a_renewal(play)
    today, dated = datetime.now(UTC), set()
    with transaction() as session:
        provider_id = play.provider(session).id
        for table in Base.metadata.sorted_tables:
            if "provider_id" not in table.c:
                continue
            for column in table.c:
                if isinstance(column.type, DateTime) and column.name not in MACHINE_TIME:
                    query = select(column).where(table.c.provider_id == provider_id, column.is_not(None))
                    dated |= {(str(column), at) for at in session.scalars(query)}
    assert len({name for name, _ in dated}) >= 15
    of_the_machine = {name for name, at in dated if abs(at - today) < timedelta(days=60)}
    # A gateway closes its page by its own clock; the provider was set up before its clock was.
    assert of_the_machine == {"payment_attempts.expires_at", "operator_actions.at"}
