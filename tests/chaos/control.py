"""The control: a plain Celery chain with late acknowledgement, as Celery's own documentation recommends it, and no
database of its own. The same treatment, and it loses.

python -m tests.chaos.control worker    (CONTROL_BROKER, CONTROL_DATABASE)
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import psycopg
from celery import Celery, chain, shared_task
from redis import Redis

from local.folders import temporary_folder
from local.postgres import Postgres
from local.process import Command, Process, logs
from local.valkey import Valkey

STEPS = ("quoted", "invoiced", "paid", "applied")
CHAINS = 200
KILLS = 12
QUIET_SECONDS = 15.0


def create_control() -> Celery:
    app = Celery("control", broker=os.environ["CONTROL_BROKER"])
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        broker_transport_options={
            "visibility_timeout": 8,
            "unacked_restore_interval": 1,
            "unacked_restore_throttle": 1,
        },
        broker_connection_retry_on_startup=True,
        task_ignore_result=True,
    )
    return app


@shared_task(name="control.step")
def step(number: int, status: str) -> None:
    with psycopg.connect(os.environ["CONTROL_DATABASE"]) as connection:
        connection.execute("INSERT INTO steps VALUES (%s, %s)", (number, status))
    time.sleep(0.005)  # a call to somebody else's network


def run_control() -> dict[str, int]:
    """How many chains never ended, and how many steps ran twice, under worker kills and one FLUSHALL."""
    with temporary_folder("control") as folder, Postgres(folder / "pg", fsync=False) as pg, Valkey(folder / "vk") as vk:
        os.environ |= {"CONTROL_BROKER": vk.url, "CONTROL_DATABASE": pg.url.replace("+psycopg", "")}
        with psycopg.connect(os.environ["CONTROL_DATABASE"]) as connection:
            connection.execute("CREATE TABLE steps (number int, status text)")
        workers = [_worker(folder, name) for name in ("one", "two")]
        try:
            for worker in workers:
                worker.wait_ready()
            _send_and_kill(workers, vk)
            return _count()
        finally:
            for worker in workers:
                worker.kill()


def _send_and_kill(workers: list[Process], valkey: Valkey) -> None:
    app = create_control()
    for number in range(CHAINS):
        chain(*(app.signature("control.step", (number, status), immutable=True) for status in STEPS)).apply_async()
        if number == CHAINS // 2:
            with Redis.from_url(valkey.url) as client:
                client.flushall()
    for number in range(KILLS):
        worker = workers[number % 2]
        time.sleep(0.3)
        worker.kill()
        worker.begin()
        worker.wait_ready()


def _count() -> dict[str, int]:
    """Once nothing has happened for a while, longer than the visibility time-out."""
    with psycopg.connect(os.environ["CONTROL_DATABASE"], autocommit=True) as connection:
        before, since = -1, time.monotonic()
        while time.monotonic() - since < QUIET_SECONDS:
            [now] = connection.execute("SELECT count(*) FROM steps").fetchone() or [0]
            if now != before:
                before, since = now, time.monotonic()
            time.sleep(0.2)
        [ended] = connection.execute(
            "SELECT count(DISTINCT number) FROM steps WHERE status = 'applied'"
        ).fetchone() or [0]
        twice = "SELECT count(*) FROM (SELECT FROM steps GROUP BY number, status HAVING count(*) > 1) repeated"
        [doubled] = connection.execute(twice).fetchone() or [0]
    return {"chains": CHAINS, "lost": CHAINS - ended, "doubled": doubled}


def _worker(folder: Path, name: str) -> Process:
    argv = [sys.executable, "-m", "tests.chaos.control", "worker", name]
    command = Command(
        name=f"control-{name}",
        argv=argv,
        log=folder / f"{name}.log",
        env=dict(os.environ),
        folder=Path(__file__).parent.parent.parent,
        ready=logs(" ready."),
    )
    process = Process(command)
    process.begin()
    return process


if __name__ == "__main__":
    arguments = ["worker", "--pool", "solo", "--hostname", f"{sys.argv[2]}@%h", "--loglevel", "INFO"]
    with suppress(KeyboardInterrupt):
        create_control().worker_main([*arguments, "--without-gossip", "--without-mingle"])
