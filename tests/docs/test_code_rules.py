"""Rules of the code that a tool can check in its own tree. CONTRIBUTING.md names this file beside them."""

from __future__ import annotations

import ast
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

# One process reads each file once.
pytestmark = pytest.mark.xdist_group("code_rules")

LAYERS = ("cli", "web", "tasks", "local", "sandbox", "worker", "engine", "pdf", "gateways", "provisioners", "models")
PACKAGES = (*LAYERS, "domain")
# A stopwatch (monotonic) tells no time.
CLOCKS = {"now", "utcnow", "today", "time", "time_ns"}
# Words for ideas that the field has words for: docs/glossary.md.
PRIVATE_WORDS = {"ring", "rings", "rung", "bell", "bells", "door", "doors", "desk", "deed", "deeds", "speaker"}
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def files(*packages: str) -> list[Path]:
    return [file for package in packages for file in sorted((ROOT / package).rglob("*.py"))]


def nodes(*packages: str) -> Iterator[tuple[str, ast.AST]]:
    """Every node of every file in these packages, with its file and line."""
    for file in files(*packages):
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


@pytest.mark.parametrize("package", ["domain", "engine"])
def test_the_clock_is_passed_in(package: str) -> None:
    reads = [
        line
        for line, node in nodes(package)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCKS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("datetime", "date", "time", "dt")
    ]
    assert reads == []


def test_the_domain_has_no_float() -> None:
    floats = [
        line
        for line, node in nodes("domain")
        if (isinstance(node, ast.Constant) and isinstance(node.value, float)) or called(node) == "float"
    ]
    assert floats == []


def test_no_step_commits() -> None:
    assert [line for line, node in nodes("engine", "domain", "models") if called(node) in ("commit", "rollback")] == []


def test_no_message_waits_in_the_broker() -> None:
    waits = [
        line
        for line, node in nodes(*PACKAGES)
        if isinstance(node, ast.Call) and any(word.arg in ("eta", "countdown") for word in node.keywords)
    ]
    assert waits == []


def test_one_word_for_one_thing() -> None:
    defined = defaultdict(list)
    for line, node in nodes(*PACKAGES):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            defined[node.name].append(line)
    assert {name: lines for name, lines in defined.items() if len(lines) > 1} == {}


def test_names_use_the_fields_words() -> None:
    found = []
    for file in files(*PACKAGES, "tests"):
        with tokenize.open(file) as source:
            for token in tokenize.generate_tokens(source.readline):
                words = {word.lower() for word in WORD.findall(token.string)}
                if token.type == tokenize.NAME and words & PRIVATE_WORDS:
                    found.append(f"{file.relative_to(ROOT)}:{token.start[0]} {token.string}")
    assert found == []


def test_no_test_is_skipped() -> None:
    here = Path(__file__).relative_to(ROOT)
    skips = ("skip", "skipif", "importorskip", "xfail")
    found = [
        line
        for line, node in nodes("tests")
        if isinstance(node, ast.Attribute) and node.attr in skips and not line.startswith(str(here))
    ]
    assert found == []
