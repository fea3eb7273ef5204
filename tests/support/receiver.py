"""The webhook receiver as a process of its own, that a test may kill and start again on the same port."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.ports import free_port

READY_SECONDS = 40


class ReceiverProcess:
    """`command` gets the port as its last argument; the environment is the test's."""

    def __init__(self, command: list[str]) -> None:
        self.port = free_port()
        self._command = [*command, str(self.port)]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "the receiver is started"
        return self._process.pid

    def start(self) -> None:
        """Returns when it answers. Raises TimeoutError."""
        self._process = subprocess.Popen(self._command, env=dict(os.environ), stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + READY_SECONDS
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise TimeoutError(f"the receiver did not start: {self._command}")
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL: whatever it was doing is cut off."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def memory_kib(self) -> int:
        """Resident memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


@contextmanager
def receiver(command: list[str] | None = None) -> Iterator[ReceiverProcess]:
    """`planshift receiver`, or a mutant of it."""
    planshift = str(Path(sys.executable).parent / "planshift")
    process = ReceiverProcess(command or [planshift, "receiver", "--port"])
    try:
        process.start()
        yield process
    finally:
        process.kill()
