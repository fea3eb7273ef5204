"""RabbitMQ with quorum queues as the broker: the same stories on the same processes, and what only it can do wrong."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

import httpx
import pytest
from amqp.exceptions import AccessRefused
from celery import Celery
from kombu import Connection, Exchange, Queue
from typer.testing import CliRunner

from cli.main import app as planshift
from cli.stack import start
from local.folders import temporary_folder
from local.process import Command, Process, logs
from local.stack import Stack
from tests.acceptance import test_a_worker_dies
from tests.conftest import SECRET_KEY, Running, environment
from tests.stories import test_stories
from tests.support.client import ApiClient
from tests.support.rabbitmq import RabbitMQ
from tests.support.waiting import until
from worker.app import create_app
from worker.depth import Depth, depths

pytestmark = pytest.mark.xdist_group("rabbitmq")

test_workers_killed_in_mid_story = test_a_worker_dies.test_workers_killed_in_mid_story
test_paid_upgrade = test_stories.test_upgrade_on_17_july_charges_15_of_31_days
test_downgrade_at_renewal = test_stories.test_downgrade_waits_for_the_renewal_and_is_billed_at_the_new_price

# A worker that is killed when it has done its work, and before RabbitMQ hears of that.
DIES_BEFORE_ITS_ACKNOWLEDGEMENT = """
import os, signal, sys
from celery.worker.request import Request
from worker.app import create_app
Request.acknowledge = lambda request: os.kill(os.getpid(), signal.SIGKILL)
create_app().worker_main(["worker", "--queues", "outside,pdf", "--concurrency", "1", "--hostname", "dies@%h"])
"""


@pytest.fixture(scope="module")
def broker() -> Iterator[RabbitMQ]:
    with temporary_folder("rabbitmq") as folder, RabbitMQ(folder) as broker:
        yield broker


@pytest.fixture(scope="module")
def _running(broker: RabbitMQ) -> Iterator[tuple[Running, dict[str, str]]]:
    """As in tests/conftest.py, on this broker."""
    with temporary_folder("story") as folder, Stack(folder, broker_url=broker.url) as stack, environment({}):
        create_app.cache_clear()
        ready = start(stack, SECRET_KEY)
        yield Running(stack, ready), {name: text for name, text in os.environ.items() if name.startswith("PLANSHIFT_")}
    create_app.cache_clear()


def waiting(queue: str) -> Depth:
    return depths([queue])[queue]


def test_a_worker_killed_between_commit_and_acknowledgement_applies_the_plan_once(
    running: Running, dns: ApiClient
) -> None:
    outside = running.stack.supervisor.process("worker-outside")
    accepted = {"accept_total": {"amount": 1331, "currency": "JPY"}}
    change_id = dns.request("zone", "business", "monthly", "k1", accepted)
    checkout = dns.wait_for(change_id, "awaiting_payment")
    until(lambda: True if waiting("outside").count == 0 else None, "an empty queue")
    outside.kill()
    argv = [sys.executable, "-c", DIES_BEFORE_ITS_ACKNOWLEDGEMENT]
    log = running.stack.folder / "dies.log"
    dies = Process(Command(name="dies", argv=argv, log=log, env=dict(os.environ), ready=logs(" ready.")))
    dies.begin()
    try:
        dies.wait_ready()
        dns.pay(checkout)
        dns.wait_for(change_id, "applied")
        until(lambda: None if dies.is_alive() else True, "the worker to die")
        until(lambda: waiting("outside").count or None, "RabbitMQ to take its message back")
    finally:
        dies.kill()
        outside.begin()
        outside.wait_ready()
    until(lambda: True if waiting("outside").count == 0 else None, "the message to be taken again")

    done = dns.wait_for(change_id, "applied")
    assert [move["to"] for move in done["timeline"]].count("applied") == 1
    hosted = dns.hosted("zone")
    assert (hosted["plan"], hosted["generation"]) == ("business", 1)
    orders = httpx.get(f"{dns.ready['host']}/_orders/{dns.provider}", trust_env=False).json()["orders"]
    assert len(orders) == 1


def test_whatever_was_sent_after_the_last_message_that_was_taken_still_waits(running: Running, dns: ApiClient) -> None:
    core = running.stack.supervisor.process("worker-core")
    create_app().send_task("sweep.enqueue_due", queue="maintenance")
    core.kill()
    sent = datetime.now(UTC)
    try:
        for _ in range(3):
            create_app().send_task("sweep.enqueue_due", queue="maintenance")
        found = waiting("maintenance")
        assert found.count >= 3
        assert found.oldest is not None, "a worker has written down what it took"
        assert found.oldest < sent
    finally:
        core.begin()
        core.wait_ready()
    until(lambda: True if waiting("maintenance") == Depth(0, None) else None, "the queue to be empty")


def test_the_doctor_looks_at_it(running: Running) -> None:
    told = json.loads(CliRunner().invoke(planshift, ["doctor", "--json"]).stdout)
    found = {one["about"]: (one["grade"], one["sentence"]) for one in told}
    assert found["broker"][0] == "ok"
    assert found["queues"][0] == "ok"
    sentence = "PLANSHIFT_COUNTERS_URL is not set: each process has rate limits and pauses of its own."
    assert found["counters"] == ("warning", sentence)


def frontend_app(broker: RabbitMQ) -> Celery:
    """As in docs/broker-acl.md."""
    app = Celery("frontend", broker=broker.url_of_a_frontend)
    app.conf.task_queues = [Queue("requests", Exchange("requests"), routing_key="requests", no_declare=True)]
    app.conf.broker_transport_options = {"confirm_publish": True}
    return app


def test_a_frontend_with_the_right_to_write_to_one_exchange(
    broker: RabbitMQ, frontend: Callable[..., ApiClient]
) -> None:
    dns = test_stories.dns_customer(frontend, plan="business")
    request: dict[str, object] = {"provider": dns.provider, "service": "zone", "plan": "start", "cycle": "monthly"}
    request |= {"idempotency_key": "order-1", "accept_total": {"amount": 0, "currency": "JPY"}}
    send = partial(frontend_app(broker).send_task, "planshift.request_change", kwargs=request, ignore_result=True)
    send(queue="requests", exchange="requests", routing_key="requests")

    def scheduled() -> bool | None:
        items = dns.call("GET", "/v1/plan-changes?idempotency_key=order-1")["items"]
        return bool(items and items[0]["status"] == "scheduled") or None

    until(scheduled, "the request to be taken")
    with pytest.raises(AccessRefused):  # by the default exchange, which leads to every queue
        send(queue="requests", retry=False)


@pytest.mark.parametrize(
    ("method", "queue"), [("queue_declare", "mine"), ("basic_consume", "requests"), ("queue_purge", "pipeline")]
)
def test_everything_else_is_refused(broker: RabbitMQ, running: Running, method: str, queue: str) -> None:
    with Connection(broker.url_of_a_frontend) as connection, pytest.raises(AccessRefused):
        getattr(connection.channel(), method)(queue)
