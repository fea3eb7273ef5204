"""A Valkey primary with a replica, and a Sentinel that puts the replica in its place."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from local.ports import LOOPBACK, free_port
from local.process import Command, Process, listens
from local.wheels import valkey_server
from tests.support.waiting import until

PRIMARY = "planshift"
DOWN_AFTER_MS = 3_000


@dataclass(frozen=True, slots=True)
class Sentinels:
    """`url` is the broker's address as our settings take it."""

    url: str
    password_of_the_sentinel: str
    primary: Process
    replica_port: int
    password: str

    def has_failed_over(self) -> bool | None:
        """Whether the replica is the primary now."""
        with Redis(LOOPBACK, self.replica_port, password=self.password) as client:
            return client.info("replication")["role"] == "master" or None


@contextmanager
def sentinels(folder: Path) -> Iterator[Sentinels]:
    password, of_the_sentinel = secrets.token_hex(16), secrets.token_hex(16)
    first, second, watching = free_port(), free_port(), free_port()
    server = ("appendonly no", 'save ""', f"requirepass {password}", f"primaryauth {password}")
    watched = (
        f"requirepass {of_the_sentinel}",
        f"sentinel monitor {PRIMARY} {LOOPBACK} {first} 1",
        f"sentinel auth-pass {PRIMARY} {password}",
        f"sentinel down-after-milliseconds {PRIMARY} {DOWN_AFTER_MS}",
        f"sentinel failover-timeout {PRIMARY} 10000",
    )
    with ExitStack() as running:
        primary = _start(running, folder, "primary", first, *server)
        _start(running, folder, "replica", second, f"replicaof {LOOPBACK} {first}", *server)
        with Redis(LOOPBACK, first, password=password) as client:
            until(lambda: client.info("replication")["connected_slaves"] or None, "the replica to follow")
        _start(running, folder, "sentinel", watching, *watched, options=["--sentinel"])
        with Redis(LOOPBACK, watching, password=of_the_sentinel) as client:
            until(lambda: client.execute_command("SENTINEL REPLICAS", PRIMARY) or None, "the Sentinel to know it")
        url = f"sentinel://:{password}@{LOOPBACK}:{watching}/0"
        yield Sentinels(url, of_the_sentinel, primary, second, password)


def _start(
    running: ExitStack, folder: Path, name: str, port: int, *lines: str, options: list[str] | None = None
) -> Process:
    file = folder / f"{name}.conf"
    file.write_text("\n".join((f"port {port}", f"bind {LOOPBACK}", f"dir {folder}", *lines)) + "\n", encoding="utf-8")
    argv = [str(valkey_server()), str(file), *(options or [])]
    process = Process(Command(name=name, argv=argv, log=folder / f"{name}.log", ready=listens(port)))
    process.begin()
    running.callback(process.stop)
    process.wait_ready()
    return process
