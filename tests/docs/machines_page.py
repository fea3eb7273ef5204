"""docs/machines.md, drawn from the tables of domain/lifecycle.py and domain/next_steps.py: `make pages` writes it."""

from __future__ import annotations

from collections import defaultdict

from domain.lifecycle import MACHINES, Machine
from domain.next_steps import RECONCILIATION, SCAN, SWEEP, TABLES, NextRule, NextSteps, Step, Waits
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "machines.md"

_HEAD = """\
# Machines

Made by `make pages` from [domain/lifecycle.py](../domain/lifecycle.py) and
[domain/next_steps.py](../domain/next_steps.py): change those, not this page.

## What may move

An arrow is a move; its word is the event that is written into the history. A move that is not drawn does not exist:
`models.moves.move` refuses it. What the statuses of a plan change mean is told in [lifecycle.md](lifecycle.md).
"""

_NEXT = """
## What is next

The first row that matches counts. A fact is an attribute of the row's class in [models/](../models/), evaluated by the
database. Beat's task finds a row whose message was lost; a step that a date brings never had a message.
"""

_FINDERS = {SWEEP: "the sweep", SCAN: "the renewals' scan", RECONCILIATION: "reconciliation"}


def page() -> str:
    """The page's whole text."""
    drawn = [_HEAD, *map(_diagram, MACHINES), _NEXT, *map(_table, TABLES)]
    return "\n".join(drawn)


def _diagram(machine: Machine) -> str:
    events = defaultdict[tuple[str, str], list[str]](list)
    for source, event, target in sorted(machine.moves):
        events[source, target].append(event)
    lines = [f"    [*] --> {status}: {machine.begins}" for status in machine.states if status in machine.initial]
    lines += [
        f"    {source} --> {target}: {', '.join(events[source, target])}"
        for source in machine.states
        for target in machine.states
        if (source, target) in events
    ]
    title = machine.name[0].upper() + machine.name[1:]
    return "\n".join([f"### {title}", "", "```mermaid", "stateDiagram-v2", *lines, "```", ""])


def _table(table: NextSteps) -> str:
    head = ["| state | fact | next | found by |", "|---|---|---|---|"]
    title = table.machine[0].upper() + table.machine[1:]
    return "\n".join([f"### {title}: next", "", *head, *(_row(table, rule) for rule in table.rules), ""])


def _row(table: NextSteps, rule: NextRule) -> str:
    states = ", ".join(f"`{state}`" for state in table.states if state in rule.states)
    return f"| {states} | {f'`{rule.fact}`' if rule.fact else '–'} | {_what(rule)} | {_finder(rule)} |"


def _what(rule: NextRule) -> str:
    if isinstance(rule.next, Step):
        return f"`{rule.next.task}`"
    if isinstance(rule.next, Waits):
        return rule.next.label + (f" (until `{rule.next.until}`)" if rule.next.until else "")
    return rule.next.label


def _finder(rule: NextRule) -> str:
    if not isinstance(rule.next, Step):
        return "–"
    return _FINDERS[rule.next.found_by] + (", by date" if rule.next.by_date else "")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
