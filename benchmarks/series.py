"""How many settlements a second a gapless number series allows: its row is locked from the number to the commit.

- `bare`: numbers taken and committed by 1, 2, 4 and 8 threads, from one series and from one for each thread: what the
  database allows, and what shards lift.
- `settle`: how long a real settlement holds the row, one after the other. The ceiling of one series is its inverse.

Run: python -m benchmarks.series
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from benchmarks.steps import run_step
from benchmarks.throughput import new_changes, servers
from engine.accounts.providers import required_provider
from models.database import engine, transaction
from models.invoice import take_number

SECONDS = 3.0
THREADS = (1, 2, 4, 8)
SETTLEMENTS = 60
_KIND = "invoice"


def run() -> dict[str, Any]:
    """{"bare": {"one" | "several": {threads: numbers a second}}, "settle": {"held_ms", "per_second"}}"""
    with servers() as stack:
        changes = new_changes(stack, "series", SETTLEMENTS)
        with transaction() as session:
            provider = required_provider(session, "series").id
        bare = {
            name: {str(count): _numbers_per_second(provider, count, shards) for count in THREADS}
            for name, shards in (("one", False), ("several", True))
        }
        held = _held_ms(changes)
    return {"bare": bare, "settle": {"held_ms": round(held, 2), "per_second": round(1000 / held)}}


def _numbers_per_second(provider: str, threads: int, shards: bool) -> int:
    over = time.monotonic() + SECONDS

    def take(number: int) -> int:
        taken, on = 0, date(2100 + number if shards else 2100, 1, 1)  # each year is a series of its own
        while time.monotonic() < over:
            with transaction() as session:
                take_number(session, provider, _KIND, on)
            taken += 1
        return taken

    with ThreadPoolExecutor(threads) as pool:
        return round(sum(pool.map(take, range(threads))) / SECONDS)


def _held_ms(changes: list[str]) -> float:
    """The middle one, from the statement that takes the number to the end of its commit."""
    with _noting_holds() as holds:
        for change_id in changes:
            for name in ("quote", "issue_invoice", "settle"):
                run_step(name, change_id)
    return statistics.median(holds)


@contextmanager
def _noting_holds() -> Iterator[list[float]]:
    holds, taken_at = list[float](), list[float]()

    def taken(*arguments: Any) -> None:
        if "INSERT INTO number_series" in arguments[2]:
            taken_at.append(time.monotonic())

    def committed(_: Session) -> None:
        if taken_at:
            holds.append(1000 * (time.monotonic() - taken_at.pop()))

    event.listen(engine(), "after_cursor_execute", taken)
    event.listen(Session, "after_commit", committed)
    try:
        yield holds
    finally:
        event.remove(engine(), "after_cursor_execute", taken)
        event.remove(Session, "after_commit", committed)


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
