"""Where the time of a plan change goes: samples of the workers' stacks while changes run, by py-spy.

A sample counts for the innermost frame of it that is in a package we know by name, and for the step that it belongs
to. Run: python -m benchmarks.profile
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.throughput import new_changes, run_changes, whole_stack
from local.stack import Stack

CHANGES = 200
HERTZ = 200
WORKERS = ("worker-core", "worker-outside")

# What a frame's file belongs to; the innermost frame that has an answer decides.
_LAYERS = {
    "PostgreSQL: waiting for it": re.compile(r"psycopg|selectors|waiting"),
    "SQLAlchemy": re.compile(r"sqlalchemy"),
    "the broker: Celery, kombu, redis": re.compile(r"celery|kombu|redis|billiard|vine"),
    "the host and the mail server: HTTP, SMTP": re.compile(r"httpx|httpcore|h11|anyio|smtplib|ssl\.py|email/"),
    "the invoice page": re.compile(r"/pdf/|^pdf/|reportlab|fontTools|uharfbuzz|zlib"),
    "the documents' store": re.compile(r"fsspec|storage\.py"),
    "our own code": re.compile(r"(^|/)(engine|models|domain|tasks|provisioners|gateways)/"),
}
_STEP = re.compile(r"(?:^|;)\w+ \((?:\S*/)?engine/([\w/]+)\.py")


def run() -> dict[str, Any]:
    """{"layers": {name: share}, "steps": {engine's file: share}, "samples", "changes"}; shares of the busy samples."""
    with whole_stack() as stack:
        run_changes(new_changes(stack, "warm", 20))  # what is loaded at the first use only
        ids = new_changes(stack, "profiled", CHANGES)
        spies = [_spy(stack, name) for name in WORKERS]
        run_changes(ids)
        samples = Counter[str]()
        for spy, file in spies:
            spy.send_signal(signal.SIGINT)
            if spy.wait() != 0:
                raise RuntimeError(f"py-spy failed (it needs the right to trace our processes):\n{file.read_text()}")
            samples.update(_folded(file))
    return summary(samples) | {"changes": CHANGES}


def summary(samples: Counter[str]) -> dict[str, Any]:
    """Shares by layer and by step of folded stacks, outermost frame first, `frame;frame` → how often."""
    layers, steps = Counter[str](), Counter[str]()
    for stack, count in samples.items():
        layers[_layer(stack.split(";"))] += count
        steps.update({found[1]: count} if (found := _STEP.search(stack)) else {"between the steps": count})
    total = sum(samples.values())
    return {"samples": total, "layers": _shares(layers, total), "steps": _shares(steps, total)}


def _spy(stack: Stack, name: str) -> tuple[subprocess.Popen[bytes], Path]:
    """Until it is interrupted; only what runs or waits in Python code, not idle processes."""
    file = stack.folder / f"{name}.folded"
    program, pid = Path(sys.executable).with_name("py-spy"), stack.supervisor.process(name).pid
    command = [str(program), "record", "--pid", str(pid), "--subprocesses", "--rate", str(HERTZ)]
    options = ["--duration", "unlimited", "--format", "raw", "--output", str(file)]
    return subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT), file


def _folded(file: Path) -> Counter[str]:
    found = Counter[str]()
    for line in file.read_text(encoding="utf-8").splitlines():
        stack, _, count = line.rpartition(" ")
        found[stack] += int(count)
    return found


def _layer(frames: list[str]) -> str:
    for frame in reversed(frames):
        for name, files in _LAYERS.items():
            if files.search(frame.rpartition("(")[2]):
                return name
    return "Python itself"


def _shares(counts: Counter[str], total: int) -> dict[str, float]:
    return {name: round(count / total, 3) for name, count in counts.most_common() if count / total >= 0.005}


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
