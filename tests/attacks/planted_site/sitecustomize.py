"""Imported by every Python process whose PYTHONPATH has this folder: plants the weakness that PLANTED names, in the
module that it is of, as soon as that is imported."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NamedTuple


class Weakness(NamedTuple):
    """`made_weak` turns the attribute of the module into one that protects nothing."""

    module: str
    attribute: str
    made_weak: Callable[[Any], Any]


def _without_shares(load: Callable[..., Any]) -> Callable[..., Any]:
    def loaded(text: Any) -> Any:
        document = load(text)
        for service in document.get("services", {}).values():
            service["mem_limit"] = "64g"
        return document

    return loaded


# One for each thing that must hold; the section of docs/security.md's table that it is of comes first.
WEAKNESSES = {
    "silence": Weakness("pdf", "check_printable", lambda _: lambda *given, **named: None),
    "neighbours": Weakness("outbound.http", "ANSWER_MAX_BYTES", lambda _: 1 << 40),
    "money": Weakness("models.payment", "attempt_on_its_way", lambda _: lambda *given: None),
    "edges": Weakness("worker.consumer", "_COMPANIONS", lambda _: ()),
    "secrets": Weakness("models.sessions", "is_open", lambda _: lambda *given: True),
    "containers": Weakness("yaml", "safe_load", _without_shares),
}


class _Planter(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, weakness: Weakness) -> None:
        self._weakness = weakness
        self._loader: Any = None

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != self._weakness.module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None:
            self._loader, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self._loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        strong = getattr(module, self._weakness.attribute)
        setattr(module, self._weakness.attribute, self._weakness.made_weak(strong))


if (planted := os.environ.get("PLANTED")) in WEAKNESSES:
    sys.meta_path.insert(0, _Planter(WEAKNESSES[planted]))
