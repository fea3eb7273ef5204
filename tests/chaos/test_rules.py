"""Rules that can be read off the code: messages are published after the commit, nobody is called in a transaction."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import profile
from tests.chaos.crash_points import ENQUEUERS, engine_files
from tests.chaos.mutants import MUTANTS, Mutant

ROOT = Path(__file__).parent.parent.parent
TRANSACTIONS = {"transaction", "transaction_for", "_opened", "snapshot", "single_statement"}
PUBLISHERS = ENQUEUERS | {"apply_async", "delay", "send_task"}
EXTERNAL = {"perform", "external_step", "compare_hosts", "compare_all_hosts", "render", "send_message"}
FILES = [file for folder in ("tasks", "web", "cli") for file in sorted((ROOT / folder).rglob("*.py"))]


def calls_in_transactions(source: str) -> Iterator[tuple[int, str]]:
    """(line, name) of every call inside a `with transaction()` block."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.With) and any(_opens(item.context_expr) for item in node.items):
            for statement in node.body:
                yield from ((call.lineno, _name(call)) for call in ast.walk(statement) if isinstance(call, ast.Call))


def _opens(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Call) and _name(expression) in TRANSACTIONS


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def test_nothing_is_enqueued_and_nobody_is_called_inside_a_transaction() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line} {name}"
        for file in FILES
        for line, name in calls_in_transactions(file.read_text(encoding="utf-8"))
        if name in PUBLISHERS | EXTERNAL
    ]
    assert found == []


@pytest.mark.parametrize("name", sorted(PUBLISHERS))
def test_the_rule_sees_a_message_that_is_published(name: str) -> None:
    source = f"with transaction_for(caller) as tx:\n    if tx:\n        story.{name}(change.id)\n"
    assert [found for _, found in calls_in_transactions(source)] == [name]


def test_the_engine_never_commits() -> None:
    for file in engine_files():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                assert _name(node) not in {"commit", "rollback", *TRANSACTIONS}, f"{file.name}:{node.lineno}"


def test_a_file_in_a_new_package_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "engine" / "a_new_package" / "step.py"
    file.parent.mkdir(parents=True)
    file.touch()
    assert engine_files(tmp_path) == [file]
    frames = "start (billiard/process.py:10);perform (engine/a_new_package/step.py:7);read (httpx/_client.py:3)"
    assert profile.summary(Counter({frames: 1}))["steps"] == {"a_new_package/step": 1.0}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.bug)
def test_every_planted_bug_has_its_place_and_its_guard(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text(encoding="utf-8").count(mutant.old) == 1
    file, _, test = mutant.guard.partition("::")
    assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8")
