"""Rules of the code that a tool can check in its own tree. CONTRIBUTING.md names this file beside them."""

from __future__ import annotations

import ast
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp
import pytest

from tests.support.pages import ROOT

pytest_plugins = ["pytester"]

# One process reads each file once.

LAYERS = (
    "cli",
    "web",
    "tasks",
    "local",
    "sandbox",
    "worker",
    "engine",
    "pdf",
    "gateways",
    "provisioners",
    "outbound",
    "models",
)
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


def folder_of(module: str) -> str:
    """`tests.steps.test_money` is in `steps`; what lies in `tests` itself is a folder of its own here."""
    return module.split(".")[1] if "." in module else module


@cache
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("tests", "benchmarks", "cli", cache_dir=None)


def test_a_folder_of_tests_imports_from_no_other() -> None:
    shared = {"conftest": {"support"}, "support": {"support", "conftest"}}
    graph = imports()
    crossing = [
        f"{module} imports {imported}"
        for module in sorted(graph.modules)
        if module.startswith("tests.")
        for imported in sorted(graph.find_modules_directly_imported_by(module))
        if imported.startswith("tests.")
        and folder_of(imported) not in shared.get(folder_of(module), {folder_of(module), *shared})
    ]
    assert crossing == []
    assert "tests.support.play" in graph.find_modules_directly_imported_by("tests.steps.test_money")


def test_the_demo_is_nobodys_client() -> None:
    assert imports().find_modules_that_directly_import("cli.demo") == {"cli.stack"}


LEFT_OUT = """
import pytest, unittest

@pytest.mark.skip
def test_marked(): ...

@pytest.mark.skipif(True, reason="not here")
def test_on_a_condition(): ...

@pytest.mark.xfail
def test_expected_to_fail():
    assert False

@pytest.fixture
def missing():
    pytest.skip("no server")

def test_with_a_fixture_that_skips(missing): ...

def test_from_within():
    pytest.importorskip("nothing_of_this_name")

@unittest.skip("later")
class TestOfTheStandardLibrary(unittest.TestCase):
    def test_it(self): ...
"""


def test_no_test_is_skipped(pytester: pytest.Pytester, request: pytest.FixtureRequest) -> None:
    """Every way to leave a test out fails it, on whatever machine; and the plugin that does this is at work."""
    pytester.makepyfile(test_one=LEFT_OUT, test_module="import pytest\npytest.importorskip('nothing_of_this_name')\n")
    result = pytester.runpytest_subprocess("-p", "tests.support.no_skips", "--continue-on-collection-errors")
    result.assert_outcomes(failed=2, errors=5)  # what is left out before a test begins is an error
    assert request.config.pluginmanager.has_plugin("tests.support.no_skips")


def test_what_is_left_open_fails_the_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import socket\ndef test_it():\n    socket.socket()\n")
    result = pytester.runpytest_subprocess("-c", str(ROOT / "pyproject.toml"), "--rootdir", str(pytester.path))
    result.assert_outcomes(failed=1)
