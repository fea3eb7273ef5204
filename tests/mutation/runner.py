"""Runs mutants inside one warm session of pytest: everything is imported and served once.

First each test runs once and its lines are noted. Then each mutant is a fork of this process that changes the functions
in memory and runs the tests of its line, until one fails.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import pytest

import local.stack
from local.postgres import Postgres
from tests.mutation.known import Known, KnownTests
from tests.mutation.mutants import Mutant, code_of, constants_of
from tests.mutation.template import Template
from tests.mutation.watched import Loaded

SLOW_SECONDS = 20.0  # a test that takes longer by itself is not asked
ENOUGH_SECONDS = 30.0  # as measured without the mistake: what survived so much is called a survivor
HUNG_SECONDS = 240.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """by: the test that failed, or why none could; None of a survivor."""

    mutant: Mutant
    by: str | None
    tests: int
    seconds: float


@dataclass(eq=False)
class Runner:
    """A plugin of pytest. files: those whose lines are noted; `told` hears each outcome."""

    mutants: Sequence[Mutant]
    files: set[str]
    known: KnownTests
    told: Callable[[Outcome], None]
    left_out: list[str] = field(default_factory=list)
    _template: Template | None = None
    _failed: bool = False

    def pytest_sessionstart(self) -> None:
        """The data is thrown away: nothing waits for the disk."""
        vars(local.stack)["Postgres"] = partial(Postgres, fsync=False)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
        made = yield
        if fixturedef.argname == "_servers":
            self._template = Template(made[1]["PLANSHIFT_DATABASE_URL"])
        return made

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed = self._failed or report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = [item for item in session.items if "running" not in getattr(item, "fixturenames", ())]
        loaded = Loaded(self.files)
        with loaded.probed():
            for item in items:
                served = self._template is not None or "_servers" not in getattr(item, "fixturenames", ())
                if item.nodeid not in self.known or not served:
                    self._learn(item, loaded)
                    self.known.keep()
        usable = [item for item in items if self._is_usable(item)]
        gc.collect()
        gc.freeze()
        killers: Counter[tuple[str, str]] = Counter()
        for mutant in self.mutants:
            outcome = self._try(mutant, loaded, self._asked(mutant, usable, killers))
            if outcome.by:
                killers[mutant.file, outcome.by] += 1
            self.told(outcome)
        return True

    def _learn(self, item: pytest.Item, loaded: Loaded) -> None:
        loaded.forget()
        began = time.monotonic()
        passed, lines = self._passes(item), loaded.lines()
        if passed:
            self.known[item.nodeid] = Known(time.monotonic() - began, lines)
        else:
            self.left_out.append(f"{item.nodeid} fails by itself")

    def _is_usable(self, item: pytest.Item) -> bool:
        known = self.known.get(item.nodeid)
        if known and known.seconds > SLOW_SECONDS:
            self.left_out.append(f"{item.nodeid} takes {known.seconds:.0f} s")
        return known is not None and known.seconds <= SLOW_SECONDS

    def _asked(self, mutant: Mutant, items: list[pytest.Item], killers: Counter[tuple[str, str]]) -> list[pytest.Item]:
        """Those that run its line: first what killed its neighbours, then the fast ones, until it has been enough."""
        able = [item for item in items if self._runs(item, mutant)]
        able.sort(key=lambda item: (-killers[mutant.file, item.nodeid], self.known[item.nodeid].seconds))
        asked, seconds = [], 0.0
        for item in able:
            seconds += self.known[item.nodeid].seconds
            if seconds > ENOUGH_SECONDS:
                break
            asked.append(item)
        return asked

    def _runs(self, item: pytest.Item, mutant: Mutant) -> bool:
        return not self.known[item.nodeid].lines.get(mutant.file, set()).isdisjoint(mutant.lines)

    def _try(self, mutant: Mutant, loaded: Loaded, items: list[pytest.Item]) -> Outcome:
        """A test that fails without the mistake, too, has not seen it: the others are asked."""
        began, asked = time.monotonic(), 0
        while items:
            by, tests = self._forked(items, lambda: _plant(mutant, loaded))
            asked += tests
            blamed = next((item for item in items if item.nodeid == by), None)
            if by is None or blamed is None or self._forked([blamed], lambda: None)[0] is None:
                return Outcome(mutant, by, asked, time.monotonic() - began)
            items = [item for item in items if item is not blamed]
            self.left_out.append(f"{by} failed without {mutant.name}, too")
        return Outcome(mutant, None, asked, time.monotonic() - began)

    def _forked(self, items: list[pytest.Item], change: Callable[[], None]) -> tuple[str | None, int]:
        """Runs them in a fork, from the database as it was, until one fails: which, or why none could, and how many."""
        if self._template:
            self._template.restore()
        reads, writes = os.pipe()
        child = os.fork()
        if child == 0:
            self._live(items, change, writes)
        os.close(writes)
        answer = self._answer(child, reads)
        os.close(reads)
        os.waitpid(child, 0)
        return answer

    def _answer(self, child: int, reads: int) -> tuple[str | None, int]:
        ready, _, _ = select.select([reads], [], [], HUNG_SECONDS)
        said = os.read(reads, 65536) if ready else b""
        os.killpg(child, signal.SIGKILL)
        if not said:
            return ("it hung" if not ready else "the process ended"), 0
        by, tests = json.loads(said)
        return by, tests

    def _live(self, items: list[pytest.Item], change: Callable[[], None], writes: int) -> None:
        """A mutant's whole life, in a process of its own; it does not return."""
        by, tests = "it does not compile", 0
        try:
            os.setpgid(0, 0)
            nothing = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nothing, stream)
            change()
            tests = 0
            while tests < len(items) and self._passes(items[tests]):
                tests += 1
            by = items[tests].nodeid if tests < len(items) else ""
        except BaseException as error:
            by = f"{type(error).__name__} outside of a test"
        finally:
            os.write(writes, json.dumps((by or None, tests)).encode())
            os._exit(0)

    def _passes(self, item: pytest.Item) -> bool:
        self._failed = False
        # The session is the next "item": whatever belongs to it lives on.
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=cast(pytest.Item, item.session))
        return not self._failed


def _plant(mutant: Mutant, loaded: Loaded) -> None:
    if mutant.of_constant:
        loaded.redefine(mutant.file, code_of(mutant))
    else:
        loaded.become(code_of(mutant))
        loaded.redefine(mutant.file, constants_of(mutant))
