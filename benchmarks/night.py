"""A renewal night: many services whose period ends at the same second, with ten thousand services in the tables and
with a million. Real servers, workers and beat.

Of the services a tenth is due, and a fifth of those has a downgrade that is scheduled. For each size: what the sweep's
and the scan's statements take, from the database alone; how long a customer's upgrade that credit covers takes before
the night and in it; and, while the workers renew for some minutes, what one renewal costs, how deep the queues are, and
what memory the processes hold. Run: python -m benchmarks.night
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import psutil
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from benchmarks.latency import told, until_applied
from benchmarks.throughput import new_changes, request_changes, run_changes, whole_stack
from engine import dunning
from engine.accounts.providers import required_provider, set_clock
from engine.jobs import sweep, work_kinds
from engine.jobs.sweep import Claimed, Due, Queue
from local.stack import Stack
from models.database import transaction
from models.provider import moment
from models.renewal import Renewal
from tests.support.large import unhurried
from tests.support.multiply import multiply
from tests.support.play import AUGUST, Play
from worker.app import QUEUES
from worker.depth import depths

SIZES = (10_000, 1_000_000)
NIGHT_SECONDS, IDLE_UPGRADES = 180, 30
LOOKS = 30
CUSTOMERS = "customers"  # the provider whose customers upgrade
WORKERS = ("worker-core", "worker-outside", "worker-renewals")
_SAMPLE_SECONDS = 0.5


def run() -> dict[str, Any]:
    """{size: {"looks_ms": {what is asked: p50}, "upgrade": {"idle" | "night": {"p50_ms", "p99_ms"}}, "renewed",
    "per_item": {"worker_cpu_ms", "database_cpu_ms", "transactions"}, "depth": {queue: the deepest},
    "memory_mb": {process: [at the beginning, at most, at the end]}}, "million_to_ten_thousand": {…: ratio}}"""
    found = {size: _night(size) for size in SIZES}
    small, large = (found[size]["per_item"] for size in SIZES)
    ratios = {what: round(large[what] / small[what], 2) for what in small if small[what]}
    return {str(size): night for size, night in found.items()} | {"million_to_ten_thousand": ratios}


def _night(size: int) -> dict[str, Any]:
    with whole_stack() as stack:
        run_changes(new_changes(stack, "warm", 10))  # what is loaded at the first use only
        play = Play.of(stack, plan="start")
        _fill(play, size)
        new_changes(stack, CUSTOMERS, 0)
        idle = [_upgrade(f"idle-{number}") for number in range(IDLE_UPGRADES)]
        looks = _looks(play)
        play.set_clock(AUGUST + timedelta(minutes=1))
        watch = Watch(stack)
        watch.begin()
        night, end = list[float](), time.monotonic() + NIGHT_SECONDS
        while time.monotonic() < end:
            night.append(_upgrade(f"night-{len(night)}"))
        return {"upgrade": {"idle": told(idle), "night": told(night)}, "looks_ms": looks, **watch.end()}


def _fill(play: Play, size: int) -> None:
    """Multiplies the one service of a provider, and the downgrade that is scheduled for it."""
    change_id = play.request("basic")
    assert play.step("quote", change_id) == "scheduled"
    with transaction() as session:
        multiply(session, play.service(session).id, change_id, size)
    unhurried("VACUUM ANALYZE")


def _upgrade(ref: str) -> float:
    """Seconds from the request to the applied plan, of a new service of the provider beside."""
    from tasks.story import enqueue

    [change_id] = request_changes(CUSTOMERS, [ref])
    begun = time.monotonic()
    enqueue(change_id)
    until_applied(change_id)
    return time.monotonic() - begun


def _looks(play: Play) -> dict[str, float]:
    """Milliseconds of each of BEATS_LOOKS, the middle of LOOKS, while the night has come and nothing is claimed yet."""
    return {
        name: round(statistics.median(_milliseconds(play, ask) for _ in range(LOOKS)), 2)
        for name, ask in BEATS_LOOKS.items()
    }


def _milliseconds(play: Play, ask: Callable[[Session], Any]) -> float:
    with in_the_night(play) as session:
        begun = time.perf_counter()
        ask(session)
        return 1000 * (time.perf_counter() - begun)


@contextmanager
def in_the_night(play: Play) -> Iterator[Session]:
    """A transaction in which the provider's clock stands in the night. What it writes is taken back."""
    with transaction() as session:
        set_clock(session, required_provider(session, play.slug), AUGUST + timedelta(minutes=1))
        session.flush()
        yield session
        session.rollback()


def _claim(session: Session) -> None:
    [path, *_] = work_kinds.RENEWALS.paths
    [step] = work_kinds.RENEWALS.steps(path)
    sweep.claim_step(session, Due(work_kinds.RENEWALS, path, moment(session)), step, Queue(), Claimed())


# What beat asks every few seconds.
BEATS_LOOKS: dict[str, Callable[[Session], Any]] = {
    "what the sweep finds": lambda session: sweep.due(session, work_kinds.SWEPT),
    "what the scan finds": lambda session: sweep.due(session, work_kinds.SCANNED),
    "200 renewals claimed": _claim,
    "bills to remind of": dunning.remind_unpaid,
    "bills past due": dunning.mark_past_due,
}


@dataclass
class Watch:
    """What the processes spend and hold, and how deep the queues are, from `begin` to `end`."""

    stack: Stack
    deepest: dict[str, int] = field(default_factory=lambda: dict.fromkeys(QUEUES, 0))
    memory: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in (*WORKERS, "beat")})
    before: dict[str, float] = field(default_factory=dict)
    _over: Event = field(default_factory=Event)

    def begin(self) -> None:
        self.before = self._spent()
        self._thread = Thread(target=self._sample)
        self._thread.start()

    def end(self) -> dict[str, Any]:
        self._over.set()
        self._thread.join()
        spent = {name: after - self.before[name] for name, after in self._spent().items()}
        renewed = spent.pop("renewed")
        return {
            "renewed": round(renewed),
            "per_item": {name: round(one / max(1, renewed), 2) for name, one in spent.items()},
            "depth": {name: depth for name, depth in self.deepest.items() if depth},
            "memory_mb": {name: [round(one[0]), round(max(one)), round(one[-1])] for name, one in self.memory.items()},
        }

    def _sample(self) -> None:
        while not self._over.wait(_SAMPLE_SECONDS):
            for name, depth in depths(list(QUEUES)).items():
                self.deepest[name] = max(self.deepest[name], depth.count)
            for name, seen in self.memory.items():
                seen.append(sum(process.memory_info().rss for process in self._tree(name)) / 1e6)

    def _spent(self) -> dict[str, float]:
        with transaction() as session:
            commits = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
            renewed = session.scalar(select(func.count()).select_from(Renewal)) or 0
            return {
                "renewed": renewed,
                "transactions": float(session.scalar(text(commits)) or 0),
                "worker_cpu_ms": 1000 * sum(self._cpu(name) for name in WORKERS),
                "database_cpu_ms": 1000 * self._cpu("postgres"),
            }

    def _tree(self, name: str) -> list[psutil.Process]:
        head = psutil.Process(self.stack.supervisor.process(name).pid)
        return [head, *head.children(recursive=True)]

    def _cpu(self, name: str) -> float:
        """Seconds, of children that have ended, too."""
        times = [process.cpu_times() for process in self._tree(name)]
        return float(sum(one.user + one.system + one.children_user + one.children_system for one in times))


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
