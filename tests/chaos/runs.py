"""Runs stories while something breaks, and judges the result: every part of a chaos run is one `run_stories`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from tests.chaos.checks import Verdict, judge
from tests.chaos.environment import ChaosStack
from tests.chaos.scenarios import STORIES
from tests.chaos.story import Story, StoryRun, begin
from tests.support.waiting import NotInTime

# Breaks things until the event is set, which says that all stories have ended; returns how many processes it killed.
Break = Callable[[ChaosStack, threading.Event], int]


@dataclass
class RunResult:
    """What one part of a run came to."""

    verdict: Verdict
    stories: int
    kills: int
    boundaries: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Workload:
    """Which stories run, by name, with how many changes each; again and again until `seconds` have passed."""

    stories: Mapping[str, Story]
    count: int
    seconds: float = 0

    @classmethod
    def of(cls, *names: str, count: int = 4, seconds: float = 0) -> Workload:
        return cls({name: STORIES[name] for name in names}, count, seconds)


def run_stories(chaos: ChaosStack, workload: Workload, break_things: Break) -> RunResult:
    """All stories at once, while things break; then the checks."""
    story_runs = {name: [begin(chaos, name, workload.count, story)] for name, story in workload.stories.items()}
    over = threading.Event()
    until = time.monotonic() + workload.seconds
    with ThreadPoolExecutor(len(story_runs) + 1) as pool:
        running = [pool.submit(_run_until, chaos, workload, name, story_runs[name], until) for name in story_runs]
        pool.submit(_set_when_all_ended, running, over)
        try:
            # In this thread, which lives on: a server that is started again ends with the thread that started it.
            kills = break_things(chaos, over)
        finally:
            ends = [future.exception() for future in running]
    unfinished = []
    for error in filter(None, ends):
        if not isinstance(error, NotInTime):
            raise error
        unfinished.append(str(error))
    all_runs = [story_run for runs in story_runs.values() for story_run, _ in runs]
    verdict = judge(chaos, all_runs)
    verdict.lost = unfinished + verdict.lost
    return RunResult(verdict, len(all_runs) * workload.count, kills)


def repeatedly(times: int, pause_seconds: float, action: Callable[[], int], over: threading.Event) -> int:
    """Does it so often, unless the stories are over before; returns the sum of what it returned."""
    total = 0
    for _ in range(times):
        total += action()
        if over.wait(pause_seconds):
            break
    return total


def _run_until(
    chaos: ChaosStack, workload: Workload, name: str, story_runs: list[tuple[StoryRun, list[str]]], until: float
) -> None:
    """The first services are there already; each further set begins while things break."""
    story = workload.stories[name]
    story.run(*story_runs[-1])
    while time.monotonic() < until:
        story_runs.append(begin(chaos, f"{name}-{len(story_runs)}", workload.count, story))
        story.run(*story_runs[-1])


def _set_when_all_ended(running: list[Future[None]], over: threading.Event) -> None:
    wait(running)
    over.set()
