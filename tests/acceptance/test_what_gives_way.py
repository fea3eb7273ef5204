"""The worker of what dates bring gives way to those that customers wait for."""

from __future__ import annotations

import os

import psutil

from tests.conftest import Running


def test_tasks_of_renewals_give_way_and_their_worker_does_not(running: Running) -> None:
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    found = {}
    for name in ("core", "outside", "renewals"):
        worker = psutil.Process(running.stack.supervisor.process(f"worker-{name}").pid)
        found[name] = {worker.nice(), *(process.nice() for process in worker.children())}
    assert found == {"core": {ours}, "outside": {ours}, "renewals": {ours, min(19, ours + 10)}}
