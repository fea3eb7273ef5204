"""What an installation costs that has nothing to do: processor time and memory of each process, over a minute.

The database holds one provider and twenty changes, all of which are over. Run: python -m benchmarks.idle
"""

from __future__ import annotations

import json
import time
from typing import Any

import psutil

from benchmarks.throughput import new_changes, run_changes, whole_stack
from local.stack import Stack

SECONDS = 60
OURS = ("worker-core", "worker-outside", "worker-renewals", "worker-requests", "beat", "web", "receiver", "flower")
SERVERS = ("postgres", "valkey")


def run() -> dict[str, Any]:
    """{"processes": {name: {"cpu_percent" of one core, "memory_mb"}}, "ours_percent", "all_percent", "seconds"}."""
    with whole_stack() as stack:
        run_changes(new_changes(stack, "warm", 20))  # what is loaded at the first use only
        before = _cpu_seconds(stack)
        time.sleep(SECONDS)
        spent = {name: after - before[name] for name, after in _cpu_seconds(stack).items()}
        percent = {name: 100 * one / SECONDS for name, one in spent.items()}
        processes = {
            name: {"cpu_percent": round(percent[name], 2), "memory_mb": round(_memory(stack, name))} for name in percent
        }
    ours = sum(percent[name] for name in OURS)
    return {
        "seconds": SECONDS,
        "processes": processes,
        "ours_percent": round(ours, 1),
        "all_percent": round(sum(percent.values()), 1),
    }


def _tree(stack: Stack, name: str) -> list[psutil.Process]:
    head = psutil.Process(stack.supervisor.process(name).pid)
    return [head, *head.children(recursive=True)]


def _cpu_seconds(stack: Stack) -> dict[str, float]:
    """Of children that have ended, too."""

    def spent(process: psutil.Process) -> float:
        times = process.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)

    return {name: sum(map(spent, _tree(stack, name))) for name in (*OURS, *SERVERS)}


def _memory(stack: Stack, name: str) -> float:
    """In MB, what several processes share counted once (proportional set size)."""
    return float(sum(process.memory_full_info().pss for process in _tree(stack, name)) / 1e6)


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
