"""How a command begins soon: groups of commands are imported when one of them is asked for, since most of the time
would be that of all the others; and nobody collects garbage in what has just been imported.
"""

from __future__ import annotations

import atexit
import gc
import importlib
from functools import cached_property
from typing import Any

import typer
from typer.core import TyperGroup


def commands_of(module: str) -> type[TyperGroup]:
    """The group whose commands are those of `app` in this module."""

    class Later(TyperGroup):
        def __init__(self, **values: Any) -> None:
            super().__init__(**values)
            del self.commands  # of which there are none yet

        @cached_property
        def commands(self) -> Any:  # type: ignore[override]  # set once, by itself
            collect_nothing()
            return typer.main.get_group(importlib.import_module(module).app).commands

    return Later


def collect_nothing() -> None:
    """For a command that ends within a second or two: a sixth of it would be collections that find nothing, because
    what it imports lives as long as it does."""
    gc.disable()


def leave_last_collection_out() -> None:
    """For every command: the interpreter's own, at its end, would walk through all that was imported."""
    atexit.register(gc.freeze)
