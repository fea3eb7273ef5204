"""planshift bench: every benchmark in turn, and benchmarks/results.json."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Annotated, Any

import typer

RESULTS = Path("benchmarks/results.json")
# By name: what it measures, as `python -m benchmarks.NAME` would.
BENCHMARKS = ("pricing", "pdf", "webhooks", "reads", "throughput", "profile")


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: planshift bench --only pricing")(bench)


def bench(only: Annotated[list[str] | None, typer.Option(help="Only this benchmark; may be repeated.")] = None) -> None:
    """Measure, and write benchmarks/results.json. Servers and folders are the benchmarks' own."""
    import platform

    unknown = sorted(set(only or ()) - set(BENCHMARKS))
    if unknown:
        raise typer.BadParameter(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}.")
    results: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    results["machine"] = {"python": platform.python_version(), "processor": platform.machine()}
    for name in only or BENCHMARKS:
        typer.echo(f"Measuring {name} …")
        results[name] = importlib.import_module(f"benchmarks.{name}").run()
        RESULTS.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        typer.echo(json.dumps(results[name], indent=2))
