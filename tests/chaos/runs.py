"""Telling stories while something breaks, and judging what they came to: every part of a chaos run is one `tell`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from tests.chaos.checks import Verdict, judge
from tests.chaos.environment import NotInTime, Theatre
from tests.chaos.scenarios import STORIES, Story, Told, begin

# Breaks things until the event is set, which says that all stories have ended; returns how many processes it killed.
Break = Callable[[Theatre, threading.Event], int]


@dataclass
class Act:
    """What one part of a run came to."""

    verdict: Verdict
    stories: int
    kills: int
    boundaries: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Telling:
    """Which stories are told, by name, with how many changes each; again and again until `seconds` have passed."""

    stories: Mapping[str, Story]
    count: int
    seconds: float = 0

    @classmethod
    def of(cls, *names: str, count: int = 4, seconds: float = 0) -> Telling:
        return cls({name: STORIES[name] for name in names}, count, seconds)


def tell(stage: Theatre, telling: Telling, break_things: Break) -> Act:
    """All stories at once, while things break; then the checks."""
    tales = {name: [begin(stage, name, telling.count, story)] for name, story in telling.stories.items()}
    over = threading.Event()
    until = time.monotonic() + telling.seconds
    with ThreadPoolExecutor(len(tales) + 1) as pool:
        running = [pool.submit(_tell_until, stage, telling, name, tales[name], until) for name in tales]
        pool.submit(_set_when_all_ended, running, over)
        try:
            # In this thread, which lives on: a server that is started again ends with the thread that started it.
            kills = break_things(stage, over)
        finally:
            ends = [future.exception() for future in running]
    unfinished = []
    for error in filter(None, ends):
        if not isinstance(error, NotInTime):
            raise error
        unfinished.append(str(error))
    told = [one for again in tales.values() for one, _ in again]
    verdict = judge(stage, told)
    verdict.lost = unfinished + verdict.lost
    return Act(verdict, len(told) * telling.count, kills)


def repeatedly(times: int, pause_seconds: float, act: Callable[[], int], over: threading.Event) -> int:
    """Does it so often, unless the stories are over before; returns the sum of what it returned."""
    total = 0
    for _ in range(times):
        total += act()
        if over.wait(pause_seconds):
            break
    return total


def _tell_until(stage: Theatre, telling: Telling, name: str, tales: list[tuple[Told, list[str]]], until: float) -> None:
    """The first cast is there already; each further one begins while things break."""
    story = telling.stories[name]
    story.tell(*tales[-1])
    while time.monotonic() < until:
        tales.append(begin(stage, f"{name}-{len(tales)}", telling.count, story))
        story.tell(*tales[-1])


def _set_when_all_ended(running: list[Future[None]], over: threading.Event) -> None:
    wait(running)
    over.set()
