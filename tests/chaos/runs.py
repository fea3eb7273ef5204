"""Telling stories while something breaks, and judging what they came to: every part of a chaos run is one `tell`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from tests.chaos.checks import Verdict, judge
from tests.chaos.environment import ChaosStack, NotInTime
from tests.chaos.scenarios import STORIES, Story, StoryRun, begin

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
    """Which stories are told, by name, with how many changes each; again and again until `seconds` have passed."""

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
        running = [pool.submit(_tell_until, chaos, workload, name, story_runs[name], until) for name in story_runs]
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
    story_run = [one for again in story_runs.values() for one, _ in again]
    verdict = judge(chaos, story_run)
    verdict.lost = unfinished + verdict.lost
    return RunResult(verdict, len(story_run) * workload.count, kills)


def repeatedly(times: int, pause_seconds: float, result: Callable[[], int], over: threading.Event) -> int:
    """Does it so often, unless the stories are over before; returns the sum of what it returned."""
    total = 0
    for _ in range(times):
        total += result()
        if over.wait(pause_seconds):
            break
    return total


def _tell_until(
    chaos: ChaosStack, workload: Workload, name: str, story_runs: list[tuple[StoryRun, list[str]]], until: float
) -> None:
    """The first cast is there already; each further one begins while things break."""
    story = workload.stories[name]
    story.run_stories(*story_runs[-1])
    while time.monotonic() < until:
        story_runs.append(begin(chaos, f"{name}-{len(story_runs)}", workload.count, story))
        story.run_stories(*story_runs[-1])


def _set_when_all_ended(running: list[Future[None]], over: threading.Event) -> None:
    wait(running)
    over.set()
