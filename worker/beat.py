"""Everything that beat enqueues. Beat carries no business time: its tasks only look, often, for dates in rows that are
due.

Messages expire when the next one would be there, so a beat that was away leaves no pile; two beats change nothing.
"""

from __future__ import annotations

from typing import Any

from celery import beat
from celery.schedules import crontab

SCHEDULE = {
    # Rows whose next attempt is due.
    "enqueue what is due": {"task": "sweep.enqueue_due", "schedule": 2.0, "options": {"expires": 10}},
    # Webhooks may never come: pending payments are fetched, lists of events are read, each when its own time has come.
    # Often, since a look takes no more than its queue has room for.
    "reconcile payments": {"task": "payments.reconcile", "schedule": 30.0, "options": {"expires": 30}},
    # Services whose period is over, scheduled changes that would not fit, renewals that were not paid.
    "renewals": {"task": "renewals.scan", "schedule": 3.0, "options": {"expires": 10}},
    # What is kept for so many days: a batch of each kind, so that the sweep, in the same queue, waits for no more.
    "retention": {"task": "retention.delete_old", "schedule": 60.0, "options": {"expires": 60}},
    # Whether every invariant holds, each night (UTC), far from midnights at which periods end.
    "audit": {"task": "audit.books", "schedule": crontab(hour=3, minute=17), "options": {"expires": 3600}},
}

# Every few seconds, mostly for nothing: they would push what operators look for out of Flower.
UNSEEN = {"sweep.enqueue_due", "payments.reconcile", "renewals.scan", "retention.delete_old"}


class Scheduler(beat.Scheduler):
    """Keeps no state: what is due is a date in a row. "Every two seconds" holds when the host's clock is set back;
    Celery's own would be silent until the clock is where it was."""

    def setup_schedule(self) -> None:
        self.app.conf.task_send_sent_event = False
        super().setup_schedule()

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Runs what is due; returns the seconds until it wants to be called again."""
        now = self.app.now()
        ahead = [entry for entry in self.schedule.values() if (entry.last_run_at or now) > now]
        if ahead:
            for entry in ahead:
                entry.last_run_at = now
            self._heap = None  # it is ordered by times of the clock as it was
        pause: float = super().tick(*args, **kwargs)
        return pause
