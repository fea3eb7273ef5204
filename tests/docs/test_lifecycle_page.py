"""The pages of states against the tables that they are drawn from."""

from __future__ import annotations

from domain.lifecycle import Status
from domain.next_steps import Phase
from tests.docs.machines_page import PAGE as MACHINES_PAGE
from tests.docs.machines_page import page
from tests.docs.pages import spans, table

PAGE = "docs/lifecycle.md"


def test_the_page_of_machines_is_drawn_from_their_tables() -> None:
    assert MACHINES_PAGE.read_text(encoding="utf-8") == page(), "run `make pages`"


def test_every_status_is_explained() -> None:
    assert [row[0] for row in table(PAGE, "status", "what it means")] == [status.value for status in Status]


def test_the_phases_are_the_phases() -> None:
    assert {phase.value for phase in Phase} <= set(spans(PAGE))
