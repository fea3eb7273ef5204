"""How long it takes to begin: each command of `planshift` that changes nothing, and the whole stack until READY.

Commands run one after the other, by turns, beside a stack with one provider's change; each in a process of its own, as
from a shell. Beside them runs what none of them can be faster than: a Python that imports their libraries, connects and
asks one statement. `up` runs in a folder of its own: the first start makes a database, the next ones find it.
Run: python -m benchmarks.start
"""

from __future__ import annotations

import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.throughput import new_changes, run_changes, whole_stack
from local.folders import temporary_folder
from local.ports import free_port

TURNS = 5
STARTS = 3  # of the stack, after the first
PLANSHIFT = str(Path(sys.executable).with_name("planshift"))
BARE = """
import os, pydantic_settings, typer
from sqlalchemy import create_engine, orm, text
create_engine(os.environ["PLANSHIFT_DATABASE_URL"]).connect().execute(text("SELECT 1"))
"""
CATALOG = str(Path(__file__).parent.parent / "catalogs" / "dns.toml")
_PRICE = "--from basic --to business --currency JPY --country JP"
# A row that there is not: what decides about it has looked for it by then.
_NONE = "01" + "0" * 24
_BY = "--actor bench --reason measured"


def run() -> dict[str, Any]:
    """{"commands": {name: {"cpu_ms", "ms"}}, the middle of so many "turns", "bare" among them; "slowest_ms"; "up":
    {"first_s", "again_s"}}."""
    with whole_stack() as stack:
        changes = new_changes(stack, "dns", 1)
        run_changes(changes)
        lines = {"bare": [sys.executable, "-c", BARE]}
        lines |= {name: [PLANSHIFT, *line.split()] for name, line in _commands(changes[0]).items()}
        turns = [{name: _run(line) for name, line in lines.items()} for _ in range(TURNS)]
    found = {
        name: {
            "cpu_ms": round(statistics.median(turn[name][0] for turn in turns) * 1000),
            "ms": round(statistics.median(turn[name][1] for turn in turns) * 1000),
        }
        for name in lines
    }
    slowest = max(one["ms"] for one in found.values())
    return {"commands": found, "turns": TURNS, "slowest_ms": slowest, "up": _up()}


def _commands(change_id: str) -> dict[str, str]:
    """By name, without what belongs to this run."""
    told = {
        "--help": "",
        "doctor": "",
        "audit": "--no-hosts",
        "migrate": "",
        "simulate": f"{CATALOG} {_PRICE}",
        "quote verify": change_id,
        "catalog lint": CATALOG,
        "catalog diff": CATALOG,
        "keys list": "dns",
        "actions list": "dns",
        "changes list": "",
        "changes show": change_id,
        "changes approve": f"chg_{_NONE} {_BY}",
        "changes retry": f"chg_{_NONE} {_BY}",
        "services ending": "bench-none --provider dns",
        "services end": f"bench-none --provider dns {_BY}",
        "invoices void": f"inv_{_NONE} {_BY}",
        "dead-letters list": "",
        "dead-letters retry": f"msg_{_NONE} {_BY}",
        "payments list": "dns",
        "payments refund": f"dns pmt_{_NONE} {_BY}",
        "refunds decide": f"ref_{_NONE} again {_BY}",
        "returns decide": f"chg_{_NONE} keep {_BY}",
        "webhooks list": "dns",
        "webhooks show": f"dns evt_{_NONE}",
        "clock show": "dns",
    }
    return {name: f"{name} {more}" for name, more in told.items()}


def _environment() -> dict[str, str]:
    """As an installed program has it: its modules are compiled once."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _run(line: list[str]) -> tuple[float, float]:
    """Seconds of the processor, and until it has ended. Raises RuntimeError where it ends with a traceback."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=_environment())
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if "Traceback" in done.stderr or "Usage:" in done.stderr:
        raise RuntimeError(f"{' '.join(line)}: {done.stderr[-800:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, seconds


def _up() -> dict[str, float]:
    """Seconds from the command to READY: of the first start in a folder, and of the next ones (the middle one)."""
    with temporary_folder("bench-start") as folder:
        first, *again = [_seconds_to_ready(folder) for _ in range(1 + STARTS)]
    return {"first_s": round(first, 2), "again_s": round(statistics.median(again), 2)}


def _seconds_to_ready(folder: Path) -> float:
    """Raises RuntimeError where it ends before."""
    env = {name: value for name, value in _environment().items() if not name.startswith("PLANSHIFT_")}
    ports = ["--port", str(free_port()), "--flower-port", str(free_port())]
    began = time.perf_counter()
    with subprocess.Popen(
        [PLANSHIFT, "up", "--empty", *ports], cwd=folder, env=env, stdout=subprocess.PIPE, text=True
    ) as up:
        assert up.stdout is not None
        said = next((line for line in up.stdout if line == "READY\n"), None)
        seconds = time.perf_counter() - began
        up.send_signal(signal.SIGINT)
        up.stdout.read()
    if said is None:
        raise RuntimeError("planshift up ended before it was READY.")
    return seconds


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
