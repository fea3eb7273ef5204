"""RabbitMQ with quorum queues as the broker: stories while processes die, and what only it can do wrong."""

from __future__ import annotations

import json
import os
import secrets
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from amqp.exceptions import AccessRefused
from celery import Celery
from kombu import Connection, Exchange, Queue
from typer.testing import CliRunner

from cli.main import app as planshift
from local.folders import temporary_folder
from tests.chaos.crash_points import until_over
from tests.chaos.environment import ChaosStack, chaos_stack, wait_for
from tests.chaos.runs import Workload, run_stories
from tests.support.client import AUGUST, JULY
from tests.support.rabbitmq import RabbitMQ
from worker import alive
from worker.app import create_app
from worker.consumer import ENTRY_QUEUE
from worker.depth import Depth, depths
from worker.sent_at import note_taken

pytestmark = pytest.mark.timeout(400)

# Nobody takes from it.
ASIDE = "aside"


@pytest.fixture(scope="module")
def broker() -> Iterator[RabbitMQ]:
    with temporary_folder("rabbitmq") as folder, RabbitMQ(folder) as broker:
        yield broker


@pytest.fixture(scope="module")
def chaos(broker: RabbitMQ) -> Iterator[ChaosStack]:
    create_app.cache_clear()
    with chaos_stack(broker_url=broker.url) as chaos:
        create_app()  # kombu keeps the transport of a scheme's first use
        yield chaos
    create_app.cache_clear()


def test_workers_that_die_before_their_acknowledgement_do_nothing_twice(chaos: ChaosStack) -> None:
    """An upgrade that is paid by webhook, and a downgrade at renewal."""
    chaos.arm("before ack ")
    result = run_stories(chaos, Workload.of("upgrade", "downgrade", count=2), until_over)
    assert result.verdict.holds, str(result.verdict)
    killed = {line.split(" before ack ")[1] for line in chaos.seen() if line.startswith("killed")}
    assert {"plan_change.quote", "plan_change.settle", "payments.process_event", "renewals.run"} <= killed
    assert result.kills == len(killed)


def send_aside(broker: RabbitMQ, count: int) -> None:
    with Connection(broker.url) as connection:
        channel: Any = connection.channel()
        channel.queue_declare(ASIDE, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
        for _ in range(count):
            connection.Producer(channel).publish({}, routing_key=ASIDE)


def test_whatever_was_sent_after_the_last_message_that_was_taken_still_waits(
    chaos: ChaosStack, broker: RabbitMQ, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert depths([ASIDE, "no queue"]) == {ASIDE: Depth(0, None), "no queue": Depth(0, None)}
    send_aside(broker, 3)
    wait_for(lambda: depths([ASIDE])[ASIDE] == Depth(3, None) or None, "three messages", 30)
    monkeypatch.setattr(alive._Signs, "queues", (ASIDE,))
    noon = datetime(2027, 7, 17, 12, tzinfo=UTC)
    for minutes in (0, 1):
        where = {"routing_key": ASIDE}
        sent_at = (noon + timedelta(minutes=minutes)).timestamp()
        note_taken(SimpleNamespace(headers={"sent_at": sent_at}, delivery_info=where))
        note_taken(SimpleNamespace(headers={"sent_at": "noon"}, delivery_info=where))  # a stranger's
    monkeypatch.setattr(alive._Signs, "next_at", 0.0)
    alive._sent()
    assert depths([ASIDE])[ASIDE] == Depth(3, noon + timedelta(minutes=1))


def test_a_message_that_is_not_confirmed_in_time_is_none(chaos: ChaosStack, broker: RabbitMQ) -> None:
    """A broker that stands still holds nobody up: kombu would wait for ever."""
    options = create_app().conf.broker_transport_options
    with Connection(broker.url, transport_options=options) as connection:
        producer = connection.Producer()

        def publish_until_it_fails() -> None:
            """A stopped process may still say what it was saying."""
            while True:
                producer.publish({}, routing_key="no queue")

        producer.publish({}, routing_key="no queue")
        os.kill(broker.process.pid, signal.SIGSTOP)
        try:
            with pytest.raises(TimeoutError):
                publish_until_it_fails()
        finally:
            os.kill(broker.process.pid, signal.SIGCONT)


def test_the_doctor_looks_at_it(chaos: ChaosStack) -> None:
    told = json.loads(CliRunner().invoke(planshift, ["doctor", "--json"]).stdout)
    found = {one["about"]: (one["grade"], one["sentence"]) for one in told}
    assert found["broker"][0] == found["queues"][0] == "ok"
    sentence = "PLANSHIFT_COUNTERS_URL is not set: each process has rate limits and pauses of its own."
    assert found["counters"] == ("warning", sentence)


def test_its_frontends_need_no_carrier(chaos: ChaosStack) -> None:
    refused = CliRunner().invoke(planshift, ["entry"])
    assert "With RabbitMQ frontends send to the workers' broker itself" in str(refused.exception)


def frontend(broker: RabbitMQ) -> Celery:
    """As in docs/broker-acl.md."""
    app = Celery("frontend", broker=broker.url_of_a_frontend, set_as_current=False)
    queue = Queue(ENTRY_QUEUE, Exchange(ENTRY_QUEUE), routing_key=ENTRY_QUEUE, no_declare=True)
    app.conf.task_queues = [queue]
    app.conf.broker_transport_options = {"confirm_publish": True}
    return app


def test_a_frontend_with_the_right_to_write_to_one_exchange(chaos: ChaosStack, broker: RabbitMQ) -> None:
    dns = chaos.provider("dns", f"dns-{secrets.token_hex(4)}")
    dns.new_service("zone", "business", "JPY", "JP", (JULY, AUGUST), "monthly")
    dns.set_clock("2027-07-17T03:00:00Z")
    request: dict[str, Any] = {"provider": dns.provider, "service": "zone", "plan": "start", "cycle": "monthly"}
    request |= {"idempotency_key": "order-1", "accept_total": {"amount": 0, "currency": "JPY"}}
    send = partial(frontend(broker).send_task, "planshift.request_change", kwargs=request, ignore_result=True)
    send(queue=ENTRY_QUEUE, exchange=ENTRY_QUEUE, routing_key=ENTRY_QUEUE)

    def scheduled() -> bool | None:
        items = dns.call("GET", "/v1/plan-changes?idempotency_key=order-1")["items"]
        return bool(items and items[0]["status"] == "scheduled") or None

    wait_for(scheduled, "the request to be taken")
    with pytest.raises(AccessRefused):  # by the default exchange, which leads to every queue
        send(queue=ENTRY_QUEUE, retry=False)


@pytest.mark.parametrize(
    ("method", "queue"), [("queue_declare", "mine"), ("basic_consume", ENTRY_QUEUE), ("queue_purge", "pipeline")]
)
def test_everything_else_is_refused(chaos: ChaosStack, broker: RabbitMQ, method: str, queue: str) -> None:
    with Connection(broker.url_of_a_frontend) as connection, pytest.raises(AccessRefused):
        getattr(connection.channel(), method)(queue)
