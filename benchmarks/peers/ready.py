"""How a peer's process says that it is ready."""

from __future__ import annotations

import sys

READY = "peer ready"


def say_ready() -> None:
    print(READY, file=sys.stderr, flush=True)
