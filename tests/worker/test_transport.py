"""A broker that stands still, and what becomes of the messages in hand."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection, Consumer, Message, Queue

from local.valkey import Valkey
from worker.transport import Transport


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Valkey]:
    """One that may stand still without harm to other tests."""
    with Valkey(tmp_path / "broker") as broker:
        yield broker


@pytest.mark.parametrize("settle", ["ack", "reject"])
def test_what_the_broker_did_not_take_gives_its_place_back(broker: Valkey, settle: str) -> None:
    """With prefetch 1, a place that stays taken is a worker that lives and never takes a message again."""
    taken: list[Message] = []
    impatient = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
    # By its class: kombu remembers what a scheme led to when this process first used it.
    with Connection(broker.url, transport=Transport, transport_options=impatient) as connection:
        queue = Queue("pipeline")
        with connection.Producer() as producer:
            for number in (1, 2):
                producer.publish(number, routing_key="pipeline", declare=[queue], serializer="json")
        with Consumer(connection, [queue], on_message=taken.append, prefetch_count=1, accept=["json"]):
            connection.drain_events(timeout=20)
            os.kill(broker.process.pid, signal.SIGSTOP)
            with pytest.raises(connection.connection_errors):
                getattr(taken[0], settle)()
            os.kill(broker.process.pid, signal.SIGCONT)
            connection.drain_events(timeout=20)
    assert [message.decode() for message in taken] == [1, 2]


def test_messages_of_a_channel_share_a_client(broker: Valkey) -> None:
    with Connection(broker.url, transport=Transport) as connection:
        channel: Any = connection.default_channel
        kept = channel._create_client()
        assert channel._create_client() is kept
        channel._disconnect_pools()  # as after a connection that was lost
        assert channel._create_client() is not kept
        assert channel._create_client().ping()
