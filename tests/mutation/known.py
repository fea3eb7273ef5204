"""What each test did when nothing was wrong: how long it took and which lines it ran. Kept from run to run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.mutation.watched import Lines
from tests.support.pages import ROOT

# What a test runs beside its own file.
_CODE = ("cli", "domain", "engine", "gateways", "models", "pdf", "provisioners", "tasks", "web", "tests/support")


@dataclass(frozen=True, slots=True)
class Known:
    seconds: float
    lines: Lines


class KnownTests(dict[str, Known]):
    """By pytest's id. What was kept counts as long as neither the code nor the test's file has changed."""

    def __init__(self, kept: Path) -> None:
        super().__init__()
        self._kept = kept
        code = _digest(file for folder in _CODE for file in sorted((ROOT / folder).rglob("*.py")))
        self._states = {"code": code}
        for name, (state, seconds, lines) in (json.loads(kept.read_text()) if kept.exists() else {}).items():
            if state == self._state(name):
                self[name] = Known(seconds, {file: set(numbers) for file, numbers in lines.items()})

    def keep(self) -> None:
        rows = {
            name: (self._state(name), one.seconds, {file: sorted(lines) for file, lines in one.lines.items()})
            for name, one in self.items()
        }
        self._kept.write_text(json.dumps(rows))

    def _state(self, name: str) -> str:
        file = name.split("::", maxsplit=1)[0]
        if file not in self._states:
            self._states[file] = self._states["code"] + _digest([ROOT / file])
        return self._states[file]


def _digest(files: Iterable[Path]) -> str:
    digest = sha256()
    for file in files:
        digest.update(file.read_bytes() if file.exists() else b"")
    return digest.hexdigest()[:16]
