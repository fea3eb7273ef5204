"""planshift bench: every benchmark in turn, and benchmarks/results.json."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.chaos import ROOT, NoCheckout

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
    `history` are long, and only made when they are asked for. What failed is named at the end."""
    known = (*BENCHMARKS, *LONG)
    unknown = sorted(set(only or ()) - set(known))
    if unknown:
        raise typer.BadParameter(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(known)}.")
    kept, failed = ROOT / "benchmarks" / "results.json", list[str]()
    if not kept.parent.is_dir():
        raise NoCheckout("Measuring needs a checkout: what measures is in benchmarks/.")
    results: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    results["machine"] = _machine()
    for name in only or BENCHMARKS:
        typer.echo(f"Measuring {name} …")
        figures = _figures(name)
        if figures is None:
            failed.append(name)
            continue
        results[name] = figures
        kept.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        typer.echo(json.dumps(figures, indent=2))
    if html is not None:
        from benchmarks.page import page_of

        html.parent.mkdir(parents=True, exist_ok=True)
        html.write_text(page_of(results), encoding="utf-8")
        typer.echo(f"The page is in {html}.")
    if failed:
        typer.echo(f"Not measured: {', '.join(failed)}. Why is said above; `--only` measures one again.", err=True)
        raise typer.Exit(1)


def _figures(name: str) -> Any | None:
    """Measured in a process of its own: what one has set, loaded or kept is nothing to the next. None if it failed,
    which it has told."""
    import subprocess

    command = [sys.executable, "-m", f"benchmarks.{name}"]
    measured = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    return None if measured.returncode else json.loads(measured.stdout)


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
