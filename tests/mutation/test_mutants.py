"""The tool itself: what it plants, that a sample stays the same, and that what is explained still exists."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from domain.words import language_of
from engine.ending_requests import NoEnding
from engine.jobs.paths import CHANGE_PATHS
from models.customer import Service
from tests.mutation.__main__ import explained
from tests.mutation.changes import changes
from tests.mutation.mutants import Mutant, code_of, constants_of, mutants_of, sampled
from tests.mutation.watched import Loaded

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("paid <= until", ["paid < until"]),
        ("a < b < c", ["a <= b < c", "a < b <= c"]),
        ("a and b and c", ["a or b or c", "b and c", "a and c", "a and b"]),
        ("not covered", ["covered"]),
        ("net + tax", ["net - tax"]),
        ("'day ' + name", []),
        ("days if covered else 0", ["days if not covered else 0"]),
        ("days if a < b else 0", []),
        ("min(owed, paid)", ["max(owed, paid)", "owed", "paid"]),
        ("query.where(a, b)", ["query.where(b)", "query.where(a)"]),
        ("query.where(a)", ["query"]),
        ("replace(item, net=0, tax=1)", ["replace(item, tax=1)", "replace(item, net=0)"]),
        ("31", ["32"]),
        ("True", ["False"]),
        ("'awaiting_payment'", ["'awaiting_payment_'"]),
        ("'Pay the open invoice first.'", []),
        ("supersede(change)", ["pass"]),
        ("attempt.lease_until = None", ["pass"]),
        ("left -= part", ["left += part", "left = part"]),
    ],
)
def test_each_mistake(right: str, wrong: list[str]) -> None:
    [statement] = ast.parse(right).body
    node = statement.value if isinstance(statement, ast.Expr) and right != "supersede(change)" else statement
    assert [ast.unparse(ast.fix_missing_locations(new)) for new in changes(node)] == wrong


@contextmanager
def planted(mutant: Mutant) -> Iterator[None]:
    loaded, path = Loaded({mutant.file}), ROOT / mutant.file
    loaded.become(code_of(mutant))
    try:
        yield
    finally:
        loaded.become(compile(path.read_bytes(), str(path), "exec", dont_inherit=True))


def test_a_mistake_that_forgets_what_stands_outside_is_planted() -> None:
    """Without its call of super() an error has no sentence, and a path without its provider leads to everybody's."""
    [silent] = [one for one in mutants_of("engine/ending_requests.py") if one.function == "NoEnding.__init__"]
    service, among = Service(ref="zone"), CHANGE_PATHS[0].among
    with planted(silent):
        assert "does not end" not in str(NoEnding(service))
    assert "does not end" in str(NoEnding(service))

    change = "and_(columns.provider_id == tenant, text(where)) → and_(text(where))"
    [everybody] = [one for one in mutants_of("engine/jobs/paths.py") if one.change == change]
    with planted(everybody):
        assert "provider_id" not in str(among("prv_1", None))
    assert "provider_id" in str(among("prv_1", None))


def test_a_mutant_runs_with_one_mistake() -> None:
    [mutant] = [one for one in mutants_of("domain/money.py") if one.name.endswith("denominator <= 0 → denominator < 0")]
    assert mutant.function == "divide_rounded"
    code = next(one for one in code_of(mutant).co_consts if getattr(one, "co_name", "") == "divide_rounded")
    assert code.co_filename.endswith("/domain/money.py")


def test_an_entry_of_a_private_set_is_left_out() -> None:
    mutants = [one for one in mutants_of("domain/pricing/bill.py") if one.of_constant]
    assert len(mutants) == 5
    scope: dict[str, Any] = {"frozenset": frozenset}
    exec(code_of(mutants[4]), scope)
    assert scope["_OF_THE_CHARGE"] == {"charge", "rounding", "minimum", "waived"}
    source = (ROOT / "domain/pricing/bill.py").read_text(encoding="utf-8").splitlines()
    [_, used] = [number for number, line in enumerate(source, start=1) if "_OF_THE_CHARGE" in line]
    assert used in mutants[4].lines, "the line that uses it"


def test_what_a_module_reads_by_itself_and_what_is_asserted_are_left_alone() -> None:
    changed = {one.function for one in mutants_of("domain/next_steps.py")}
    assert "_DECISIONS" in changed
    assert "_POLLED" not in changed
    assert "strict=True" in (ROOT / "domain/tax.py").read_text(encoding="utf-8")
    assert not [one for one in mutants_of("domain/tax.py") if one.change.startswith("True")]


def test_what_a_statement_of_many_lines_uses_is_run_where_it_begins() -> None:
    file = "engine/ledger/billed_items.py"
    mutant = next(one for one in mutants_of(file) if one.function == "_KEPT")
    source = (ROOT / file).read_text(encoding="utf-8").splitlines()
    [used] = [number for number, line in enumerate(source, start=1) if "in _KEPT" in line]
    assert {used - 1, used} <= set(mutant.lines)
    assert source[used - 2].strip() == "return StoredItem("


def test_what_a_module_makes_when_it_is_loaded_is_made_again() -> None:
    file = "engine/payments/inbox_store.py"
    mutant = next(one for one in mutants_of(file) if one.function == "_statement" and one.change.startswith("if fetch"))
    assert set(constants_of(mutant).co_names) >= {"_statement", "_REPORTED", "_FETCH"}
    source = (ROOT / file).read_text(encoding="utf-8").splitlines()
    used = [number for number, line in enumerate(source, start=1) if line.startswith(" ") and "_REPORTED" in line]
    assert set(used) <= set(mutant.lines)
    assert used


def test_a_sample_is_the_same_each_time_and_has_two_of_each_file() -> None:
    mutants = [
        one for file in ("engine/settle.py", "engine/renewal.py", "engine/review.py") for one in mutants_of(file)
    ]
    drawn = sampled(mutants, 20, 1, {"engine/settle.py": 3})
    assert len(drawn) == 20
    assert drawn == sampled(list(reversed(mutants)), 20, 1, {"engine/settle.py": 3})
    assert all(sum(one.file == file for one in drawn) >= 2 for file in {one.file for one in mutants})
    assert drawn != sampled(mutants, 20, 2, {"engine/settle.py": 3})


def test_what_is_explained_still_exists() -> None:
    named = explained()
    files = {name.split()[0] for name in named}
    assert named <= {mutant.name for file in files for mutant in mutants_of(file)}


def test_what_a_package_makes_is_made_again_too() -> None:
    [mutant] = [one for one in mutants_of("domain/words/__init__.py") if one.change.startswith("language in ")]
    loaded = Loaded({mutant.file})
    loaded.redefine(mutant.file, constants_of(mutant))
    with planted(mutant):
        assert language_of("es-AR") == "en"
    assert language_of("es-AR") == "es"
