"""The same changes with 1, 2 and 4 workers, and what each costs of a processor, by who spends it: what docs/scale.md
calculates with. With two workers also on RabbitMQ.

Each worker is one process that takes from all queues. Processor time says the same on a busy machine, a rate does not.
Run: python -m benchmarks.scale
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil

from benchmarks.throughput import new_changes, of_processes, run_changes, servers
from local.folders import temporary_folder
from local.process import Command, Process, logs
from local.stack import Stack
from tests.support.rabbitmq import RabbitMQ

WORKERS = (1, 2, 4)
CHANGES = 60
_PLANSHIFT = str(Path(sys.executable).with_name("planshift"))


def run() -> dict[str, Any]:
    """{"valkey" | "rabbitmq": {workers: {"per_second", "cpu_ms": {who: of one change}, "cpus": how many were busy}}}"""
    with servers() as stack:
        assert stack.valkey is not None
        on_valkey = {str(count): _measured(stack, stack.valkey.process, count) for count in WORKERS}
    with temporary_folder("rabbitmq") as folder, RabbitMQ(folder) as broker, servers(broker.url) as stack:
        on_rabbitmq = {"2": _measured(stack, broker.process, 2)}
    return {"changes": CHANGES, "valkey": on_valkey, "rabbitmq": on_rabbitmq}


def _measured(stack: Stack, broker: Process, count: int) -> dict[str, Any]:
    assert stack.postgres is not None
    with _workers(stack, count) as workers:
        run_changes(new_changes(stack, f"warm-{count}", 5 * count))  # what is loaded at the first use only
        ids = new_changes(stack, f"measured-{count}", CHANGES)
        who = {"workers": workers, "database": [stack.postgres.process], "broker": [broker]}
        who["sandbox"] = [stack.supervisor.process(name) for name in ("host", "mail")]
        before, started = _spent(who), time.monotonic()
        run_changes(ids)
        seconds, after = time.monotonic() - started, _spent(who)
    spent = {name: after[name] - before[name] for name in who}
    return {
        "per_second": round(CHANGES / seconds, 1),
        "cpu_ms": {name: round(1000 * one / CHANGES, 1) for name, one in spent.items()},
        "cpus": round(sum(spent.values()) / seconds, 2),
    }


@contextmanager
def _workers(stack: Stack, count: int) -> Iterator[list[Process]]:
    with ExitStack() as running:
        workers = []
        for number in range(count):
            name = f"scale-{count}-{number}"
            argv, log = [_PLANSHIFT, "worker", "--name", name, "--concurrency", "1"], stack.folder / f"{name}.log"
            worker = Process(Command(name=name, argv=argv, log=log, env=of_processes(), ready=logs(" ready.")))
            worker.begin()
            running.callback(worker.kill)
            workers.append(worker)
        for worker in workers:
            worker.wait_ready(120)
        yield workers


def _spent(who: dict[str, list[Process]]) -> dict[str, float]:
    """Seconds of processors, of their children, too, also of those that have ended."""
    return {name: sum(_seconds(process.pid) for process in processes) for name, processes in who.items()}


def _seconds(pid: int) -> float:
    head = psutil.Process(pid)
    times = [process.cpu_times() for process in (head, *head.children(recursive=True))]
    return float(sum(one.user + one.system + one.children_user + one.children_system for one in times))


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
