"""All of Planshift on one machine: servers, sandbox programs, and our own processes.

with temporary_folder("demo") as folder, Stack(folder) as stack:
    stack.start_servers()      # PostgreSQL, Valkey, sandbox gateway, host and mail, together
    migrate(stack.addresses.database)
    stack.start_processes({"PLANSHIFT_SECRET_KEY": key})
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from local.ports import LOOPBACK, kept_port, require_free
from local.postgres import Postgres
from local.process import Command, Process, Ready, answers, listens, logs
from local.supervisor import Supervisor
from local.valkey import Valkey

# What waits for somebody else's network never stands before what does not, and the queue that frontends write to
# is served by a worker that knows no other task. A worker with several queues takes from each in turn.
WORKERS = {
    "core": "pipeline,events,maintenance",
    "outside": "outside,pdf",
    "renewals": "renewals",
    "requests": "requests",
}
# What dates bring gives way to what somebody waits for at a screen.
_NICE = {"renewals": 10}
_PLANSHIFT = (str(Path(sys.executable).with_name("planshift")),)
# Celery's soft shutdown sleeps for its whole time-out if a task was in hand when the signal came, and beat now and
# then misses the signal. Killing them loses nothing: the rows know what is next, and the sweep enqueues it.
_CELERY_STOP_SECONDS = 4
_PREFIX = "PLANSHIFT_"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything answers; known before anything has started."""

    database: str
    broker: str
    web: str
    receiver: str
    flower: str
    gateway: str
    host: str
    mail: str
    smtp_port: int


class Stack:
    """Starts in two steps, because rows and keys must exist before our processes look for them.

    folder: data and logs. web_port, flower_port: PortTaken if in use; None means any free one, and is what lets many
    stacks run at once. database_url, broker_url: servers to use instead of our own. planshift: the command that our
    processes are started with. inherit: whether PLANSHIFT_ variables of the environment reach our processes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        web_port: int | None = None,
        flower_port: int | None = None,
        database_url: str | None = None,
        broker_url: str | None = None,
        planshift: Sequence[str] = _PLANSHIFT,
        inherit: bool = False,
    ) -> None:
        self.folder = folder
        self._planshift = planshift
        self._inherit = inherit
        self._ports = self._choose_ports({"web": (web_port, "--port"), "flower": (flower_port, "--flower-port")})
        self.supervisor = Supervisor()
        self.postgres = None if database_url else Postgres(folder / "postgres")
        self.valkey = None if broker_url else Valkey(folder / "valkey")
        self.addresses = Addresses(
            database=self.postgres.url if self.postgres else str(database_url),
            broker=self.valkey.url if self.valkey else str(broker_url),
            smtp_port=self._ports["smtp"],
            **{name: f"http://{LOOPBACK}:{port}" for name, port in self._ports.items() if name != "smtp"},
        )

    def start_servers(self) -> None:
        """Start what our processes need. Raises ProcessDied, NotReady."""
        for process in self._sandbox():
            self.supervisor.begin(process)
        if self.valkey:
            self.supervisor.begin(self.valkey)
        if self.postgres:
            self.supervisor.begin(self.postgres)
        self.supervisor.wait_ready()

    def start_processes(self, env: Mapping[str, str] | None = None) -> None:
        """Start our own with `environment()` and `env` on top. Raises ProcessDied, NotReady."""
        environment = {**self.environment(), **(env or {})}
        for process in self._processes(environment):
            self.supervisor.begin(process)
        self.supervisor.wait_ready()

    def environment(self) -> dict[str, str]:
        """The variables by which our processes find each other, on top of the ones of this process."""
        inherited = {name: value for name, value in os.environ.items() if self._inherit or not name.startswith(_PREFIX)}
        return inherited | {
            "PLANSHIFT_DATABASE_URL": self.addresses.database,
            "PLANSHIFT_BROKER_URL": self.addresses.broker,
            "PLANSHIFT_PUBLIC_URL": self.addresses.web,
            "NO_PROXY": ",".join(filter(None, (LOOPBACK, inherited.get("NO_PROXY")))),
            "PLANSHIFT_SMTP_HOST": LOOPBACK,
            "PLANSHIFT_SMTP_PORT": str(self.addresses.smtp_port),
        }

    def stop(self) -> None:
        self.supervisor.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _choose_ports(self, asked: Mapping[str, tuple[int | None, str]]) -> dict[str, int]:
        """The ports that were asked for, by name; any others as in an earlier run in this folder."""
        ports = {name: require_free(port, option) for name, (port, option) in asked.items() if port}
        names = ("web", "receiver", "flower", "gateway", "host", "mail", "smtp")
        return ports | {name: kept_port(self.folder / "ports" / name) for name in names if name not in ports}

    def _sandbox(self) -> list[Process]:
        return [self._sandbox_program(name) for name in ("gateway", "host", "mail")]

    def _sandbox_program(self, name: str) -> Process:
        argv = [sys.executable, "-m", f"sandbox.{name}", "--port", str(self._ports[name])]
        argv += ["--folder", str(self.folder / name)]
        argv += ["--smtp-port", str(self._ports["smtp"])] if name == "mail" else []
        return Process(Command(name=name, argv=argv, log=self._log(name), ready=listens(self._ports[name])))

    def _processes(self, env: Mapping[str, str]) -> list[Process]:
        workers = [self._worker(name, queues, env) for name, queues in WORKERS.items()]
        beat = self._ours("beat", ["beat"], env, ready=logs("beat: Starting"), stop_seconds=_CELERY_STOP_SECONDS)
        # Flower answers its health check without a login.
        http = [("web", "/healthz"), ("receiver", "/healthz"), ("flower", "/healthcheck")]
        return [*workers, beat, *(self._http_process(name, path, env) for name, path in http)]

    def _worker(self, name: str, queues: str, env: Mapping[str, str]) -> Process:
        arguments = ["worker", "--queues", queues, "--name", name, "--nice", str(_NICE.get(name, 0))]
        return self._ours(f"worker-{name}", arguments, env, ready=logs(" ready."), stop_seconds=_CELERY_STOP_SECONDS)

    def _http_process(self, name: str, path: str, env: Mapping[str, str]) -> Process:
        port = self._ports[name]
        return self._ours(name, [name, "--port", str(port)], env, ready=answers(f"http://{LOOPBACK}:{port}{path}"))

    def _ours(
        self, name: str, arguments: list[str], env: Mapping[str, str], *, ready: Ready, stop_seconds: float = 10
    ) -> Process:
        argv = [*self._planshift, *arguments]
        log = self._log(name)
        return Process(Command(name=name, argv=argv, log=log, env=env, ready=ready, stop_seconds=stop_seconds))

    def _log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"
