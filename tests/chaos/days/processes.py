"""Our own processes and the database die, or there are too many of them."""

from __future__ import annotations

import os
import random
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from local.process import Command, Process
from models.database import engine, transaction
from tests.chaos.environment import ChaosStack
from tests.chaos.runs import repeatedly
from worker.app import create_app

TWO_MINUTES = 120


def database_dies(chaos: ChaosStack, over: threading.Event) -> int:
    """Killed with -9 and started again; then every connection is cut."""
    postgres = chaos.stack.postgres
    assert postgres is not None

    def action() -> int:
        postgres.kill()
        postgres.start()
        engine().dispose()
        return 1

    def cut() -> int:
        with transaction() as session:
            session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE pid <> pg_backend_pid() AND usename = current_user"
                )
            )
        return 0

    kills = repeatedly(3, 3, action, over) + repeatedly(5, 1, cut, over)
    engine().dispose()
    return kills


def processes_die(chaos: ChaosStack, over: threading.Event) -> int:
    """Workers, beat, web and receiver, at random, for two minutes."""
    chance = random.Random(20270717)

    def action() -> int:
        chaos.kill(chance.choice(chaos.roles()))
        return 1

    return repeatedly(round(TWO_MINUTES / 0.7), 0.7, action, over)


def two_beats(chaos: ChaosStack, over: threading.Event) -> int:
    """A second beat, and sweeps by the dozen at once."""
    with _second_beat(chaos):

        def action() -> int:
            for name in ("sweep.enqueue_due", "renewals.scan"):
                create_app().send_task(name, queue="maintenance")
            return 0

        return repeatedly(40, 0.4, action, over)


@contextmanager
def _second_beat(chaos: ChaosStack) -> Iterator[None]:
    argv = [sys.executable, "-c", "from worker.app import create_app; create_app().start(['beat'])"]
    log = chaos.folder / "logs" / "beat-2.log"
    beat = Process(Command(name="beat-2", argv=argv, log=log, folder=chaos.zygote.command.folder, env=dict(os.environ)))
    beat.begin()
    try:
        yield
        beat.check()
    finally:
        beat.stop()
