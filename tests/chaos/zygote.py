"""All processes of a chaos run, forked from one that has imported everything: a killed one is back in a blink.

python -m tests.chaos.zygote FOLDER SHARE [ROLE…]   (FOLDER/pids/ROLE names each process, whoever wants to kill one)
"""

from __future__ import annotations

import ctypes
import importlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from tests.chaos.seam import Seam

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
# As in local/stack.py; requests need no process of their own here.
QUEUES = {"core": "requests,pipeline,events,maintenance", "outside": "outside,pdf", "renewals": "renewals"}


def main(folder: Path, share: int, chosen: list[str]) -> None:
    _sleep_under_faketime()
    seam = Seam(folder, "zygote", share)
    seam.install()
    _import_everything()
    roles = _roles()
    running: dict[int, str] = {}
    signal.signal(signal.SIGTERM, lambda *_: _end(running))
    for role in chosen or roles:
        running[_fork(folder, seam, role, roles[role])] = role
    print("zygote ready.", flush=True)
    while True:
        pid, _ = os.wait()
        role = running.pop(pid)
        running[_fork(folder, seam, role, roles[role])] = role


def _sleep_under_faketime() -> None:
    """libfaketime spoils sleeps until a moment of the monotonic clock, which time.sleep takes; not relative ones."""
    if "FAKETIME_TIMESTAMP_FILE" in os.environ:
        vars(time)["sleep"] = lambda seconds: select.select([], [], [], seconds)


def _import_everything() -> None:
    from worker.app import create_app

    for name in ("cli.processes", "tasks", "tests.chaos.faulty_disk", "web.app", "web.webhooks.app", "uvicorn"):
        importlib.import_module(name)
    create_app().finalize()


def _roles() -> dict[str, Callable[[], None]]:
    names = ((f"{worker}-{n}", queues) for worker, queues in QUEUES.items() for n in (1, 2))
    workers = {name: lambda name=name, queues=queues: _worker(name, queues) for name, queues in names}
    entry_points = {
        "web": lambda: _entry_point("web", "PLANSHIFT_PUBLIC_URL"),
        "receiver": lambda: _entry_point("receiver", "CHAOS_RECEIVER"),
    }
    return workers | entry_points | {"beat": _beat}


def _worker(name: str, queues: str) -> None:
    """One process, so that a kill takes everything that it has in hand; no time limits are needed here."""
    from worker.app import create_app

    arguments = ["worker", "--queues", queues, "--hostname", f"{name}@%h", "--pool", "solo"]
    create_app().worker_main([*arguments, "--without-gossip", "--without-mingle", "--without-heartbeat"])


def _entry_point(name: str, variable: str) -> None:
    from cli import processes

    port = urlsplit(os.environ[variable]).port
    assert port is not None
    getattr(processes, name)(port=port, host="127.0.0.1")


def _beat() -> None:
    from worker.app import create_app

    create_app().start(["beat"])


def _fork(folder: Path, seam: Seam, role: str, run: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        (folder / "pids" / role).write_text(str(pid))
        return pid
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)  # nothing outlives a run that was killed itself
    seam.role = role.split("-", maxsplit=1)[0]
    try:
        run()
    finally:
        os._exit(1)


def _end(running: dict[int, str]) -> None:
    for pid in running:
        os.kill(pid, signal.SIGKILL)
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
