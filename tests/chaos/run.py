"""The whole fault-injection suite: every crash point, then the hostile days. The last line of stdout is JSON.
Each part leaves the logs of its processes in var/chaos/.

python -m tests.chaos.run [--changes N] [--at-once N] [--only NAME]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from local.folders import temporary_folder
from local.process import Command, Process
from tests.chaos.control import run_control
from tests.chaos.crash_points import crash_everywhere, uncovered
from tests.chaos.days import DAYS
from tests.chaos.mutants import MUTANTS, survivors
from tests.chaos.runs import RunResult, Workload
from tests.chaos.scenarios import STORIES

ROOT = Path(__file__).parent.parent.parent


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

    def add(self, result: RunResult) -> None:
        self.boundaries += len(result.boundaries)
        self.kills += result.kills
        self.stories += result.stories
        self.lost += len(result.verdict.lost)
        self.doubled += len(result.verdict.doubled)
        self.stuck += len(result.verdict.stuck)
        self.complaints += str(result.verdict).splitlines()

    def numbers(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in ("boundaries", "kills", "stories", "lost", "doubled", "stuck")}


Part = Callable[[Totals, int], str]
_started = time.monotonic()


def say(what: str) -> None:
    print(f"{time.monotonic() - _started:6.1f} s  {what}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--changes", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=3)
    parser.add_argument("--only", choices=["", *PARTS], default="")
    given = parser.parse_args()
    totals = Totals()
    if given.only:
        logs = ROOT / "var" / "chaos" / given.only
        shutil.rmtree(logs, ignore_errors=True)
        os.environ["CHAOS_LOGS"] = str(logs)
        say(f"{given.only}: {PARTS[given.only](totals, given.changes)}")
        for complaint in totals.complaints:
            say(f"{given.only}: {complaint}")
    else:
        _run_all(totals, given.changes, given.at_once)
    print(json.dumps(totals.numbers()), flush=True)
    return 1 if totals.complaints else 0


def _crash_points(totals: Totals, changes: int) -> str:
    result = crash_everywhere(Workload.of(*STORIES, count=changes))
    totals.add(result)
    totals.complaints += [f"no process died at: {name}" for name in uncovered(result.boundaries)]
    found = f"{len(result.boundaries)} boundaries found, {result.kills} kills"
    return f"{found} in {len(STORIES)} stories of {changes} changes; {result.verdict.repeated_mails} mails came twice"


def _day(day: Callable[[], RunResult], totals: Totals, changes: int) -> str:
    result = day()
    totals.add(result)
    return f"{result.stories} stories, {result.kills} kills, {'all is well' if result.verdict.holds else 'BROKEN'}"


def _control(totals: Totals, changes: int) -> str:
    """A treatment that loses nothing with a plain chain either would prove nothing."""
    found = run_control()
    if not found["lost"]:
        totals.complaints.append("the plain chain lost nothing: the treatment is too kind")
    return f"of {found['chains']} plain Celery chains {found['lost']} are lost, {found['doubled']} steps ran twice"


def _mutants(totals: Totals, changes: int) -> str:
    alive = survivors()
    totals.complaints += [f"no test noticed: {bug}" for bug in alive]
    return f"{len(MUTANTS) - len(alive)} of {len(MUTANTS)} planted bugs were caught"


# The long ones first.
PARTS: dict[str, Part] = {
    "crash-points": _crash_points,
    "mutants": _mutants,
    **{name: partial(_day, day) for name, day in DAYS.items()},
    "control": _control,
}


def _run_all(totals: Totals, changes: int, at_once: int) -> None:
    """Each part is a process of its own with servers of its own, so some run side by side."""
    waiting, running = list(PARTS), dict[str, Process]()
    with temporary_folder("chaos-parts") as folder:
        try:
            while waiting or running:
                while waiting and len(running) < at_once:
                    name = waiting.pop(0)
                    running[name] = _begin(name, changes, folder)
                    say(f"{name}: begun")
                for name in [name for name, process in running.items() if not process.is_alive()]:
                    _collect(name, running.pop(name), totals)
                time.sleep(0.2)
        finally:
            for process in running.values():
                process.kill()


def _begin(name: str, changes: int, folder: Path) -> Process:
    argv = [sys.executable, "-m", "tests.chaos.run", "--only", name, "--changes", str(changes)]
    process = Process(Command(name=name, argv=argv, log=folder / name, folder=ROOT))
    process.begin()
    return process


def _collect(name: str, process: Process, totals: Totals) -> None:
    """Adds what a part found to the sum; one that says nothing has broken down."""
    *lines, last = process.output().splitlines() or [""]
    try:
        numbers = json.loads(last)
    except ValueError:
        totals.complaints.append(name)
        say(f"{name}: broke down\n{process.output()}")
        return
    for key, number in numbers.items():
        setattr(totals, key, getattr(totals, key) + number)
    for line in lines:
        say(line.partition(" s  ")[2])
    totals.complaints += lines[1:]


if __name__ == "__main__":
    sys.exit(main())
