"""What the worker's settings do, shown by a real worker where one can show it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from local.process import Command, Process, logs
from local.stack import Stack
from settings import settings
from tests.support.waiting import until
from tests.worker.conftest import ROOT, WORKER, said, send
from worker.app import LONG_TASKS, LONGEST_TASK_SECONDS, QUEUES, ROUTES, create_app, queue_of
from worker.steps import ROOM_SECONDS, StepTask


def test_late_acknowledgement_a_dead_workers_message_comes_back(worker: Process, tmp_path: Path) -> None:
    file = tmp_path / "said"
    send(file, "hang")
    until(lambda: said(file, "begun"), "the task to begin", 120)
    worker.kill()
    worker.begin()
    until(lambda: said(file, "begun begun done"), "the message to come back", 40)


def test_a_task_that_kills_its_process_is_tried_again_a_bounded_number_of_times(
    worker: Process, tmp_path: Path
) -> None:
    """task_retry_on_worker_lost: once and three more times, 5 s apart; then it is given up, and the sweep goes on."""
    file = tmp_path / "said"
    send(file, "die")
    until(lambda: said(file, "begun begun begun begun"), "four tries", 60)
    after = tmp_path / "after"
    send(after, "work")
    until(lambda: said(after, "begun done"), "the next task", 120)
    assert file.read_text().split() == ["begun"] * 4


def test_a_task_that_fails_is_not_run_again_in_a_hot_loop(worker: Process, tmp_path: Path) -> None:
    file, after = tmp_path / "said", tmp_path / "after"
    send(file, "fail")
    send(after, "work")
    until(lambda: said(after, "begun done"), "the next task", 120)
    assert file.read_text().split() == ["begun"]


@pytest.mark.parametrize("time_limit", [1])
def test_a_task_that_hangs_is_ended_at_its_limit_and_not_run_again(worker: Process, tmp_path: Path) -> None:
    """task_acks_on_timeout: the message is gone, and the row is enqueued again, with pauses."""
    file, after = tmp_path / "said", tmp_path / "after"
    send(file, "hang")
    until(lambda: "exceeded" in worker.output() or None, "the time limit", 60)
    send(after, "work")
    until(lambda: said(after, "begun done"), "the next task", 60)
    assert file.read_text().split() == ["begun"]


def test_a_deploy_lets_a_running_step_end(servers: Stack, tmp_path: Path) -> None:
    """SIGTERM is a soft shutdown: what runs ends, and its message is gone."""
    environment = dict(os.environ) | {"REMAP_SIGTERM": "SIGQUIT"}
    slow = WORKER.replace('if what == "hang"', 'if what == "slow":\n        time.sleep(3)\n    if what == "hang"')
    command = Command(
        name="probe",
        argv=[sys.executable, "-c", slow, "soft", "60"],
        log=tmp_path / "log",
        env=environment,
        folder=ROOT,
        ready=logs(" ready."),
    )
    process = Process(command)
    process.begin()
    process.wait_ready()
    try:
        file = tmp_path / "said"
        send(file, "slow")
        until(lambda: said(file, "begun"), "the task to begin", 120)
        os.kill(process.pid, signal.SIGTERM)
        until(lambda: said(file, "begun done"), "the task to end", 120)
    finally:
        process.kill()


def test_messages_that_are_not_json_are_not_taken() -> None:
    assert create_app().conf.accept_content == ["json"]


def test_every_task_has_a_queue_of_ours(servers: Stack) -> None:
    app = create_app()
    app.loader.import_default_modules()
    ours = [name for name in app.tasks if not name.startswith(("celery.", "tests.", "control."))]
    assert len(ours) > 15
    assert {queue_of(name) for name in ours} <= set(QUEUES)
    assert set(ROUTES.values()) == set(QUEUES)
    limits = {name: app.tasks[name].time_limit for name in ours}
    room = {name: ROOM_SECONDS if isinstance(app.tasks[name], StepTask) else 0 for name in ours}
    assert limits == {name: QUEUES[queue_of(name)] + room[name] for name in limits} | LONG_TASKS


def test_times_fit_into_each_other(servers: Stack) -> None:
    """A call ends before the lease, a lease before the task's limit, and the limit before the message comes back."""
    conf = create_app().conf
    config = settings()
    assert config.smtp_timeout_seconds < config.lease_seconds <= LONGEST_TASK_SECONDS
    assert conf.task_time_limit == LONGEST_TASK_SECONDS
    assert conf.broker_transport_options["visibility_timeout"] > 2 * LONGEST_TASK_SECONDS
    assert conf.worker_soft_shutdown_timeout > LONGEST_TASK_SECONDS
    assert conf.task_soft_time_limit is None
    assert conf.result_backend is None
    assert conf.broker_connection_max_retries is None
