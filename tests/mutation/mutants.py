"""Every mutant of a file, in the order of its lines, and the code that it would run as."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import CodeType
from typing import Any, cast

from tests.mutation.changes import changes, shortened
from tests.support.pages import ROOT

Place = tuple[ast.AST, str, int | None]  # parent, field, index in a list
_TYPES = {"annotation", "returns", "decorator_list", "type_comment", "type_params"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """`nth` counts equal changes of one function; lines are those that a test must run to see it."""

    file: str
    function: str
    change: str
    nth: int
    lines: tuple[int, ...]
    index: int

    @property
    def name(self) -> str:
        """Stays the same when code elsewhere changes."""
        return f"{self.file} {self.function}: {self.change}" + (f" #{self.nth}" if self.nth else "")

    @property
    def of_constant(self) -> bool:
        """Whether it is one of a module's private sets and tables, which is made when the module is loaded."""
        return bool(_uses(self.file, self.function))

    def chance(self, seed: int) -> float:
        """A number between 0 and 1 that depends on the name and the seed alone."""
        digest = sha256(f"{seed}:{self.name}".encode()).digest()
        return (int.from_bytes(digest[:8]) + 1) / (2**64 + 1)


def mutants_of(file: str) -> list[Mutant]:
    seen: Counter[tuple[str, str]] = Counter()
    made = []
    for index, (function, place, statement, new) in enumerate(_all(_parsed(file))):
        old = _at(place)
        change = f"{_text(old)} → {_text(new)}"
        first, last = getattr(old, "lineno", statement.lineno), getattr(old, "end_lineno", statement.lineno)
        if isinstance(old, ast.stmt) and hasattr(old, "body"):
            last = first
        uses = [_uses(file, name) for name in (function, *_names(_made_by(_parsed(file), function)))]
        lines = tuple(sorted({statement.lineno, *range(first, (last or first) + 1)}.union(*uses)))
        made.append(Mutant(file, function, change, seen[function, change], lines, index))
        seen[function, change] += 1
    return made


def code_of(mutant: Mutant) -> CodeType:
    """The whole module, compiled with the mistake; of a constant, its line alone."""
    path = ROOT / mutant.file
    tree = ast.parse(path.read_bytes())
    _, (parent, field, index), statement, new = next(
        found for number, found in enumerate(_all(tree)) if number == mutant.index
    )
    old = _at((parent, field, index))
    new = ast.fix_missing_locations(ast.copy_location(_naming_all(old, new), old))
    if index is None:
        setattr(parent, field, new)
    else:
        getattr(parent, field)[index] = new
    told = ast.Module([statement], []) if mutant.of_constant else tree
    return compile(ast.fix_missing_locations(told), str(path), "exec", dont_inherit=True)


def _naming_all(old: Any, new: Any) -> ast.AST:
    """A function in memory keeps what it has from outside: where the mistake no longer names it, a branch that never
    runs does. A call of `super()` is such a name, too."""
    named, left = ({one.id for one in ast.walk(node) if isinstance(one, ast.Name)} for node in (old, new))
    if named <= left:
        return cast(ast.AST, new)
    always = ast.Constant(True)
    return ast.If(always, [new], [old]) if isinstance(new, ast.stmt) else ast.IfExp(always, new, old)


def constants_of(mutant: Mutant) -> CodeType:
    """The module's constants that the function made when the module was loaded, to be made again."""
    made = ast.Module(list(_made_by(_parsed(mutant.file), mutant.function)), [])
    return compile(made, str(ROOT / mutant.file), "exec", dont_inherit=True)


def sampled(mutants: Sequence[Mutant], size: int, seed: int, weights: dict[str, int]) -> list[Mutant]:
    """So many of them as they are drawn: two of each file at least, more and sooner of a heavier one."""
    drawn = sorted(mutants, key=lambda mutant: -(mutant.chance(seed) ** (1 / _weight(mutant.file, weights))))
    of_file: Counter[str] = Counter()
    first: list[Mutant] = []
    rest: list[Mutant] = []
    for mutant in drawn:
        (first if of_file[mutant.file] < 2 else rest).append(mutant)
        of_file[mutant.file] += 1
    chosen = set([*first, *rest][:size])
    return [mutant for mutant in drawn if mutant in chosen]


def _weight(file: str, weights: dict[str, int]) -> int:
    return max((weight for start, weight in weights.items() if file.startswith(start)), default=1)


@cache
def _parsed(file: str) -> ast.Module:
    return ast.parse(Path(ROOT / file).read_bytes())


def _all(tree: ast.Module) -> Iterator[tuple[str, Place, ast.stmt, ast.AST]]:
    for constant in tree.body:
        match constant:
            case ast.Assign(targets=[ast.Name(id=name)]) if name.startswith("_") and _is_used(tree, name):
                yield from ((name, (constant, "value", None), constant, new) for new in shortened(constant.value))
    for name, function in _functions(tree, ""):
        for number, statement in enumerate(function.body):
            for place, inside in _places((function, "body", number), statement):
                for new in changes(_at(place)):
                    yield name, place, inside, new


@cache
def _uses(file: str, name: str) -> frozenset[int]:
    """The lines on which functions of the file use this constant of it, and those on which their statements begin,
    which is what a test is known to run; none where it has no such constant."""
    tree = _parsed(file)
    if name not in _names(_constants(tree)):
        return frozenset()
    inside = (
        (_at(place), begun)
        for _, function in _functions(tree, "")
        for number, statement in enumerate(function.body)
        for place, begun in _places((function, "body", number), statement)
    )
    named = ((node, begun) for node, begun in inside if isinstance(node, ast.Name) and node.id == name)
    return frozenset(line for node, begun in named for line in (node.lineno, begun.lineno))


def _is_used(tree: ast.Module, name: str) -> bool:
    """Whether a function names it. What only the module itself reads while it is loaded is no mutant's."""
    return any(
        isinstance(node, ast.Name) and node.id == name
        for _, function in _functions(tree, "")
        for statement in function.body
        for node in ast.walk(statement)
    )


def _constants(tree: ast.Module) -> list[ast.Assign]:
    return [one for one in tree.body if isinstance(one, ast.Assign)]


def _made_by(tree: ast.Module, function: str) -> list[ast.Assign]:
    return [
        one
        for one in _constants(tree)
        if any(
            isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function
            for node in ast.walk(one)
        )
    ]


def _names(constants: list[ast.Assign]) -> set[str]:
    targets = (node for one in constants for target in one.targets for node in ast.walk(target))
    return {node.id for node in targets if isinstance(node, ast.Name)}


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + child.name, child
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")


def _places(place: Place, statement: ast.stmt) -> Iterator[tuple[Place, ast.stmt]]:
    """This place and all below it, each with the statement that it is a part of."""
    node = _at(place)
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        return
    if isinstance(node, ast.keyword) and node.arg == "strict":
        return  # that two have one length is asserted, not decided
    inside = node if isinstance(node, ast.stmt) else statement
    yield place, inside
    for field, value in ast.iter_fields(node):
        if field in _TYPES:
            continue
        if isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, ast.AST):
                    yield from _places((node, field, index), inside)
        elif isinstance(value, ast.AST):
            yield from _places((node, field, None), inside)


def _at(place: Place) -> Any:
    parent, field, index = place
    value = getattr(parent, field)
    return value if index is None else value[index]


def _text(node: ast.AST) -> str:
    """One short line; of what has a body, its head."""
    if isinstance(node, ast.If | ast.IfExp):
        return f"if {ast.unparse(ast.fix_missing_locations(node.test))}"
    return " ".join(ast.unparse(ast.fix_missing_locations(node)).split())
