"""A deploy in mid-flow: workers and beats of two versions side by side, on one broker and one database.

The next version has a step of another name, and its steps take an argument that this version does not know: a message
of one is nonsense to the other. It is dropped, and the sweep enqueues the row until the right one gets it.
"""

from __future__ import annotations

import random
import threading
from pathlib import Path

from local.process import Process
from tests.chaos.copies import change, copy_of_the_code
from tests.chaos.environment import ChaosStack, chaos_stack, start_zygote
from tests.chaos.runs import RunResult, Workload, run_stories
from worker.app import create_app

PROCESSES = ("core-1", "core-2", "outside-1", "outside-2", "renewals-1", "renewals-2", "beat")
OLD_NAME, NEW_NAME = "plan_change.print_invoice", "plan_change.print_document"


def old_and_new() -> RunResult:
    with chaos_stack(0) as chaos:
        next_version = _start_next_version(chaos)
        result = run_stories(chaos, Workload.of("upgrade", "downgrade", seconds=25), _traffic)
        result.verdict.broken += _not_received(chaos.zygote, NEW_NAME) + _not_received(next_version, OLD_NAME)
    return result


def _traffic(chaos: ChaosStack, over: threading.Event) -> int:
    """Workers that are idle take turns. With nothing but one row's messages on the queues, the turn could be the wrong
    version's each time; on a day of deploys there is more."""
    chance = random.Random(20270719)
    while not over.wait(chance.uniform(0.05, 0.4)):
        create_app().send_task("renewals.scan", queue="maintenance")
    return 0


def _start_next_version(chaos: ChaosStack) -> Process:
    code, folder = chaos.folder / "code", chaos.folder / "next"
    copy_of_the_code(code)
    _rewrite(code)
    return start_zygote(chaos.stack, folder, chaos.variables, code=code, roles=PROCESSES)


def _rewrite(code: Path) -> None:
    named = {"tasks/plan_change.py": 1, "tasks/story.py": 3, "worker/app.py": 1, "domain/next_steps.py": 1}
    for file, times in named.items():
        change(code / file, OLD_NAME, NEW_NAME, times)
    steps, story = code / "tasks/plan_change.py", code / "tasks/story.py"
    change(steps, "(self: StepTask, change_id: str)", "(self: StepTask, change_id: str, origin: str)", 5)
    change(steps, "def request_payment(change_id: str)", 'def request_payment(change_id: str, origin: str = "")')
    change(steps, "def notify(change_id: str)", "def notify(change_id: str, origin: str)")
    change(story, "{ARGUMENTS[prefix]: work.row_id}", "{ARGUMENTS[prefix]: work.row_id} | ORIGIN.get(prefix, {})")
    change(story, "log = logging", 'ORIGIN = {"chg": {"origin": "canvas"}}\nlog = logging')


def _not_received(version: Process, name: str) -> list[str]:
    """A day on which no message reached the other version proves nothing."""
    received = f"unregistered task of type '{name}'" in version.output()
    return [] if received else [f"no message {name} reached the version that does not know it"]
