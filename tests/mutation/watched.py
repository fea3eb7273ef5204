"""The functions that are in memory: what of them a test runs, and what a mutant takes the place of."""

from __future__ import annotations

import ast
import gc
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import _lru_cache_wrapper
from types import CodeType, FunctionType
from typing import Any

from tests.support.pages import ROOT

Lines = dict[str, set[int]]
_PROBE = "__ran__"


class Loaded:
    """The functions of some files, and what was kept of their answers."""

    def __init__(self, files: set[str]) -> None:
        self._files = files
        self._functions: dict[tuple[str, str, int], list[FunctionType]] = defaultdict(list)
        self._kept: list[Any] = []
        paths = {str(ROOT / file) for file in files}
        for found in gc.get_objects():
            if isinstance(found, FunctionType) and found.__code__.co_filename in paths:
                self._functions[_key(found.__code__)].append(found)
            elif isinstance(found, _lru_cache_wrapper):
                self._kept.append(found)
        self._codes = [(function, function.__code__) for same in self._functions.values() for function in same]
        self._ran: Lines = {file: set() for file in files}

    def become(self, module: CodeType) -> None:
        """From now on this process runs the functions of `module`, wherever they were imported."""
        for code in _below(module):
            for function in self._functions.get(_key(code), ()):
                if len(function.__code__.co_freevars) == len(code.co_freevars):
                    function.__code__ = code
        self.forget()

    def redefine(self, file: str, constants: CodeType) -> None:
        """From now on the module of `file` has other constants."""
        module = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        exec(constants, vars(sys.modules[module]))
        self.forget()

    def forget(self) -> None:
        """What was computed once is computed again."""
        for kept in self._kept:
            if str(getattr(kept, "__module__", "")).startswith(("domain.", "engine.")):
                kept.cache_clear()

    @contextmanager
    def probed(self) -> Iterator[None]:
        """Meanwhile each statement notes that it runs; nothing else is slower."""
        for file in self._files:
            path = ROOT / file
            tree = ast.fix_missing_locations(_Probes().visit(ast.parse(path.read_bytes())))
            self.become(compile(tree, str(path), "exec", dont_inherit=True))
        for function, _ in self._codes:
            file = str(function.__code__.co_filename).removeprefix(f"{ROOT}/")
            function.__globals__[_PROBE] = self._ran[file].add
        try:
            yield
        finally:
            for function, code in self._codes:
                function.__code__ = code

    def lines(self) -> Lines:
        """What ran since it was last asked."""
        found = {file: set(lines) for file, lines in self._ran.items() if lines}
        for lines in self._ran.values():
            lines.clear()
        return found


class _Probes(ast.NodeTransformer):
    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for field in ("body", "orelse", "finalbody"):
            statements = getattr(node, field, None)
            if isinstance(statements, list) and not isinstance(node, ast.Module | ast.ClassDef):
                setattr(node, field, [one for statement in statements for one in (_probe(statement), statement)])
        return node


def _probe(statement: ast.stmt) -> ast.stmt:
    called = ast.Call(ast.Name(_PROBE, ast.Load()), [ast.Constant(statement.lineno)], [])
    return ast.copy_location(ast.Expr(called), statement)


def _key(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _below(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _below(constant)
