"""Bugs planted in the tables of what is next: each is noticed, and what the sweep forgets the audit names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from itertools import combinations

import pytest

from domain.next_steps import NextRule, NextSteps, Step
from engine.audit import checks
from engine.audit.ledger_checks import OVERDUE
from local.stack import Stack
from tests.steps.next_cases import CASES, CLASSES, HOUR, OPERATOR, SCAN, SWEEP, Case
from tests.steps.next_rows import (
    Made,
    Rows,
    endless_patience,
    finder_of,
    finders,
    labels_of,
    other_tables,
    rows_of,
    waits_for_nobody,
    wrong,
)


def with_rules(table: NextSteps, rules: list[NextRule]) -> NextSteps:
    return replace(table, rules=tuple(rules))


def without_rules(table: NextSteps) -> Iterator[tuple[str, NextSteps]]:
    """The table without each of its rules, and without each of a rule's states."""
    for at, rule in enumerate(table.rules):
        rules = list(table.rules)
        yield f"{table.machine} without {described(rule)}", with_rules(table, rules[:at] + rules[at + 1 :])
        for state in sorted(rule.states):
            rules[at] = rule._replace(states=rule.states - {state})
            yield f"{table.machine} without {state} in {described(rule)}", with_rules(table, rules)


def swapped_rules(table: NextSteps) -> Iterator[tuple[str, NextSteps]]:
    """The table with each two rules swapped that have a state in common and say something else."""
    for (one, first), (other, second) in combinations(enumerate(table.rules), 2):
        if first.states & second.states and first.next.label != second.next.label:
            rules = list(table.rules)
            rules[one], rules[other] = second, first
            yield f"{table.machine}: {described(first)} after {described(second)}", with_rules(table, rules)


def facts_forgotten(table: NextSteps) -> Iterator[tuple[str, NextSteps]]:
    """The table with each rule that asks for a fact asking for none."""
    for at, rule in enumerate(table.rules):
        if rule.fact:
            rules = list(table.rules)
            rules[at] = rule._replace(fact=None)
            yield f"{table.machine}: {described(rule)} whatever the fact", with_rules(table, rules)


# A fact that is true only together with another one.
IMPLIED = {"refund_poll_due": "poll_due"}


def never_true(fact: str | None, state: str) -> bool:
    """A refused payment and an undecided refund are facts that hold their state; a stuck change has been paid."""
    return fact in ("refused", "undecided") or (fact, state) == ("payment_refused", "stuck")


def states_added(table: NextSteps) -> Iterator[tuple[str, NextSteps]]:
    """The table with each rule in one more state."""
    for at, rule in enumerate(table.rules):
        for state in sorted(set(table.states) - rule.states):
            rules = list(table.rules)
            rules[at] = rule._replace(states=rule.states | {state})
            # Behind a rule for every row of that state, or for all that have the fact, it is never reached.
            behind = {before.fact for before in rules[:at] if state in before.states}
            if not behind & {None, IMPLIED.get(rule.fact or "", rule.fact)} and not never_true(rule.fact, state):
                yield f"{table.machine}: {described(rule)} in {state}, too", with_rules(table, rules)


def described(rule: NextRule) -> str:
    return f"{'/'.join(sorted(rule.states))} [{rule.fact or 'always'}] → {rule.next.label}"


@pytest.mark.parametrize("plant", [without_rules, swapped_rules, facts_forgotten, states_added])
def test_a_planted_bug_in_a_table_is_noticed(
    rows: Rows, plant: Callable[[NextSteps], Iterator[tuple[str, NextSteps]]]
) -> None:
    unnoticed, planted = [], 0
    for name, row in CLASSES.items():
        expected = {made.row.id: made.case.expected for made in rows.made if made.case.row == name}
        for at, table in enumerate(row.steps):
            for bug, mutant in plant(table):
                with other_tables(row, *row.steps[:at], mutant, *row.steps[at + 1 :]):
                    unnoticed += [bug] if labels_of(rows, name) == expected else []
                planted += 1
    assert planted, "some bug is planted"
    assert not unnoticed, "\n".join(unnoticed)


def other_finders(table: NextSteps) -> Iterator[tuple[str, NextSteps]]:
    """The table with each step found by another task, and with the other answer to whether a date brings it."""
    for at, rule in enumerate(table.rules):
        if isinstance(rule.next, Step):
            by_other = replace(rule.next, found_by=SCAN if rule.next.found_by == SWEEP else SWEEP)
            by_message = replace(rule.next, by_date=not rule.next.by_date)
            for other in (by_other, by_message):
                rules = list(table.rules)
                rules[at] = rule._replace(next=other)
                yield f"{table.machine}: {described(rule)}, as {other}", with_rules(table, rules)


def test_a_step_that_is_found_by_another_task_is_noticed(rows: Rows) -> None:
    usual = {made: finder_of(made) for made in rows.made}
    unnoticed = bugs_unnoticed(rows, usual)
    with endless_patience():
        at_once = {made: found if waits_for_nobody(made.case) else [] for made, found in usual.items()}
        unnoticed &= bugs_unnoticed(rows, at_once)
    assert not unnoticed, "\n".join(sorted(unnoticed))


def bugs_unnoticed(rows: Rows, expected: dict[Made, list[str]]) -> set[str]:
    """The bugs of `other_finders` with which every row is found as expected."""
    unnoticed = set()
    for row in CLASSES.values():
        of_class = {made: found for made, found in expected.items() if type(made.row) is row}
        for at, table in enumerate(row.steps):
            for bug, mutant in other_finders(table):
                with other_tables(row, *row.steps[:at], mutant, *row.steps[at + 1 :]):
                    if not wrong(of_class, finders(rows.session, row)):
                        unnoticed.add(bug)
    return unnoticed


def forgetful(table: NextSteps) -> NextSteps:
    return with_rules(table, [rule for rule in table.rules if not isinstance(rule.next, Step)])


def test_the_audit_names_what_the_sweep_has_forgotten(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "NAMED_MAX", 10_000)
    with rows_of(servers, real_clock=True) as rows, ExitStack() as forgotten:
        for case in CASES:
            if not case.values:
                rows.make(case).row.next_attempt_at = rows.machine - HOUR
        rows.write()
        for row in CLASSES.values():
            forgotten.enter_context(other_tables(row, *(forgetful(table) for table in row.steps)))
        differences = wrong({made: [] for made in rows.made}, finders(rows.session))
        assert not differences, f"what is forgotten is claimed by nobody: {differences}"
        findings = checks.audit_books(rows.session, [rows.provider_id], patience=timedelta(minutes=15))
        [overdue] = [finding for finding in findings if finding.name == OVERDUE]
        named = {violation.row_id for violation in overdue.rows}
        expected = {made: is_named(made.case) for made in rows.made}
        differences = wrong(expected, lambda made: made.row.id in named)
        assert not differences, differences


def is_named(case: Case) -> bool:
    """By the audit, if nobody has tried the row for an hour."""
    if case.state == "canceling" and "to_close" not in case.facts:
        return False  # money that cannot be stopped: it is the gateway's turn
    if "lease_runs" in case.facts or (case.row, case.state) == ("event", "dead"):
        return True  # no lease runs for so long; a dead event waits for an operator, who is told
    if (case.row, case.state, *case.expected) == ("change", "invoiced", OPERATOR):
        return True  # so does the change whose payment the gateway has refused
    if "warning_due" in case.facts:
        return False  # a warning moves no row
    return case.found_by in (SWEEP, SCAN)
