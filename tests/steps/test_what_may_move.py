"""What may move: each move of each machine, guarded, written down and tried next as its cases say."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from domain.lifecycle import ImpossibleMove
from local.stack import Stack
from models.database import transaction
from models.moves import Move, Moving, WithHistory, move, moves_of
from models.plan_change import PlanChange
from tests.steps.next_cases import CASES, CLASSES, SCAN, SWEEP, Case
from tests.steps.next_rows import rows_of
from tests.support.play import NOON_17_JULY

MOVING = {name: row for name, row in CLASSES.items() if hasattr(row, "machine")}


def quiet_case(name: str, state: str) -> Case:
    return next(case for case in CASES if (case.row, case.state, case.facts) == (name, state, frozenset()))


def is_tried(name: str, state: str) -> bool:
    """Whether a row that comes to this state is tried, by the cases."""
    return any((case.row, case.state) == (name, state) and case.found_by in (SWEEP, SCAN) for case in CASES)


def _history(session: Session, row: type[Moving], row_id: str) -> list[Move]:
    return moves_of(session, row, row_id) if issubclass(row, WithHistory) else []


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
            rows.session.refresh(moved)  # with what comes with it
            move(rows.session, moved, event, target, NOON_17_JULY, "ana", "because")
            rows.session.flush()
            rows.session.refresh(moved)
            assert (moved.status, moved.attempts, moved.last_error) == (target, 0, None), about
            assert (moved.next_attempt_at is not None) is is_tried(name, target), about
            assert moved.next_attempt_at is None or moved.next_attempt_at >= rows.machine, about
            if issubclass(row, WithHistory):
                [one] = moves_of(rows.session, row, moved.id)
                assert (one.from_status, one.event, one.to_status) == (source, event, target), about
                assert (one.at, one.actor, one.reason) == (NOON_17_JULY, "ana", "because"), about
                assert one.id == moved.last_move_id, about
    assert issubclass(row, WithHistory) is (name != "event"), "only the inbox keeps no history"


def test_two_moves_before_they_are_written_are_two_rows_of_the_history(servers: Stack) -> None:
    with rows_of(servers) as rows:
        change = rows.make(quiet_case("change", "requested")).row
        rows.write()
        move(rows.session, change, "quote", "quoted", NOON_17_JULY)
        move(rows.session, change, "issue", "invoiced", NOON_17_JULY)
        rows.session.flush()
        rows.session.refresh(change)
        history = moves_of(rows.session, PlanChange, change.id)
        paths = [(one.from_status, one.to_status) for one in history]
        assert paths == [("requested", "quoted"), ("quoted", "invoiced")]
        assert (change.status, change.last_move_id) == ("invoiced", history[-1].id)


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
            assert _history(rows.session, row, one.id) == [], f"{name}: {state}"


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
            rows.session.refresh(moved)  # with what comes with it
            behind = update(row).where(row.id == moved.id).values(status=other)
            rows.session.execute(behind.execution_options(synchronize_session=False))
            with pytest.raises(StaleDataError, match=row.__tablename__), rows.session.begin_nested():
                move(rows.session, moved, event, target, NOON_17_JULY)
            assert rows.session.scalar(select(row.status).where(row.id == moved.id)) == other, about
            assert _history(rows.session, row, moved.id) == [], about


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
