"""A copy of the code in which something can be changed."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# The rest is linked.
_COPIED = ("cli", "domain", "engine", "models", "tasks", "tests", "web", "worker")


def copy_of_the_code(copy: Path) -> None:
    """Makes the folder `copy`. Python that is started in it finds its packages there."""
    copy.mkdir()
    for entry in ROOT.iterdir():
        if entry.name in _COPIED:
            shutil.copytree(entry, copy / entry.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif not entry.name.startswith(".") and entry.name != "var":
            (copy / entry.name).symlink_to(entry)


def change(file: Path, old: str, new: str, times: int = 1) -> None:
    """Raises AssertionError unless `old` stands in the file so often."""
    sound = file.read_text(encoding="utf-8")
    assert sound.count(old) == times, f"{file} has this {sound.count(old)} times: {old!r}"
    file.write_text(sound.replace(old, new), encoding="utf-8")
