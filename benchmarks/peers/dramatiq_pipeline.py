"""A Dramatiq pipeline on Valkey."""

from __future__ import annotations

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.cli import main, make_argument_parser
from dramatiq.middleware import Middleware

from benchmarks.peers.ready import say_ready
from benchmarks.steps import STEPS, run_step
from settings import settings

PROCESSES = 1  # of two children with two threads each


class _Ready(Middleware):  # type: ignore[misc]
    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        say_ready()


broker = RedisBroker(url=settings().require_broker_url(), namespace="dramatiq_pipeline")
broker.add_middleware(_Ready())
dramatiq.set_broker(broker)


@dramatiq.actor(max_retries=0)
def step(name: str, change_id: str) -> None:
    run_step(name, change_id)


def prepare() -> None:
    """A queue is there when something is put on it."""


def enqueue(ids: list[str]) -> None:
    for change_id in ids:
        messages = (step.message_with_options(args=(name, change_id), pipe_ignore=True) for name in STEPS)
        dramatiq.pipeline(messages).run()


if __name__ == "__main__":
    arguments = ["benchmarks.peers.dramatiq_pipeline", "--processes", "2", "--threads", "2"]
    main(make_argument_parser().parse_args(arguments))
