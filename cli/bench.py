"""planshift bench: every benchmark in turn, and benchmarks/results.json."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

RESULTS = Path("benchmarks/results.json")
# By name: what it measures, as `python -m benchmarks.NAME` would.
BENCHMARKS = (
    "pricing",
    "pdf",
    "start",
    "webhooks",
    "reads",
    "throughput",
    "latency",
    "profile",
    "idle",
    "series",
    "scale",
)
# Those that take ten minutes: only when they are asked for.
LONG = ("night", "history")


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: planshift bench --only throughput --html var/bench.html")(bench)


def bench(
    only: Annotated[list[str] | None, typer.Option(help="Only this benchmark; may be repeated.")] = None,
    html: Annotated[Path | None, typer.Option(help="Also draw all results as a page, in this file.")] = None,
) -> None:
    """Measure, and write benchmarks/results.json. Servers and folders are the benchmarks' own. `night` and
    `history` are long, and only made when they are asked for."""
    known = (*BENCHMARKS, *LONG)
    unknown = sorted(set(only or ()) - set(known))
    if unknown:
        raise typer.BadParameter(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(known)}.")
    results: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    results["machine"] = _machine()
    for name in only or BENCHMARKS:
        typer.echo(f"Measuring {name} …")
        results[name] = importlib.import_module(f"benchmarks.{name}").run()
        RESULTS.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        typer.echo(json.dumps(results[name], indent=2))
    if html is not None:
        from benchmarks.page import page_of

        html.write_text(page_of(results), encoding="utf-8")
        typer.echo(f"The page is in {html}.")


def _machine() -> dict[str, Any]:
    import os
    import platform

    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    processor = model[1] if model else platform.machine()
    return {
        "processors": f"{os.cpu_count()} × {processor}",
        "memory": f"{memory} GiB",
        "python": platform.python_version(),
    }
