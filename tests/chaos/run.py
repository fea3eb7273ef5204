"""The whole fault-injection suite: every crash point, then the hostile days. The last line of stdout is JSON.

python -m tests.chaos.run [--changes N] [--only NAME]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.chaos.cast import STORIES
from tests.chaos.checks import Verdict
from tests.chaos.control import run_control
from tests.chaos.crash_points import crash_everywhere
from tests.chaos.days import DAYS
from tests.chaos.mutants import MUTANTS, survivors


@dataclass
class Totals:
    """What the last line says, and whether the suite passes."""

    boundaries: int = 0
    kills: int = 0
    stories: int = 0
    lost: int = 0
    doubled: int = 0
    stuck: int = 0
    complaints: list[str] = field(default_factory=list)

    def add(self, name: str, verdict: Verdict, stories: int) -> None:
        self.stories += stories
        self.lost += len(verdict.lost)
        self.doubled += len(verdict.doubled)
        self.stuck += len(verdict.stuck)
        self.complaints += [f"{name}: {line}" for line in str(verdict).splitlines()]


_started = time.monotonic()


def say(what: str) -> None:
    print(f"{time.monotonic() - _started:6.1f} s  {what}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--changes", type=int, default=3)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    totals = Totals()
    parts: dict[str, Callable[[], None]] = {"crash-points": lambda: _crash_points(totals, given.changes)}
    for name, day in DAYS.items():
        parts[name] = lambda name=name, day=day: _day(totals, name, day)  # type: ignore[misc]
    parts |= {"control": lambda: _control(totals), "mutants": lambda: _mutants(totals)}
    for name, part in parts.items():
        if given.only in ("", name):
            part()
    for complaint in totals.complaints:
        say(complaint)
    summary = {key: getattr(totals, key) for key in ("boundaries", "kills", "stories", "lost", "doubled", "stuck")}
    print(json.dumps(summary), flush=True)
    return 1 if totals.complaints else 0


def _crash_points(totals: Totals, changes: int) -> None:
    say(f"Every crash point: {len(STORIES)} stories, {changes} changes each, a process dies at each boundary")
    act, missing = crash_everywhere(list(STORIES), changes)
    totals.boundaries, totals.kills = len(act.boundaries), act.kills
    totals.add("crash points", act.verdict, act.stories)
    totals.complaints += [f"no process died at: {name}" for name in missing]
    say(f"{len(act.boundaries)} boundaries found, {act.kills} kills, {act.verdict.repeated_mails} mails came twice")


def _control(totals: Totals) -> None:
    """A treatment that loses nothing with a plain chain either would prove nothing."""
    say("The control: a plain Celery chain with late acknowledgement, workers killed, one FLUSHALL")
    found = run_control()
    say(f"the control: of {found['chains']} chains {found['lost']} are lost, {found['doubled']} steps ran twice")
    if not found["lost"]:
        totals.complaints.append("the control lost nothing: the treatment is too kind")


def _mutants(totals: Totals) -> None:
    say(f"A test of the tests: {len(MUTANTS)} planted bugs")
    alive = survivors()
    totals.complaints += [f"no test noticed: {bug}" for bug in alive]
    say(f"{len(MUTANTS) - len(alive)} of {len(MUTANTS)} planted bugs were caught")


def _day(totals: Totals, name: str, day: Callable[[], tuple[Verdict, int, int]]) -> None:
    say(f"A hostile day: {name}")
    verdict, stories, kills = day()
    totals.kills += kills
    totals.add(name, verdict, stories)
    say(f"{name}: {stories} stories, {kills} kills, {'all is well' if verdict.holds else 'BROKEN'}")


if __name__ == "__main__":
    sys.exit(main())
