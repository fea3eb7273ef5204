"""What is next for a row: every state of every machine with every combination of its facts, on a real database."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import chain, combinations
from typing import Any

import pytest
from celery.canvas import Signature
from sqlalchemy import func, select, update

import tasks.story
from domain.next_steps import TABLES
from engine.jobs import sweep, work_kinds
from engine.jobs.summary import next_work
from engine.operators.dead_letters import dead_letters
from local.stack import Stack
from models.database import transaction
from models.plan_change import PlanChange
from tests.steps.next_cases import CASES, CLASSES, FACTS, IMPOSSIBLE, SCAN, SWEEP
from tests.steps.next_rows import Made, Rows, endless_patience, finder_of, finders, labels, waits_for_nobody, wrong
from tests.support.play import Play

# The tail of the canvas that begins with a step; any other is a step of its own.
TAILS = {
    "plan_change.quote": "plan_change.quote plan_change.issue_invoice plan_change.print_invoice"
    " plan_change.request_payment",
    "plan_change.issue_invoice": "plan_change.issue_invoice plan_change.print_invoice plan_change.request_payment",
    "plan_change.print_invoice": "plan_change.print_invoice plan_change.request_payment",
    "invoices.print": "invoices.print invoices.notify",
    "plan_change.settle": "plan_change.settle plan_change.apply_plan plan_change.print_invoice plan_change.notify",
    "plan_change.apply_plan": "plan_change.apply_plan plan_change.print_invoice plan_change.notify",
}
ARGUMENTS = {
    "change": "change_id",
    "payment": "attempt_id",
    "refund": "refund_id",
    "event": "event_id",
    "invoice": "invoice_id",
    "credit": "credit_id",
    "mail": "message_id",
    "service": "service_id",
    "ending": "ending_id",
}


def test_every_machine_has_its_cases() -> None:
    assert {table for row in CLASSES.values() for table in row.steps} == set(TABLES)


@pytest.mark.parametrize("name", CLASSES)
def test_every_combination_of_facts_in_every_state_is_a_case(name: str) -> None:
    steps = CLASSES[name].steps
    for state in steps[0].states:
        facts = sorted({rule.fact for table in steps for rule in table.rules if state in rule.states and rule.fact})
        combined = (combinations(facts, size) for size in range(len(facts) + 1))
        possible = {frozenset(some) for some in chain.from_iterable(combined)}
        impossible = {some for row, of_state, some in IMPOSSIBLE if (row, of_state) == (name, state)}
        assert impossible <= possible, f"{name} {state}: no such combination"
        cases = {case.facts for case in CASES if (case.row, case.state) == (name, state)}
        assert cases == possible - impossible, f"{name} {state}, of {facts}"
    written = {case.state for case in CASES if case.row == name}
    assert written == set(steps[0].states), f"{name}: a state that no table has"


def test_rows_are_what_their_cases_say(rows: Rows) -> None:
    for name, row in CLASSES.items():
        of_class = [made for made in rows.made if made.case.row == name]
        state = getattr(row, row.steps[0].state)
        query = select(row.id, state, *(getattr(row, fact) for fact in FACTS[name]))
        found = {
            row_id: (state, frozenset(fact for fact, true in zip(FACTS[name], true, strict=True) if true))
            for row_id, state, *true in rows.session.execute(query.where(row.id.in_([m.row.id for m in of_class])))
        }
        for made in of_class:
            state, true = found[made.row.id]
            assert (state, true & made.case.mattering) == (made.case.state, made.case.facts), str(made)


def test_what_is_next_is_what_the_case_says(rows: Rows) -> None:
    found = labels(rows)
    differences = wrong({made: made.case.expected for made in rows.made}, lambda made: found[made.row.id])
    assert not differences, differences


def test_the_tasks_that_are_next_are_named(rows: Rows) -> None:
    expected = {made: made.case.tasks for made in rows.made if not made.noisy}
    differences = wrong(expected, lambda made: next_work(rows.session, made.row.id).tasks)
    assert not differences, differences


def test_each_row_is_found_by_the_task_that_should_find_it_and_by_no_other(rows: Rows) -> None:
    differences = wrong({made: finder_of(made) for made in rows.made}, finders(rows.session))
    assert not differences, differences


def test_only_what_a_date_brings_is_claimed_however_patient_the_sweep_is(rows: Rows) -> None:
    expected = {made: finder_of(made) if waits_for_nobody(made.case) else [] for made in rows.made}
    with endless_patience():
        differences = wrong(expected, finders(rows.session))
    assert not differences, differences


def test_what_is_enqueued_is_the_canvas_from_the_next_step_on(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[Signature[Any]] = []
    monkeypatch.setattr(tasks.story, "publish", published.append)
    monkeypatch.setattr(tasks.story, "transaction", contextmanager(lambda: iter([rows.session])))

    def enqueued(made: Made) -> list[Any]:
        published.clear()
        tasks.story.enqueue(made.row.id)
        return [[(one.task, one.kwargs) for one in getattr(canvas, "tasks", [canvas])] for canvas in published]

    def canvas(made: Made, task: str) -> Any:
        return [(step, {ARGUMENTS[made.case.row]: made.row.id}) for step in TAILS.get(task, task).split()]

    expected = {made: [canvas(made, task) for task in made.case.tasks] for made in rows.made if not made.noisy}
    differences = wrong(expected, enqueued)
    assert not differences, differences


def test_a_dead_letter_is_what_the_sweep_or_the_scan_would_try(rows: Rows) -> None:
    for row in CLASSES.values():
        mine = update(row).where(row.id.in_([made.row.id for made in rows.made if type(made.row) is row]))
        given_up = {"next_attempt_at": None, "attempts": 150}
        rows.session.execute(mine.values(**given_up).execution_options(synchronize_session=False))
    letters = {letter.id for letter in dead_letters(rows.session, rows.provider_id)}
    # An event that is given up has a status of its own; a refused payment and a failed refund wait for an operator.
    expected = {
        made: made.case.state == "dead"
        if made.case.row == "event"
        else made.case.found_by in (SWEEP, SCAN) or bool(made.case.facts & {"refused", "undecided"})
        for made in rows.made
    }
    differences = wrong(expected, lambda made: made.row.id in letters)
    assert not differences, differences


def test_who_has_much_to_do_leaves_the_others_their_share(servers: Stack) -> None:
    """Two places in the queue for two providers, among many who have waited for an hour or longer: one for each."""
    plays = [Play.of(servers), Play.of(servers)]
    changes = [play.request("start") for play in plays]
    pending = work_kinds.CHANGES.paths[0]
    [step] = [step for step in work_kinds.CHANGES.steps(pending) if step.task == "plan_change.quote"]
    with transaction() as session:
        an_hour_ago = func.clock_timestamp() - timedelta(hours=1)
        session.execute(update(PlanChange).where(PlanChange.id.in_(changes)).values(next_attempt_at=an_hour_ago))
        [due] = [due for due in sweep.due(session, [work_kinds.CHANGES]) if due.path is pending]
        of_two = replace(due, now=due.now.only({play.provider(session).id for play in plays}))
        claimed = sweep.Claimed()
        sweep.claim_step(session, of_two, step, sweep.Queue(room=2), claimed)
    assert sorted(claimed.overdue_rows) == sorted(changes)
