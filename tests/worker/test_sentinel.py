"""A broker behind a Sentinel: its primary is killed, and the stories go on with the replica."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from redis import RedisError

from local.process import Command, Process, logs
from local.stack import Stack
from models.database import engine
from tasks import sweep
from tasks.story import enqueue
from tests.conftest import environment
from tests.support import slow_systems
from tests.support.play import Play
from tests.support.sentinels import PRIMARY, Sentinels, sentinels
from tests.support.waiting import until
from web.counters import Counters, Policy
from worker.app import create_app
from worker.broker import redis_client
from worker.calls import guarded, open_breakers


@pytest.fixture
def failing_over(own_database: tuple[Stack, dict[str, str]], tmp_path: Path) -> Iterator[tuple[Stack, Sentinels]]:
    """The broker's address names a Sentinel, in this process's settings, too."""
    stack, variables = own_database
    with sentinels(tmp_path) as several:
        own = {
            "PLANSHIFT_BROKER_URL": several.url,
            "PLANSHIFT_SENTINEL_PRIMARY": PRIMARY,
            "PLANSHIFT_SENTINEL_PASSWORD": several.password_of_the_sentinel,
            "PLANSHIFT_SWEEP_PATIENCE_SECONDS": "0.1",
        }
        with environment(variables | own):
            create_app.cache_clear()
            yield stack, several
            engine().dispose()
    create_app.cache_clear()


@pytest.fixture
def worker(failing_over: tuple[Stack, Sentinels], tmp_path: Path) -> Iterator[Process]:
    """Of all queues."""
    argv = [str(Path(sys.executable).with_name("planshift")), "worker"]
    log = tmp_path / "worker.log"
    process = Process(Command(name="worker", argv=argv, log=log, env=dict(os.environ), ready=logs(" ready.")))
    process.begin()
    process.wait_ready(120)
    yield process
    process.kill()


def has(play: Play, change_id: str, status: str) -> bool | None:
    return play.change(change_id).status == status or None


def test_stories_before_and_after_a_failover(failing_over: tuple[Stack, Sentinels], worker: Process) -> None:
    stack, several = failing_over
    before, after = Play.of(stack), Play.of(stack)
    first = before.request("business")
    enqueue(first)
    until(lambda: has(before, first, "awaiting_payment"), "the change before it")

    several.primary.kill()
    second = after.request("business")
    enqueue(second)  # whose message comes nowhere, or stays with the dead
    until(several.has_failed_over, "the replica to be the primary")
    until(lambda: swept_to(after, second, "awaiting_payment"), "the change after it", 120)
    assert [before.change(first).status, after.change(second).status] == ["awaiting_payment"] * 2
    assert after.history(second).count("awaiting_payment") == 1


def swept_to(play: Play, change_id: str, status: str) -> bool | None:
    """As beat has it done every other second; what fails comes again."""
    with suppress(RedisError):
        sweep.enqueue_due()
    return has(play, change_id, status)


def test_what_processes_count_together(failing_over: tuple[Stack, Sentinels]) -> None:
    """Rate limits and breakers stand on the primary, too."""
    _, several = failing_over

    async def hits() -> list[int]:
        one, other = (Counters(several.url) for _ in range(2))
        policy = Policy("key", 10, 3600)
        used = [(await counters.hit(policy, "k")).used for counters in (one, other)]
        await one.close()
        await other.close()
        return used

    assert asyncio.run(hits()) == [1, 2]
    assert guarded("con_1", lambda: "yes") == "yes"
    assert open_breakers(["con_1"]) == []
    with redis_client(several.url) as client:
        assert client.keys("planshift:*")


def test_a_sentinel_that_does_not_answer_keeps_no_request_waiting() -> None:
    async def used(url: str) -> int:
        counters = Counters(url)
        return (await counters.hit(Policy("key", 10, 3600), "k")).used

    with slow_systems.silent() as port:
        begun = time.monotonic()
        assert asyncio.run(used(f"sentinel://127.0.0.1:{port}/0")) == 1, "this process counts alone"
        assert time.monotonic() - begun < 2
