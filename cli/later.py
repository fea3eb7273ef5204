"""Groups of commands that are imported when one of them is asked for: most of the time in which a command begins would
be that of all the others."""

from __future__ import annotations

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
