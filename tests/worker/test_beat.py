"""Beat and the clock of its host."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from local.stack import Stack
from worker.app import create_app
from worker.beat import SCHEDULE, Scheduler


class Silent(Scheduler):
    """Writes down what it would have sent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.sent: list[str] = []
        super().__init__(*args, **kwargs)

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        self.sent.append(entry.name)


def test_a_clock_that_is_set_back_an_hour_does_not_silence_beat(servers: Stack) -> None:
    app = create_app()
    scheduler = Silent(app)
    scheduler.tick()
    for entry in scheduler.schedule.values():
        entry.last_run_at = app.now() + timedelta(hours=1)
    scheduler.populate_heap()
    scheduler.tick()
    heap: Any = scheduler._heap
    due_within = {event.entry.name: event.time - time.time() for event in heap}
    assert due_within["enqueue what is due"] <= 3, "every 2 s"
    assert due_within["renewals"] <= 4, "every 3 s"
    assert due_within["reconcile payments"] <= 31, "every 30 s"
    assert set(due_within) == set(SCHEDULE)
