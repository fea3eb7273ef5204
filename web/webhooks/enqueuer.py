"""Enqueues events after their webhooks are answered: one message for all that came while the last one was sent.

A message costs the receiver more than a webhook does, so in a storm many events share one. A message that is lost with
its process does no harm: the sweep finds the rows. An unsigned one has a message of its own, since its payment is
fetched, and a gateway that is slow shall hold up no others.
"""

from __future__ import annotations

import time
from queue import Empty, SimpleQueue
from threading import Thread

AT_ONCE_MAX = 200
# The first event of a quiet moment is enqueued at once; in a storm the next message waits for what comes meanwhile.
PAUSE_SECONDS = 0.05


class Enqueuer:
    """One thread of the receiver's process; `enqueue` never waits."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[tuple[str, bool]] = SimpleQueue()
        self._thread: Thread | None = None

    def enqueue(self, event_id: str, alone: bool) -> None:
        """Called by the event loop alone."""
        self._waiting.put((event_id, alone))
        if self._thread is None:
            self._thread = Thread(target=self._run, name="enqueuer", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        from tasks.story import enqueue_events

        while True:
            events = self._next()
            enqueue_events([event_id for event_id, alone in events if not alone])
            for event_id in [event_id for event_id, alone in events if alone]:
                enqueue_events([event_id])
            time.sleep(PAUSE_SECONDS)

    def _next(self) -> list[tuple[str, bool]]:
        events = [self._waiting.get()]
        while len(events) < AT_ONCE_MAX:
            try:
                events.append(self._waiting.get_nowait())
            except Empty:
                break
        return events
