"""Several processes as one: begun together, watched together, stopped in reverse."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Protocol, Self

from local.process import NotReady, Process

_POLL_SECONDS = 0.05  # what starts needs the processor more
_WATCH_SECONDS = 0.3


class Stop:
    """Whether somebody has asked to stop, and the wait for that.

    A signal's handler runs in the midst of whatever the main thread does, its wait for the signal among it. An Event
    has a lock that the thread would hold then, and wait for; a SimpleQueue is made to be written to at any moment.
    """

    def __init__(self) -> None:
        self._asked = SimpleQueue[None]()

    def set(self) -> None:
        self._asked.put(None)

    def is_set(self) -> bool:
        return not self._asked.empty()

    def wait(self, seconds: float) -> bool:
        """For so long at the most; whether somebody has asked."""
        try:
            self._asked.get(timeout=seconds)
        except Empty:
            return False
        self.set()  # it stays asked
        return True


class ManagedProcess(Protocol):
    """What the supervisor needs of a thing that it runs; Process, Postgres and Valkey are such."""

    @property
    def process(self) -> Process: ...

    def begin(self) -> None: ...


class Supervisor:
    """Starts in waves: what is begun before a `wait_ready` starts together, what is begun after it depends on it.

    A wave is stopped together, the last wave first. Use it as a context manager in the main thread.
    """

    def __init__(self) -> None:
        self._waves: list[list[Process]] = [[]]

    def begin(self, service: ManagedProcess) -> None:
        """Start it and return at once."""
        service.begin()
        self._waves[-1].append(service.process)

    def wait_ready(self, seconds: float = 60) -> None:
        """Wait for all that was begun. Raises ProcessDied or NotReady, with the end of that process's log."""
        deadline = time.monotonic() + seconds
        waiting = list(self._waves[-1])
        while waiting := [process for process in waiting if not process.is_ready()]:
            self.check()
            if time.monotonic() > deadline:
                slow = waiting[0]
                raise NotReady(slow.name, seconds, slow.command.log, slow.tail())
            time.sleep(_POLL_SECONDS)
        self._waves.append([])

    def process(self, name: str) -> Process:
        return next(process for wave in self._waves for process in wave if process.name == name)

    def check(self) -> None:
        """Raise ProcessDied for a process that ended by itself."""
        for wave in self._waves:
            for process in wave:
                process.check()

    def watch(self, stop: Stop) -> None:
        """Return when `stop` is set; raise ProcessDied as soon as a process ends by itself."""
        while not stop.wait(_WATCH_SECONDS):
            self.check()

    def stop(self) -> None:
        """Stop all, the last wave first; a process that does not obey within its time is killed."""
        while self._waves:
            wave = self._waves.pop()
            for process in reversed(wave):
                process.ask_to_stop()
            started = time.monotonic()
            for process in reversed(wave):
                process.finish_stop(started + process.command.stop_seconds)
        self._waves = [[]]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Set by SIGINT, SIGTERM and SIGHUP, so that the stack below is stopped in order."""
    stop = Stop()

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
