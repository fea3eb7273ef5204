"""A durable workflow of DBOS: each step is written down in PostgreSQL before the next one begins."""

from __future__ import annotations

import signal
from functools import cache

from dbos import DBOS, DBOSClient, DBOSConfig, EnqueueOptions
from sqlalchemy.engine import make_url

from benchmarks.peers.ready import say_ready
from benchmarks.steps import STEPS, run_step
from settings import settings

PROCESSES = 2
_QUEUE, _WORKFLOW, _VERSION = "changes", "change_plan", "1"


def _database() -> str:
    """A database of its own on the same server; DBOS makes it."""
    return make_url(settings().require_database_url()).set(database="dbos").render_as_string(hide_password=False)


@DBOS.step()
def step(name: str, change_id: str) -> None:
    run_step(name, change_id)


@DBOS.workflow(name=_WORKFLOW)
def change_plan(change_id: str) -> None:
    for name in STEPS:
        step(name, change_id)


def _launch() -> None:
    config = DBOSConfig(name="peer", system_database_url=_database(), application_version=_VERSION, log_level="WARNING")
    DBOS(config=config)
    DBOS.launch()
    DBOS.register_queue(_QUEUE, worker_concurrency=4, polling_interval_sec=0.1)


def prepare() -> None:
    """Its tables."""
    _launch()
    DBOS.destroy()


@cache
def _client() -> DBOSClient:
    return DBOSClient(system_database_url=_database())


def enqueue(ids: list[str]) -> None:
    for change_id in ids:
        options = EnqueueOptions(queue_name=_QUEUE, workflow_name=_WORKFLOW, app_version=_VERSION)
        _client().enqueue(options, change_id)


if __name__ == "__main__":
    _launch()
    say_ready()
    signal.pause()
