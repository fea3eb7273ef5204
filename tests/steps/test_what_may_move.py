"""What may move: each move of each machine, guarded, written down and tried next as its cases say."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from domain.lifecycle import ImpossibleMove
from local.stack import Stack
from models.database import transaction
from models.moves import move, moves_of
from tests.steps.next_cases import CASES, CLASSES, SCAN, SWEEP, Case
from tests.steps.next_rows import rows_of
from tests.support.play import NOON_17_JULY

MOVING = {name: row for name, row in CLASSES.items() if hasattr(row, "machine")}


def quiet_case(name: str, state: str) -> Case:
    return next(case for case in CASES if (case.row, case.state, case.facts) == (name, state, frozenset()))


def is_tried(name: str, state: str) -> bool:
    """Whether a row that comes to this state is tried, by the cases."""
    return any((case.row, case.state) == (name, state) and case.found_by in (SWEEP, SCAN) for case in CASES)


@pytest.mark.parametrize("name", MOVING)
def test_a_moved_row_is_tried_if_its_new_state_has_a_task(servers: Stack, name: str) -> None:
    row = MOVING[name]
    with rows_of(servers) as rows:
        moves = {one: rows.make(quiet_case(name, one[0])).row for one in sorted(row.machine.moves)}
        for moved in moves.values():
            moved.attempts, moved.last_error = 7, "an error"
        rows.write()
        for (source, event, target), moved in moves.items():
            about = f"{name}: {source} --{event}--> {target}"
            move(rows.session, moved, event, target, NOON_17_JULY, "ana", "because")
            rows.session.flush()
            rows.session.refresh(moved)
            assert (moved.status, moved.attempts, moved.last_error) == (target, 0, None), about
            assert (moved.next_attempt_at is not None) is is_tried(name, target), about
            assert moved.next_attempt_at is None or moved.next_attempt_at >= rows.machine, about
            if row.history is not None:
                history = [
                    (one.from_status, one.event, one.to_status, one.at, one.actor, one.reason)
                    for one in moves_of(rows.session, row, moved.id)
                ]
                assert history == [(source, event, target, NOON_17_JULY, "ana", "because")], about
    assert (row.history is None) is (name == "event"), "only the inbox keeps no history"


@pytest.mark.parametrize("name", MOVING)
def test_a_move_that_is_not_in_the_table_is_refused(servers: Stack, name: str) -> None:
    row = MOVING[name]
    events = sorted({event for _, event, _ in row.machine.moves})
    with rows_of(servers) as rows:
        made = {state: rows.make(quiet_case(name, state)).row for state in row.machine.states}
        rows.write()
        for source, event, target in (
            (source, event, target) for source in made for event in (*events, "unheard_of") for target in made
        ):
            if (source, event, target) not in row.machine.moves:
                with pytest.raises(ImpossibleMove, match=rf"{source} --{event}--> {target}"):
                    move(rows.session, made[source], event, target, NOON_17_JULY)
        for state, one in made.items():
            rows.session.refresh(one)
            assert one.status == state, f"{name}: {state} has moved to {one.status}"
            assert row.history is None or moves_of(rows.session, row, one.id) == [], f"{name}: {state}"


@pytest.mark.parametrize("name", MOVING)
def test_a_row_that_was_moved_behind_our_back_is_not_moved(servers: Stack, name: str) -> None:
    row = MOVING[name]
    with rows_of(servers) as rows:
        moves = {one: rows.make(quiet_case(name, one[0])).row for one in sorted(row.machine.moves)}
        rows.write()
        for (source, event, target), moved in moves.items():
            about = f"{name}: {source} --{event}--> {target}"
            # An attempt that is live again would be the second of its invoice, and so on: an end always has a place.
            end = next(case.state for case in CASES if case.row == name and case.expected[0] == "nothing")
            other = end if end != source else next(state for state in row.machine.states if state != source)
            behind = update(row).where(row.id == moved.id).values(status=other)
            rows.session.execute(behind.execution_options(synchronize_session=False))
            with pytest.raises(StaleDataError, match=row.__tablename__), rows.session.begin_nested():
                move(rows.session, moved, event, target, NOON_17_JULY)
            assert rows.session.scalar(select(row.status).where(row.id == moved.id)) == other, about
            assert row.history is None or moves_of(rows.session, row, moved.id) == [], about


@pytest.mark.parametrize("name", MOVING)
def test_the_database_refuses_a_status_that_no_enum_has(servers: Stack, name: str) -> None:
    row = MOVING[name]
    with rows_of(servers) as rows:
        made = [rows.make(quiet_case(name, state)).row for state in row.machine.states]
        rows.write()
        for one in made:
            known = f"ck_{row.__tablename__}_status_is_known"
            changed = update(row).where(row.id == one.id).values(status="unheard_of")
            with pytest.raises(IntegrityError, match=known), rows.session.begin_nested():
                rows.session.execute(changed.execution_options(synchronize_session=False))


def test_the_databases_checks_list_the_enums_values(servers: Stack) -> None:
    with transaction() as session:
        constraints = session.execute(
            text(
                "SELECT c.conrelid::regclass::text, pg_get_constraintdef(c.oid) FROM pg_constraint c"
                " WHERE c.contype = 'c' AND c.convalidated AND c.conname LIKE 'ck\\_%\\_status\\_is\\_known'"
            )
        )
        listed = {table: sorted(re.findall(r"'([^']*)'", definition)) for table, definition in constraints}
        with_status = session.scalars(
            text(
                "SELECT table_name FROM information_schema.columns"
                " WHERE column_name = 'status' AND table_schema = 'public'"
            )
        ).all()
    assert listed == {row.__tablename__: sorted(row.machine.states) for row in MOVING.values()}
    assert sorted(with_status) == sorted(listed), "every column with a status has its CHECK"
