"""A stage for chaos: servers and sandbox of its own, all our processes from a zygote, short patience by settings."""

from __future__ import annotations

import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from cli.demo import Frontend
from cli.sandbox import set_up_provider
from local.folders import temporary_folder
from local.process import Command, Process, answers, logs
from local.stack import Stack
from models.migrate import migrate
from tests.chaos.silence import SilentProxy
from tests.conftest import catalog_named, environment

Found = TypeVar("Found")

# Rows that rest are rung for within a second; a lease of a dead worker is over after three.
PATIENCE = {
    "PLANSHIFT_RING_PATIENCE_SECONDS": "0.5",
    "PLANSHIFT_RING_PAUSE_MAX_SECONDS": "2",
    # A ring every two seconds for half an hour: no run of ten minutes comes there.
    "PLANSHIFT_RINGS_MAX": "1000",
    "PLANSHIFT_LEASE_SECONDS": "3",
    "PLANSHIFT_APPLY_ATTEMPTS_MAX": "40",
    "PLANSHIFT_LOG_LEVEL": "WARNING",
}


class NotInTime(Exception):
    """What should have come about did not."""


@dataclass
class Theatre:
    """Where everything is, and hands to break it with."""

    folder: Path
    stack: Stack
    zygote: Process

    def provider(self, sample: str, slug: str, **changes: Any) -> Patient:
        """A provider of its own, and its API client, which repeats what was cut off as frontends do."""
        keys = set_up_provider(catalog_named(slug, sample, **changes), self.stack.addresses)
        addresses = self.stack.addresses
        ready = {"api": addresses.web, "host": addresses.host, "gateway": addresses.gateway, "mail": addresses.mail}
        return Patient(ready | {"keys": {slug: keys}}, slug)

    def arm(self) -> None:
        (self.folder / "armed").touch()

    def disarm(self) -> None:
        (self.folder / "armed").unlink(missing_ok=True)

    def forget(self) -> None:
        """Every boundary kills once more."""
        for file in (self.folder / "seen").iterdir():
            file.unlink()

    def seen(self) -> list[str]:
        """What the seam wrote down: "killed|passed ROLE before|after BOUNDARY"."""
        return sorted(file.read_text().strip() for file in (self.folder / "seen").iterdir())

    def kill(self, role: str) -> None:
        with suppress(ProcessLookupError, ValueError, FileNotFoundError):
            os.kill(int((self.folder / "pids" / role).read_text()), signal.SIGKILL)

    def roles(self) -> list[str]:
        return sorted(file.name for file in (self.folder / "pids").iterdir())


class Patient(Frontend):
    """Repeats a request that got no answer, or a 503: same body, same Idempotency-Key."""

    def call(self, method: str, path: str, body: Any = None, scope: str = "frontend", **headers: str) -> Any:
        for _ in range(100):
            try:
                return super().call(method, path, body, scope, **headers)
            except httpx.TransportError:
                time.sleep(0.1)
            except Exception as error:
                if "not_available" not in str(error) and "request_in_flight" not in str(error):
                    raise
                time.sleep(0.1)
        raise NotInTime(f"{method} {path} was cut off a hundred times")


@contextmanager
def theatre(share: int = 100, proxied: bool = False, **more: str) -> Iterator[Theatre]:
    """Everything runs; the seam sleeps until `arm()`. `proxied`: our processes reach the broker through a proxy."""
    with temporary_folder("chaos") as folder, Stack(folder) as stack, environment({}):
        for name in ("seen", "pids"):
            (folder / name).mkdir()
        own = PATIENCE | {"PLANSHIFT_SECRET_KEY": secrets.token_urlsafe(32)} | more
        variables = {**stack.environment(), **own, "CHAOS_RECEIVER": stack.addresses.receiver}
        with environment(variables):
            stack.start_servers()
            migrate()
            with _way_to_the_broker(stack, proxied) as way:
                yield Theatre(folder, stack, start_zygote(folder, stack, {**variables, **way}, share))


@contextmanager
def _way_to_the_broker(stack: Stack, proxied: bool) -> Iterator[dict[str, str]]:
    """The broker's address as our processes see it, where it is another one."""
    assert stack.valkey is not None
    if not proxied:
        yield {}
        return
    proxy = SilentProxy(stack.valkey.port)
    try:
        yield {"PLANSHIFT_BROKER_URL": stack.valkey.url.replace(f":{stack.valkey.port}/", f":{proxy.port}/")}
    finally:
        proxy.close()


def start_zygote(folder: Path, stack: Stack, variables: Mapping[str, str], share: int) -> Process:
    argv = [sys.executable, "-m", "tests.chaos.zygote", str(folder), str(share)]
    ready = [logs("zygote ready."), answers(f"{stack.addresses.web}/healthz")]
    zygote = Process(
        Command(
            name="zygote",
            argv=argv,
            log=folder / "logs" / "zygote.log",
            env=variables,
            folder=Path(__file__).parent.parent.parent,
            ready=lambda process: all(one(process) for one in ready),
        )
    )
    stack.supervisor.begin(zygote)
    stack.supervisor.wait_ready()
    return zygote


def wait_for(look: Callable[[], Found | None], what: str, seconds: float = 500) -> Found:
    """Looks until there is something. Raises NotInTime."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.1)
    raise NotInTime(f"waited {seconds:g} s for {what}")
