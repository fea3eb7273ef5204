"""A plain Celery chain, with Celery's own settings: no late acknowledgement, no events, no sweep."""

from __future__ import annotations

from celery import Celery, chain
from celery.signals import worker_ready

from benchmarks.peers.ready import say_ready
from benchmarks.steps import STEPS, run_step
from settings import settings

PROCESSES = 1  # of two children
app = Celery("celery_chain", broker=settings().require_broker_url())
app.conf.update(task_ignore_result=True, task_default_queue="celery_chain", broker_connection_retry_on_startup=True)


@app.task(name="celery_chain.step")
def step(name: str, change_id: str) -> None:
    run_step(name, change_id)


def prepare() -> None:
    """A queue is there when something is put on it."""


def enqueue(ids: list[str]) -> None:
    for change_id in ids:
        chain(*(step.si(name, change_id) for name in STEPS)).apply_async()


if __name__ == "__main__":
    worker_ready.connect(lambda **_: say_ready(), weak=False)
    app.worker_main(["worker", "--concurrency", "2", "--loglevel", "WARNING", "--hostname", "peer@%h"])
