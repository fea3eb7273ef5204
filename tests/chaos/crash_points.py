"""Every crash point: all stories at once, and the first process at each boundary dies there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.cast import STORIES, Told, begin
from tests.chaos.checks import Verdict, judge
from tests.chaos.theatre import NotInTime, Theatre, theatre

ROOT = Path(__file__).parent.parent.parent

# What the stories do not pass, and where it is tried instead.
ELSEWHERE = {
    "tasks/plan_change.py:request_payment": "its ring is for a change that owes nothing: tests/stories",
    "tasks/plan_change.py:give_up": "nothing fails often enough for that: tests/steps/test_dead_letters.py",
    "tasks/door.py:_reject": "a malformed message: tests/doors/test_celery_door.py",
}
ENGINE_CALLS = re.compile(r"\b(gateway|provisioner|storage)\.(\w+)\(")


@dataclass
class Act:
    """What one run came to."""

    verdict: Verdict
    boundaries: list[str]
    kills: int
    stories: int


def crash_everywhere(names: list[str], count: int, share: int = 100) -> tuple[Act, list[str]]:
    """On a stage of its own. Also returns what no process died at."""
    with theatre(share) as stage:
        act = play(stage, names, count, "crash")
    return act, uncovered(act.boundaries)


def play(stage: Theatre, names: list[str], count: int, suffix: str) -> Act:
    """`count` changes of each story, all at once, under the seam; then the checks."""
    stage.forget()
    cast = {name: begin(stage, f"{name}-{suffix}", count, STORIES[name][1]) for name in names}
    stage.arm()
    verdict = Verdict()
    with ThreadPoolExecutor(len(names)) as pool:
        running = {name: pool.submit(STORIES[name][0], *cast[name]) for name in names}
    for name, future in running.items():
        error = future.exception()
        if isinstance(error, NotInTime):
            verdict.lost.append(f"{name}: {error}")
        elif error is not None:
            raise error
    stage.disarm()
    tales: list[Told] = [told for told, _ in cast.values()]
    found = judge(stage, tales)
    found.lost = verdict.lost + found.lost
    seen = stage.seen()
    return Act(found, seen, sum(line.startswith("killed") for line in seen), len(names) * count)


def uncovered(boundaries: list[str]) -> list[str]:
    """Functions that commit, publish or call outside, and at which no process has died."""
    text = "\n".join(boundaries)
    commits = {name for name in _functions_calling("tasks", {"transaction", "inside", "outside"})}
    publishes = {name for name in _functions_calling("tasks", {"ring", "ring_step", "ring_for_claimed"})}
    publishes |= {name for name in _functions_calling("web/webhooks", {"ring_step"})}
    missing = [f"commit in {name}" for name in sorted(commits) if not _died_at(text, "commit", name)]
    missing += [f"publish in {name}" for name in sorted(publishes) if not _died_at(text, "publish", name)]
    calls = {f"{kind}.{method}" for file in (ROOT / "engine").glob("*.py") for kind, method in _calls(file)}
    return missing + [f"call {call}" for call in sorted(calls) if f"call {call} " not in text]


def _died_at(text: str, kind: str, name: str) -> bool:
    return name in ELSEWHERE or bool(re.search(rf"{kind} .*in {re.escape(name)}$", text, re.MULTILINE))


def _calls(file: Path) -> Iterator[tuple[str, str]]:
    yield from ENGINE_CALLS.findall(file.read_text(encoding="utf-8"))


def _functions_calling(folder: str, names: set[str]) -> Iterator[str]:
    for file in sorted((ROOT / folder).rglob("*.py")):
        relative = str(file.relative_to(ROOT))
        if relative in ("tasks/run.py", "tasks/story.py"):
            continue
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                called = {ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}
                if called & names:
                    yield f"{relative}:{function.name}"
