"""docs/lifecycle.md against domain/lifecycle.py."""

from __future__ import annotations

from domain.lifecycle import MOVES, Phase, Status
from tasks.story import NEXT_STEPS
from tests.docs.pages import spans, table

PAGE = "docs/lifecycle.md"


def test_the_moves_are_the_moves() -> None:
    listed = [
        (source, event, target)
        for sources, event, target in table(PAGE, "from", "event", "to")
        for source in sources.split(", ")
    ]
    assert len(listed) == len(set(listed))
    assert set(listed) == {(source.value, event.value, target.value) for source, event, target in MOVES}


def test_every_status_is_explained_in_the_order_of_the_code() -> None:
    listed = [row[0] for row in table(PAGE, "status", "what it means", "what comes next")]
    assert sorted(listed) == sorted(status.value for status in Status)


def test_the_next_step_is_one_that_is_enqueued() -> None:
    for status, _, comes_next in table(PAGE, "status", "what it means", "what comes next"):
        if comes_next.startswith("plan_change."):
            steps = NEXT_STEPS[Status(status)]
            assert comes_next.split(",")[0] in steps, status


def test_the_phases_are_the_phases() -> None:
    assert {phase.value for phase in Phase} <= set(spans(PAGE))
