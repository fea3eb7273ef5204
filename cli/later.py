"""How a command begins soon: groups of commands are imported when one of them is asked for, since most of the time
would be that of all the others; and garbage is collected seldom.
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
            return typer.main.get_group(importlib.import_module(module).app).commands

    return Later


def collect_seldom() -> None:
    """For the process of a command: what it imports lives as long as it does, so that a sixth of its time would be
    collections that find nothing, and the interpreter's own at the end."""
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)
