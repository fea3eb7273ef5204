"""The sandbox programs as tests use them: each a real process on a free port."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from local.ports import free_port
from local.process import Command, Process, listens
from tests.support import loopback


class As(httpx.Client):
    """A client that speaks as one account, which no other test has: programs are shared by a module's tests."""

    def __init__(self, base_url: httpx.URL, account: str, **headers: str) -> None:
        super().__init__(base_url=base_url, headers=headers, timeout=loopback.PATIENCE_SECONDS, trust_env=False)
        self.account = account


@contextmanager
def program(name: str, folder: Path, *arguments: str) -> Iterator[tuple[httpx.Client, Process]]:
    """Run `python -m sandbox.NAME`; a client for it and its process."""
    port = free_port()
    argv = [sys.executable, "-m", f"sandbox.{name}", "--port", str(port), "--folder", str(folder), *arguments]
    process = Process(Command(name=name, argv=argv, log=folder / "log", ready=listens(port)))
    process.begin()
    try:
        process.wait_ready()
        with loopback.Client(base_url=f"http://127.0.0.1:{port}") as client:
            yield client, process
    finally:
        process.stop()
