"""What `planshift up` leaves in its folder for others: for people and programs, where everything is and the keys; for
every other planshift command of that folder, the settings of the running stack."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

FOLDER = Path("var/up")
READY, ENVIRONMENT = "ready.json", "environment.json"
# These run servers of their own.
_OWN_SERVERS = {"up", "demo", "chaos", "bench"}
_PREFIX = "PLANSHIFT_"


def keep_private(file: Path, document: dict[str, Any]) -> None:
    """Writes a JSON document that only we may read; who reads meanwhile sees the old or the new one."""
    from local.kept import write_private

    write_private(file, json.dumps(document, ensure_ascii=False))


def keep_environment(folder: Path) -> None:
    """Our own settings, for commands that are given beside us."""
    keep_private(folder / ENVIRONMENT, {name: value for name, value in os.environ.items() if name.startswith(_PREFIX)})


def use_running_stack(arguments: list[str], folder: Path = FOLDER) -> None:
    """Lets a command that was told no servers use those of the `planshift up` that runs in this folder, if one does."""
    told = {f"{_PREFIX}DATABASE_URL", f"{_PREFIX}BROKER_URL"} & os.environ.keys()
    if told or set(arguments[:1]) & _OWN_SERVERS or not (folder / ENVIRONMENT).exists():
        return
    from local.folders import is_in_use

    if not is_in_use(folder):
        return
    kept: dict[str, str] = json.loads((folder / ENVIRONMENT).read_text(encoding="utf-8"))
    os.environ.update(kept | {name: value for name, value in os.environ.items() if name in kept})
    if sys.stderr.isatty():
        print(f"planshift: using the stack that runs in {folder}.", file=sys.stderr)
