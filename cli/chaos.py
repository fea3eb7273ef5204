"""planshift chaos: the fault-injection suite of a checkout."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

ROOT = Path(__file__).parent.parent


class NoCheckout(Exception):
    """The suite is a part of the tests, which an installed package does not bring."""


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: planshift chaos --only crash-points")(chaos)


def chaos(
    only: Annotated[str, typer.Option(help="One part, by name (any other word lists them); all by default.")] = "",
    changes: Annotated[int, typer.Option(min=1, help="Changes of each story in flight at once.")] = 3,
    at_once: Annotated[int, typer.Option(min=1, help="Parts that run side by side, each on servers of its own.")] = 3,
) -> None:
    """Kill processes at every crash point, break everything else, and see that nothing is lost or done twice.

    Takes about ten minutes on two cores. Servers and folders are the run's own; logs stay in var/chaos/.
    The last line is one JSON object.
    """
    import subprocess

    if not (ROOT / "tests" / "chaos").is_dir():
        raise NoCheckout("The fault-injection suite needs a checkout: it is in tests/chaos/.")
    command = [sys.executable, "-m", "tests.chaos.run", "--changes", str(changes), "--at-once", str(at_once)]
    command += ["--only", only] if only else []
    raise typer.Exit(subprocess.run(command, cwd=ROOT, check=False).returncode)
