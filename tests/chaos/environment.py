"""A stack for chaos: servers and sandbox of its own, all our processes from a zygote, short patience by settings."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from cli.sandbox import set_up_provider
from local.folders import temporary_folder
from local.process import Command, Process, answers, logs
from local.stack import Stack
from models.database import engine
from models.migrate import migrate
from tests.chaos.proxies import Proxy
from tests.conftest import catalog_named, environment
from tests.support.client import ApiClient, Refused
from tests.support.waiting import Found, until

ROOT = Path(__file__).parent.parent.parent
# How long web may be away: a process is killed again and again, and on a busy machine it takes its time to come back.
_OUTAGE_SECONDS = 180
# Polling costs the machine more than what is polled.
_POLL_SECONDS = 0.25

# Due rows are enqueued within a second; a lease of a dead worker is over after three.
PATIENCE = {
    "PLANSHIFT_SWEEP_PATIENCE_SECONDS": "0.5",
    "PLANSHIFT_RETRY_PAUSE_MAX_SECONDS": "2",
    # An attempt every two seconds for half an hour: no run of ten minutes uses them up.
    "PLANSHIFT_ATTEMPTS_MAX": "1000",
    "PLANSHIFT_LEASE_SECONDS": "3",
    "PLANSHIFT_APPLY_ATTEMPTS_MAX": "40",
    "PLANSHIFT_LOG_LEVEL": "WARNING",
}


@dataclass
class ChaosStack:
    """Where everything is, and how to break it."""

    folder: Path
    stack: Stack
    zygote: Process
    variables: Mapping[str, str]
    clients: ExitStack = field(default_factory=ExitStack)
    host: str = ""  # where our processes find the host; everybody else calls it without a detour

    def provider(self, sample: str, slug: str, **changes: Any) -> Patient:
        """A provider of its own, and its API client, which repeats what was cut off as frontends do."""
        addresses = self.stack.addresses
        set_up = replace(addresses, host=self.host or addresses.host)
        keys = set_up_provider(catalog_named(slug, sample, **changes), set_up)
        ready = {"api": addresses.web, "receiver": addresses.receiver}
        ready |= {"host": addresses.host, "gateway": addresses.gateway, "mail": addresses.mail}
        return self.clients.enter_context(Patient(ready | {"keys": {slug: keys}}, slug))

    def arm(self, among: str = "") -> None:
        """Processes die at boundaries that have this in their name."""
        _write_at_once(self.folder / "armed", among)

    def disarm(self) -> None:
        (self.folder / "armed").unlink(missing_ok=True)

    def seen(self) -> list[str]:
        """What the seam wrote down: "killed|passed ROLE before|after BOUNDARY"."""
        return sorted(file.read_text().strip() for file in (self.folder / "seen").iterdir())

    def kill(self, role: str) -> None:
        with suppress(ProcessLookupError, ValueError, FileNotFoundError):
            os.kill(int((self.folder / "pids" / role).read_text()), signal.SIGKILL)

    def roles(self) -> list[str]:
        return sorted(file.name for file in (self.folder / "pids").iterdir())

    def set_host_clock(self, offset: str) -> None:
        """For all but the database, against the real time: "-1h"."""
        _write_at_once(self.folder / "clock", offset)


class Patient(ApiClient):
    """Repeats a request that got no answer, or a 503: same body, same Idempotency-Key."""

    def call(self, method: str, path: str, body: Any = None, scope: str = "frontend", **headers: str) -> Any:
        def answered() -> list[Any] | None:
            try:
                return [super(Patient, self).call(method, path, body, scope, **headers)]
            except httpx.TransportError:
                return None
            except Refused as error:
                if "not_available" not in str(error) and "request_in_flight" not in str(error):
                    raise
                return None

        return until(answered, f"an answer to {method} {path}", _OUTAGE_SECONDS)[0]


@contextmanager
def chaos_stack(
    share: int = 100,
    way_to_the_broker: Callable[[int], Proxy] | None = None,
    clock_library: Path | None = None,
    broker_url: str | None = None,
    **settings: str,
) -> Iterator[ChaosStack]:
    """Everything runs; the seam sleeps until `arm()`. `way_to_the_broker`: our processes reach it through this proxy.
    `clock_library`: libfaketime, under which all but the database runs, so that the host's clock can be set.
    `broker_url`: another broker than a Valkey of the stack's own."""
    with ExitStack() as more:
        folder = more.enter_context(temporary_folder("chaos"))
        stack = more.enter_context(Stack(folder, broker_url=broker_url))
        more.enter_context(environment({}))
        own = PATIENCE | {"PLANSHIFT_SECRET_KEY": secrets.token_urlsafe(32)}
        own |= {"PLANSHIFT_DOCUMENT_URL": str(folder / "documents"), **settings}
        variables = {**stack.environment(), **own, "CHAOS_RECEIVER": stack.addresses.receiver}
        with environment(variables):
            if clock_library is not None:
                clock = _settable_clock(folder, clock_library)
                variables |= clock
                more.enter_context(_in_environment(clock))
            stack.start_servers()
            migrate()
            if way_to_the_broker is not None:
                assert stack.valkey is not None
                port = stack.valkey.port
                proxy = more.enter_context(way_to_the_broker(port))
                variables["PLANSHIFT_BROKER_URL"] = stack.valkey.url.replace(f":{port}/", f":{proxy.port}/")
            more.callback(_keep_logs, folder)
            clients = more.enter_context(ExitStack())
            try:
                yield ChaosStack(folder, stack, start_zygote(stack, folder, variables, share), variables, clients)
            finally:
                engine().dispose()


def _keep_logs(folder: Path) -> None:
    """And the boundaries, where whoever runs this wants to find them (CHAOS_LOGS), for when something is broken."""
    if place := os.environ.get("CHAOS_LOGS"):
        shutil.copytree(folder / "logs", place, dirs_exist_ok=True)
        seen = sorted(file.read_text() for file in (folder / "seen").iterdir())
        Path(place, "boundaries").write_text("".join(seen))


def _settable_clock(folder: Path, library: Path) -> dict[str, str]:
    """The wall clock alone: no host sets its monotonic clock back."""
    _write_at_once(folder / "clock", "+0")
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(folder / "clock"),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def _write_at_once(file: Path, text: str) -> None:
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


@contextmanager
def _in_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """For servers that are started with the environment as it is."""
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]


def start_zygote(
    stack: Stack,
    folder: Path,
    variables: Mapping[str, str],
    share: int = 0,
    code: Path = ROOT,
    roles: Sequence[str] = (),
) -> Process:
    """Our processes: those in `roles`, all by default; from another folder of code, another version of them."""
    for name in ("seen", "pids"):
        (folder / name).mkdir(parents=True)
    argv = [sys.executable, "-m", "tests.chaos.zygote", str(folder), str(share), *roles]
    ready = [logs("zygote ready."), answers(f"{stack.addresses.web}/healthz")]
    zygote = Process(
        Command(
            name="zygote",
            argv=argv,
            log=folder / "logs" / "zygote.log",
            env=variables,
            folder=code,
            ready=lambda process: all(one(process) for one in ready),
        )
    )
    stack.supervisor.begin(zygote)
    stack.supervisor.wait_ready()
    return zygote


def wait_for(poll: Callable[[], Found | None], what: str, seconds: float = 500) -> Found:
    """Longer and with longer pauses than elsewhere. Raises NotInTime."""
    return until(poll, what, seconds, _POLL_SECONDS)
