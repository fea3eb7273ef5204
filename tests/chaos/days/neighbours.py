"""Hosts that answer too late, twice, or not at all, and a disk that is full."""

from __future__ import annotations

import threading
from pathlib import Path
from urllib.parse import urlsplit

from local.folders import temporary_folder
from tests.chaos.environment import ChaosStack, chaos_stack
from tests.chaos.faulty_disk import FaultyDisk
from tests.chaos.proxies import TwiceProxy
from tests.chaos.runs import RunResult, Workload, run_stories
from tests.support import loopback

NAMES = ("upgrade", "downgrade", "refund")


def slow_host(chaos: ChaosStack, over: threading.Event) -> int:
    """Orders are done and the answer does not come in time; then the host is down for a while."""
    for knobs in (
        {"lose_answers": 2, "hang_seconds": 9.0},
        {"fail_times": 12, "fail_status": 503},
        {"slow_seconds": 0.5},
        {},
    ):
        for name in NAMES:
            url = f"{chaos.stack.addresses.host}/_knobs/dns-{name}"
            loopback.put(url, json=knobs).raise_for_status()
        over.wait(12)
    return 0


def host_answers_twice() -> RunResult:
    """Each answer comes two times on the same connection: the second must not pass for the answer of the next call."""
    with chaos_stack(0) as chaos, TwiceProxy(urlsplit(chaos.stack.addresses.host).port or 0) as proxy:
        chaos.host = f"http://127.0.0.1:{proxy.port}"
        return run_stories(chaos, Workload.of(*NAMES), lambda _chaos, over: int(not over.wait()))


def disk_is_full() -> RunResult:
    """Twice for some seconds, no document can be stored, and what was begun is left half-written."""
    with temporary_folder("disk") as disk:

        def fill(chaos: ChaosStack, over: threading.Event) -> int:
            for _ in range(2):
                (disk / "full").touch()
                over.wait(6)
                (disk / "full").unlink()
                over.wait(2)
            return 0

        with chaos_stack(0, PLANSHIFT_DOCUMENT_URL=f"{FaultyDisk.protocol}://{disk}") as chaos:
            result = run_stories(chaos, Workload.of("upgrade", "downgrade", "expiry", "refund"), fill)
        _must_have_refused(disk, result)
        return result


def _must_have_refused(disk: Path, result: RunResult) -> None:
    refused = disk / "refused"
    if not refused.exists():
        result.verdict.broken.append("the disk was never full when a document was written: the day proves nothing")
