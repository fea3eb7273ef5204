"""Rules of the house that a tool can see in the code's own tree. CONTRIBUTING.md names this file beside them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

# One process reads each file once.
pytestmark = pytest.mark.xdist_group("house")

ROOMS = ("cli", "web", "tasks", "worker", "engine", "models", "pdf", "gateways", "provisioners", "domain", "local")
# A stopwatch (monotonic) tells no time.
CLOCKS = {"now", "utcnow", "today", "time", "time_ns"}


def nodes(*rooms: str) -> Iterator[tuple[str, ast.AST]]:
    """Every node of every file below these folders, with its place."""
    for room in rooms:
        for file in sorted((ROOT / room).rglob("*.py")):
            for node in nodes_of(file):
                yield f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", node


@cache
def nodes_of(file: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))


def called(node: ast.AST) -> str | None:
    """The last name of what is called."""
    if not isinstance(node, ast.Call):
        return None
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else None


@pytest.mark.parametrize("room", ["domain", "engine"])
def test_the_clock_is_passed_in(room: str) -> None:
    asked = [
        place
        for place, node in nodes(room)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCKS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("datetime", "date", "time", "dt")
    ]
    assert asked == []


def test_the_domain_has_no_float() -> None:
    floats = [
        place
        for place, node in nodes("domain")
        if (isinstance(node, ast.Constant) and isinstance(node.value, float)) or called(node) == "float"
    ]
    assert floats == []


def test_no_step_commits() -> None:
    assert [
        place for place, node in nodes("engine", "domain", "models") if called(node) in ("commit", "rollback")
    ] == []


def test_no_message_waits_in_the_broker() -> None:
    waits = [
        place
        for place, node in nodes(*ROOMS)
        if isinstance(node, ast.Call) and any(word.arg in ("eta", "countdown") for word in node.keywords)
    ]
    assert waits == []


def test_no_test_is_skipped() -> None:
    here = Path(__file__).relative_to(ROOT)
    skips = ("skip", "skipif", "importorskip", "xfail")
    found = [
        place
        for place, node in nodes("tests")
        if isinstance(node, ast.Attribute) and node.attr in skips and not place.startswith(str(here))
    ]
    assert found == []
