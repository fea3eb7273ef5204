"""One child process: started with its log in a file, watched, stopped, and gone when we are gone, however we end."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from local.ports import accepts
from local.user import ServerUser

_CHILD = Path(__file__).with_name("child.py")
_POLL_SECONDS = 0.02
_TAIL_LINES = 25
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy does not lead to our own machine
_TAIL_BYTES = 20_000


Ready = Callable[["Process"], bool]


class ProcessDied(Exception):
    """A process ended by itself. Says its name, how it ended, and the end of its log."""

    def __init__(self, name: str, code: int, log: Path, tail: str) -> None:
        ending = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        super().__init__(f"{name} {ending}. The end of {log}:\n{tail}")
        self.name, self.code = name, code


class NotReady(Exception):
    """A process runs but did not become ready in time. Says its name and the end of its log."""

    def __init__(self, name: str, seconds: float, log: Path, tail: str) -> None:
        super().__init__(f"{name} was not ready after {seconds:g} s. The end of {log}:\n{tail}")
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run and how to end it.

    ready: polled until true; None: ready when started.
    account: whom to run as (only root may choose). stop_signal: what ends it in order, within stop_seconds.
    death_signal: what the kernel sends it when we die without stopping it.
    """

    name: str
    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] | None = None
    folder: Path | None = None
    ready: Ready | None = None
    account: ServerUser | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10
    death_signal: signal.Signals = signal.SIGKILL


class Process:
    """A running `Command`. Start it from the main thread: the kernel ties the child's life to the thread."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.name = command.name
        self._child: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def process(self) -> "Process":
        return self

    @property
    def pid(self) -> int:
        """The process id; also its process group, which holds the children it may have."""
        if self._child is None:
            raise RuntimeError(f"{self.name} has not been started.")
        return self._child.pid

    def begin(self) -> None:
        """Start it and return at once."""
        command = self.command
        command.log.parent.mkdir(parents=True, exist_ok=True)
        account = command.account
        identity = (account.uid, account.gid) if account else (-1, -1)
        shim = [os.getpid(), int(command.death_signal), *identity]
        with command.log.open("ab") as log:
            self._log_start = log.tell()
            self._child = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_CHILD), *map(str, shim), *command.argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=None if command.env is None else dict(command.env),
                cwd=command.folder,
                start_new_session=True,  # a terminal's Ctrl-C reaches the supervisor alone, which stops us in order
            )

    def is_alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def is_ready(self) -> bool:
        """Whether it is ready now; raises ProcessDied if it has ended."""
        self.check()
        return self.command.ready is None or self.command.ready(self)

    def check(self) -> None:
        """Raise ProcessDied if it has ended by itself."""
        code = None if self._child is None else self._child.poll()
        if code is not None:
            raise ProcessDied(self.name, code, self.command.log, self.tail())

    def wait_ready(self, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise NotReady(self.name, seconds, self.command.log, self.tail())
            time.sleep(_POLL_SECONDS)

    def ask_to_stop(self) -> None:
        """Send the stop signal and return at once."""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(self.command.stop_signal)

    def finish_stop(self, deadline: float | None = None) -> None:
        """Wait until it has stopped; what is left of its group at `deadline` (monotonic seconds) is killed."""
        if self._child is None:
            return
        until = time.monotonic() + self.command.stop_seconds if deadline is None else deadline
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(max(0.0, until - time.monotonic()))
        self.kill()
        self._child = None

    def stop(self) -> None:
        self.ask_to_stop()
        self.finish_stop()

    def kill(self) -> None:
        """SIGKILL to it and to all children in its group, as a crash would."""
        if self._child is None:
            return
        with suppress(ProcessLookupError):  # it and its children have ended
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()

    def output(self) -> str:
        """What it has written to its log since it was started."""
        with self.command.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def tail(self) -> str:
        return "\n".join(self.output()[-_TAIL_BYTES:].splitlines()[-_TAIL_LINES:])


def listens(port: int) -> Ready:
    """Ready when the port accepts connections."""
    return lambda _process: accepts(port)


def answers(url: str) -> Ready:
    """Ready when a GET of `url` is answered with a 2xx."""

    def ready(_process: Process) -> bool:
        try:
            with _direct.open(url, timeout=2):
                return True
        except (urllib.error.URLError, OSError):
            return False

    return ready


def logs(text: str) -> Ready:
    """Ready when its log says `text`."""
    return lambda process: text in process.output()
