"""A real worker with the product's settings and a task of the tests' own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from local.process import Command, Process, logs
from local.stack import Stack
from settings import settings
from worker.app import create_app

ROOT = Path(__file__).parent.parent.parent
# The visibility time-out is short, and still longer than any countdown, or a message that waits for its time would be
# delivered again and again.
WORKER = """
import os, signal, sys, time
from worker import steps
from worker.app import create_app
app = create_app()
app.conf.task_annotations = [{"tests.worker.probe": {"time_limit": float(sys.argv[2])}}, *app.conf.task_annotations]
app.conf.broker_transport_options = app.conf.broker_transport_options | {
    "visibility_timeout": 10, "unacked_restore_interval": 1, "unacked_restore_throttle": 1}

@app.task(name="tests.worker.probe")
def probe(file, what):
    with open(file, "a") as log:
        log.write("begun ")
    if what == "hang" and open(file).read().count("begun") == 1:
        time.sleep(60)
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "fail":
        raise ValueError("as planned")
    with open(file, "a") as log:
        log.write("done ")

@app.task(name="tests.worker.step", base=steps.StepTask, bind=True)
def step(self, file, what):
    with open(file, "a") as log:
        log.write(what + " ")
    if what == "call":
        steps.tell()
        while "answer" not in open(file).read():
            time.sleep(0.02)
    if what == "last":
        self.request.chain = None
    if what == "fail":
        raise ValueError("as planned")
    if what == "die" and open(file).read().count("die") == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "late":
        steps._running.get()._until = 0
    return what

app.worker_main(["worker", "--queues", "pipeline", "--concurrency", "1", "--hostname", sys.argv[1] + "@%h",
                 "--without-gossip", "--without-mingle"])
"""


@pytest.fixture
def time_limit() -> float:
    """Of a task, in seconds."""
    return 60


@pytest.fixture
def worker(servers: Stack, tmp_path: Path, time_limit: float) -> Iterator[Process]:
    with Redis.from_url(settings().require_broker_url()) as broker:
        broker.flushall()
    command = Command(
        name="probe",
        argv=[sys.executable, "-c", WORKER, "probe", str(time_limit)],
        log=tmp_path / "log",
        env=dict(os.environ),
        folder=ROOT,
        ready=logs(" ready."),
    )
    process = Process(command)
    process.begin()
    process.wait_ready()
    yield process
    process.kill()


def send(file: Path, what: str) -> None:
    file.touch()
    create_app().send_task("tests.worker.probe", args=[str(file), what], queue="pipeline")


def said(file: Path, words: str) -> bool | None:
    return file.read_text().strip() == words or None
