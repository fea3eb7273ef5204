"""With years of history in the tables, whatever is asked every few seconds is found by an index, and so is what an
operator asks at 3 a.m."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from redis import Redis
from sqlalchemy import func, select, text

from engine import dunning
from engine.audit.checks import audit_books, providers_to_audit
from engine.audit.watch import troubles
from engine.jobs import retention, sweep, work_kinds
from engine.jobs.sweep import Claimed, Due, Queue
from engine.operators.dead_letters import count_dead_letters, dead_letters
from engine.payments import reconciliation
from models.customer import Service
from models.database import snapshot, transaction
from models.provider import Provider, moment
from settings import settings
from tasks.renewals import scan
from tasks.sweep import enqueue_due
from tests.conftest import environment
from tests.steps.conftest import OTHERS, SERVICES
from tests.support.cost import empty_queues
from tests.support.plans import Asked, asked, read_whole
from tests.support.play import NOON_17_JULY, Play


@pytest.fixture
def swept(large: Play) -> Asked:
    """What the sweep, the scans and the reconciliation ask."""
    with transaction() as session, asked() as statements:
        sweep.due(session, work_kinds.SWEPT)
        sweep.due(session, work_kinds.SCANNED)
        now = moment(session)
        for work in work_kinds.WORK_KINDS:
            for path in work.paths:
                for step in work.steps(path):
                    sweep.claim_step(session, Due(work, path, now), step, Queue(room=20), Claimed())
        dunning.remind_unpaid(session)
        dunning.mark_past_due(session)
        reconciliation.claim_due(session)
        session.rollback()
    assert len(statements) > 30
    return statements


def test_the_sweep_and_the_scans_read_no_table_whole(swept: Asked) -> None:
    with transaction() as session:
        assert read_whole(session, swept) == set()


def test_no_fact_of_a_row_is_looked_up_in_a_whole_table(swept: Asked) -> None:
    """Not even where the planner takes an index for dear."""
    with transaction() as session:
        session.execute(text("SET LOCAL random_page_cost = 1e6"))
        for statement, values in swept:
            plan = session.connection().exec_driver_sql(f"EXPLAIN (VERBOSE) {statement}", values).scalars()
            assert "hashed SubPlan" not in "\n".join(plan), statement


def test_the_audit_finds_nothing_wrong_with_it(large: Play) -> None:
    """So that what the rows are is what a provider has."""
    with snapshot() as session:
        findings = audit_books(session, providers_to_audit(session))
    assert {finding.name: finding.rows for finding in findings if not finding.holds} == {}


def test_what_an_operator_asks_is_found_by_an_index(large: Play) -> None:
    """The list of dead letters, and what doctor says."""
    with transaction() as session, asked() as statements:
        assert (count_dead_letters(session), dead_letters(session)) == (0, [])
        assert {trouble.kind for trouble in troubles(session, ["core"])} == {"sweep", "no_worker"}
    with transaction() as session:
        assert read_whole(session, statements) == set()


def test_what_is_old_enough_to_be_deleted_is_found_by_an_index(large: Play) -> None:
    with transaction() as session, asked() as statements:
        assert [retention.delete_old(session, kept) for kept in retention.KEPT] == [0] * 4
    with transaction() as session:
        assert read_whole(session, statements) == set()


def depth_of(queue: str, take: int = 0) -> int:
    """How many messages wait, after so many were taken off."""
    with Redis.from_url(settings().require_broker_url()) as broker:
        if take:
            broker.rpop(queue, take)
        return int(broker.llen(queue))


@pytest.fixture
def shallow(_large: tuple[Play, dict[str, str]]) -> Iterator[Play]:
    """Queues are filled to forty messages; nobody takes one off. A slow machine is no lost message."""
    play, variables = _large
    with environment(variables | {"PLANSHIFT_QUEUE_DEPTH": "40", "PLANSHIFT_SWEEP_PATIENCE_SECONDS": "300"}):
        empty_queues()
        yield play
        empty_queues()


def test_a_night_of_renewals_fills_its_queue_to_a_depth_and_no_deeper(shallow: Play) -> None:
    shallow.set_clock(NOON_17_JULY + timedelta(days=20, hours=2))
    assert (scan(), depth_of("renewals")) == (40, 40)
    assert (scan(), depth_of("renewals")) == (0, 40)
    assert depth_of("renewals", take=10) == 30
    assert (scan(), depth_of("renewals")) == (10, 40)
    with transaction() as session:
        tried = session.scalars(select(Service.attempts).where(Service.attempts > 0)).all()
    assert tried == [1] * 50, "each was enqueued once"


def test_what_waits_in_its_queue_is_not_enqueued_again(shallow: Play) -> None:
    """Sixty mails whose messages were lost, before workers that stand still; their pauses are over each time."""
    late = text("UPDATE outbox_messages SET next_attempt_at = now() - interval '1 hour' WHERE sent_at IS NULL")
    lost = "UPDATE outbox_messages SET sent_at = NULL, next_attempt_at = now() - interval '1 day' WHERE id IN"
    with transaction() as session:
        session.execute(text(f"{lost} (SELECT id FROM outbox_messages ORDER BY id LIMIT 60)"))
    depths = []
    for _ in range(4):
        enqueue_due()
        depths.append(depth_of("renewals"))
        with transaction() as session:
            session.execute(late)
    assert depths == [40, 60, 60, 60], "those beyond the depth by the handful, and none twice"
    empty_queues()
    enqueue_due()
    assert depth_of("renewals") == 40, "what is lost is found again"


def test_a_night_of_renewals_is_released_as_the_queue_has_room(large: Play) -> None:
    """All services are due at this hour; another tenant's single one has its share of each batch."""
    other = Play.of(large.stack)
    for play in (large, other):
        play.set_clock(NOON_17_JULY + timedelta(days=20, hours=2))
    with transaction() as session:
        [due] = [due for due in sweep.due(session, [work_kinds.RENEWALS]) if due.path is work_kinds.RENEWALS.paths[0]]
        assert len(due.now.tenants) == 2
        [step] = work_kinds.RENEWALS.steps(due.path)
        batches = []
        for room in (30, 0, 30):
            claimed = Claimed()
            sweep.claim_step(session, due, step, Queue(room), claimed)
            batches.append(claimed.overdue_rows)
        theirs = select(Service.id).join(Provider).where(Provider.slug == other.slug)
        assert session.scalar(theirs) in batches[0]
        assert [len(batch) for batch in batches] == [16, 0, 15]
        assert len({*batches[0], *batches[2]}) == 31, "none is claimed twice"
        session.rollback()


def test_each_bill_is_looked_at_once(large: Play) -> None:
    """What is past due already is not read again and again."""
    with transaction() as session:
        session.execute(text("UPDATE invoices SET past_due_at = due_at WHERE settled_at IS NULL"))
        looked_at = [dunning.mark_past_due(session) for _ in range(2)]
        late = SERVICES // 50 + OTHERS // 50
        assert looked_at == [late, 0]
        assert session.scalar(select(func.count()).where(Service.status == "past_due")) == late
        session.rollback()
