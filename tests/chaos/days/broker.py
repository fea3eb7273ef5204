"""What can happen to the broker, to its messages, and to the way there."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time

from kombu import Connection
from redis import Redis

from local.folders import temporary_folder
from settings import settings
from tests.chaos.environment import ChaosStack, chaos_stack
from tests.chaos.proxies import SilentProxy
from tests.chaos.runs import RunResult, Workload, repeatedly, run_stories
from tests.support.rabbitmq import RabbitMQ
from worker.app import QUEUES
from worker.broker import queues


def broker() -> Redis:
    return Redis.from_url(settings().require_broker_url(), socket_timeout=5)


def flush(chaos: ChaosStack, over: threading.Event) -> int:
    """FLUSHALL: every message, and every record of one, is gone."""

    def action() -> int:
        with broker() as client:
            client.flushall()
        return 0

    return repeatedly(12, 0.8, action, over)


def broker_dies(chaos: ChaosStack, over: threading.Event) -> int:
    """Killed with -9 and started again; then it stands still, connections open, for half a minute."""
    valkey = chaos.stack.valkey
    assert valkey is not None

    def action() -> int:
        valkey.process.kill()
        time.sleep(0.5)
        valkey.start()
        return 1

    kills = repeatedly(3, 2, action, over)
    os.kill(valkey.process.pid, signal.SIGSTOP)
    time.sleep(30)
    os.kill(valkey.process.pid, signal.SIGCONT)
    return kills


def twice_and_shuffled(chaos: ChaosStack, over: threading.Event) -> int:
    """Every message comes three times, and those that wait change their order again and again."""
    chance = random.Random(20270718)
    known: set[str] = set()

    def action() -> int:
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

    return repeatedly(3000, 0.02, action, over)


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


def half_open() -> RunResult:
    """Our processes reach the broker through a proxy; three times its connections are open and nothing passes."""
    proxies: list[SilentProxy] = []

    def way_to(port: int) -> SilentProxy:
        proxies.append(SilentProxy(port))
        return proxies[0]

    def silence(chaos: ChaosStack, over: threading.Event) -> int:
        def action() -> int:
            proxies[0].fall_silent()
            return 0

        return repeatedly(3, 20, action, over)

    with chaos_stack(0, way_to_the_broker=way_to) as chaos:
        return run_stories(chaos, Workload.of("upgrade", "downgrade"), silence)


def rabbitmq() -> RunResult:
    """The broker is RabbitMQ: with workers killed beside it, it is emptied, killed with -9 and started again, and
    stands still for half a minute."""

    def break_it(chaos: ChaosStack, over: threading.Event) -> int:
        chance = random.Random(20270719)

        def kill_a_worker() -> int:
            chaos.kill(chance.choice([role for role in chaos.roles() if role not in ("web", "receiver")]))
            return 1

        def empty() -> int:
            with Connection(server.url, connect_timeout=5) as client:
                for queue in queues(list(QUEUES), server.url):
                    there = queue(client.default_channel)
                    there.declare()  # its worker may not have come so far
                    there.purge()
            return kill_a_worker()

        def kill_it() -> int:
            server.kill()
            server.start()
            return 1 + kill_a_worker()

        kills = repeatedly(8, 0.5, empty, over) + repeatedly(2, 3, kill_it, over)
        os.kill(server.process.pid, signal.SIGSTOP)
        time.sleep(30)
        os.kill(server.process.pid, signal.SIGCONT)
        return kills

    with (
        temporary_folder("rabbitmq") as folder,
        RabbitMQ(folder) as server,
        chaos_stack(0, broker_url=server.url) as chaos,
    ):
        return run_stories(chaos, Workload.of("upgrade", "downgrade", "expiry", "refund"), break_it)
