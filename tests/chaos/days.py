"""Hostile days: everything around us breaks again and again while stories are told; then the same checks."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

import httpx
from redis import Redis
from sqlalchemy import text

from local.process import Command, Process
from models.database import engine, transaction
from settings import settings
from tests.chaos.cast import STORIES, begin
from tests.chaos.checks import Verdict, judge
from tests.chaos.silence import SilentProxy
from tests.chaos.theatre import NotInTime, Theatre, theatre
from worker.app import QUEUES

Break = Callable[[Theatre, threading.Event], int]
NAMES = ["upgrade", "downgrade", "expiry", "refund"]
CHANGES = 4


def day(break_things: Break, names: list[str] = NAMES) -> tuple[Verdict, int, int]:
    """Tells the stories while things break; returns the verdict, how many changes there were, and the kills."""
    with theatre(0) as stage:
        return tell(stage, break_things, names)


def tell(stage: Theatre, break_things: Break, names: list[str] = NAMES) -> tuple[Verdict, int, int]:
    cast = {name: begin(stage, name, CHANGES, STORIES[name][1]) for name in names}
    over, lost = threading.Event(), []
    with ThreadPoolExecutor(len(names) + 1) as pool:
        running = {name: pool.submit(STORIES[name][0], *cast[name]) for name in names}
        pool.submit(_set_when_all_ended, list(running.values()), over)
        # In this thread, which lives on: a server that is started again ends with the thread that started it.
        kills = break_things(stage, over)
        for name, future in running.items():
            if isinstance(error := future.exception(), NotInTime):
                lost.append(f"{name}: {error}")
    for future in running.values():
        if (error := future.exception()) is not None and not isinstance(error, NotInTime):
            raise error
    verdict = judge(stage, [told for told, _ in cast.values()])
    verdict.lost = lost + verdict.lost
    return verdict, len(names) * CHANGES, kills


def _set_when_all_ended(running: list[Future[None]], over: threading.Event) -> None:
    wait(running)
    over.set()


def repeatedly(times: int, pause_seconds: float, act: Callable[[], int], over: threading.Event) -> int:
    """Does it so often, unless the stories are over before; returns the sum of what it returned."""
    total = 0
    for _ in range(times):
        total += act()
        if over.wait(pause_seconds):
            break
    return total


def broker() -> Redis:
    return Redis.from_url(settings().require_broker_url(), socket_timeout=5)


def flush(stage: Theatre, over: threading.Event) -> int:
    """FLUSHALL: every message, and every record of one, is gone."""

    def act() -> int:
        with broker() as client:
            client.flushall()
        return 0

    return repeatedly(12, 0.8, act, over)


def broker_dies(stage: Theatre, over: threading.Event) -> int:
    """Killed with -9 and started again; then it stands still, connections open, for half a minute."""
    valkey = stage.stack.valkey
    assert valkey is not None

    def act() -> int:
        valkey.process.kill()
        time.sleep(0.5)
        valkey.start()
        return 1

    kills = repeatedly(3, 2, act, over)
    os.kill(valkey.process.pid, signal.SIGSTOP)
    time.sleep(30)
    os.kill(valkey.process.pid, signal.SIGCONT)
    return kills


def database_dies(stage: Theatre, over: threading.Event) -> int:
    """Killed with -9 and started again; then every connection is cut."""
    postgres = stage.stack.postgres
    assert postgres is not None

    def act() -> int:
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

    kills = repeatedly(3, 3, act, over) + repeatedly(5, 1, cut, over)
    time.sleep(1)  # a connection hears of its end a moment later
    engine().dispose()
    return kills


def processes_die(stage: Theatre, over: threading.Event) -> int:
    """Workers, beat, web and receiver, at random, until the stories are over."""
    chance = random.Random(20270717)

    def act() -> int:
        stage.kill(chance.choice(stage.roles()))
        return 1

    return repeatedly(60, 0.7, act, over)


def two_beats(stage: Theatre, over: threading.Event) -> int:
    """A second beat, and sweeps by the dozen at once."""
    from worker.app import create_app

    with _second_beat(stage):

        def act() -> int:
            for name in ("sweep.ring_again", "renewals.scan"):
                create_app().send_task(name, queue="maintenance")
            return 0

        return repeatedly(40, 0.4, act, over)


@contextmanager
def _second_beat(stage: Theatre) -> Iterator[None]:
    argv = [sys.executable, "-c", "from worker.app import create_app; create_app().start(['beat'])"]
    log = stage.folder / "logs" / "beat-2.log"
    beat = Process(Command(name="beat-2", argv=argv, log=log, folder=stage.zygote.command.folder, env=dict(os.environ)))
    beat.begin()
    try:
        yield
        beat.check()
    finally:
        beat.stop()


def twice_and_shuffled(stage: Theatre, over: threading.Event) -> int:
    """Every message comes three times, and those that wait change their order again and again."""
    chance = random.Random(20270718)
    known: set[str] = set()

    def act() -> int:
        with broker() as client:
            for queue in QUEUES:
                waiting: list[bytes] = client.lrange(queue, 0, -1)
                more = [copy for message in waiting for copy in _copies(message, known)]
                chance.shuffle(waiting)
                for message in waiting[: len(waiting) // 2]:
                    if client.lrem(queue, 1, message):
                        client.lpush(queue, message)
                if more:
                    client.lpush(queue, *more)
        return 0

    return repeatedly(3000, 0.02, act, over)


def _copies(message: bytes, known: set[str]) -> list[bytes]:
    """Two copies of a message that was not copied yet, each with a delivery tag of its own, or the acknowledgement
    of one would take the other."""
    document = json.loads(message)
    tag = document["properties"]["delivery_tag"]
    if tag in known:
        return []
    tags = [f"{tag}-{number}" for number in (1, 2)]
    known.update((tag, *tags))
    properties = document["properties"]
    return [json.dumps(document | {"properties": properties | {"delivery_tag": copy}}).encode() for copy in tags]


def silence(stage: Theatre, over: threading.Event) -> int:
    """The connections to the broker are half-open: nothing comes, and nobody says so."""
    assert SilentProxy.running is not None
    return repeatedly(3, 20, SilentProxy.running.fall_silent, over)


def slow_host(stage: Theatre, over: threading.Event) -> int:
    """Orders are done and the answer does not come in time; then the host is down for a while."""

    def set_knobs(**knobs: object) -> None:
        for name in NAMES:
            url = f"{stage.stack.addresses.host}/_knobs/dns-{name}"
            httpx.put(url, json=knobs, trust_env=False).raise_for_status()

    for knobs in (
        {"lose_answers": 2, "hang_seconds": 9.0},
        {"fail_times": 12, "fail_status": 503},
        {"slow_seconds": 0.5},
    ):
        set_knobs(**knobs)
        over.wait(12)
    set_knobs()
    return 0


def half_open() -> tuple[Verdict, int, int]:
    """Our processes reach the broker through a proxy that can fall silent."""
    with theatre(0, proxied=True) as stage:
        return tell(stage, silence, ["upgrade", "downgrade"])


DAYS: dict[str, Callable[[], tuple[Verdict, int, int]]] = {
    "flushall": lambda: day(flush),
    "broker-dies": lambda: day(broker_dies),
    "database-dies": lambda: day(database_dies),
    "processes-die": lambda: day(processes_die),
    "two-beats": lambda: day(two_beats),
    "twice-and-shuffled": lambda: day(twice_and_shuffled),
    "leap": lambda: day(flush, ["leap", "renewal"]),
    "half-open": half_open,
    "slow-host": lambda: day(slow_host),
}
