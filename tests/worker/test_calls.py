"""The guard of calls: places that a dead process gives back, and a breaker that all processes share, through a real
broker and without one."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import signal
import threading
import time

import pytest

from local.stack import Stack
from outbound.guard import NoAnswer, NotAsked
from settings import settings
from tests.conftest import environment
from tests.support import slow_systems
from worker import calls
from worker.calls import FAILURES_TO_OPEN, guarded, open_breakers, shared_among


def silent() -> str:
    raise NoAnswer("ConnectError")


def fail(system: str, times: int) -> None:
    for _ in range(times):
        with pytest.raises(NoAnswer) as error:
            guarded(system, silent)
        assert not isinstance(error.value, NotAsked)


def test_after_five_calls_without_an_answer_it_is_left_alone_and_then_asked_again(
    servers: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, other = f"con_{secrets.token_hex(4)}", f"con_{secrets.token_hex(4)}"
    fail(system, FAILURES_TO_OPEN)
    made: list[str] = []
    with pytest.raises(NotAsked) as left_alone:
        guarded(system, lambda: made.append("called"))
    assert (made, left_alone.value.retry_after) == ([], calls.OPEN_SECONDS)
    assert open_breakers([system, other]) == [system]
    assert guarded(other, lambda: "yes") == "yes", "another connection is not concerned"
    monkeypatch.setattr(calls, "OPEN_SECONDS", 0)
    fail(system, 1)
    assert open_breakers([system]) == [system], "still silent: one call was enough to see that"
    assert guarded(system, lambda: "yes") == "yes"
    assert open_breakers([system]) == []
    monkeypatch.undo()
    fail(system, FAILURES_TO_OPEN - 1)
    assert guarded(system, lambda: "yes") == "yes", "the count began anew"


def test_a_definite_no_is_an_answer(servers: Stack) -> None:
    system = f"con_{secrets.token_hex(4)}"

    def refuse() -> None:
        raise ValueError("no")

    for _ in range(2 * FAILURES_TO_OPEN):
        with pytest.raises(ValueError, match="no"):
            guarded(system, refuse)
    assert open_breakers([system]) == []


def test_without_the_broker_each_process_has_a_breaker_of_its_own(servers: Stack) -> None:
    system = f"con_{secrets.token_hex(4)}"
    away = {**os.environ, "PLANSHIFT_BROKER_URL": "redis://127.0.0.1:1/0"}
    with environment(away):
        assert settings().broker_url == "redis://127.0.0.1:1/0"
        assert guarded(system, lambda: "yes") == "yes"
        fail(system, FAILURES_TO_OPEN)
        with pytest.raises(NotAsked):
            guarded(system, lambda: "yes")


@pytest.mark.parametrize("scheme", ["redis", "sentinel"])
def test_a_broker_that_does_not_answer_is_asked_once(servers: Stack, scheme: str) -> None:
    """A Sentinel, too: redis-py would ask it ten times more, and each call would wait for all of them."""
    system = f"con_{secrets.token_hex(4)}"
    with slow_systems.silent() as port:
        frozen = {**os.environ, "PLANSHIFT_BROKER_URL": f"{scheme}://127.0.0.1:{port}/0"}
        begun = time.monotonic()
        with environment(frozen):
            assert guarded(system, lambda: "yes") == "yes"
        assert time.monotonic() - begun < 5


def test_at_most_half_of_a_workers_processes_call_one_system(servers: Stack) -> None:
    slow, fast = f"con_{secrets.token_hex(4)}", f"con_{secrets.token_hex(4)}"
    over, under_way = threading.Event(), threading.Semaphore(0)

    def hang() -> bool:
        under_way.release()
        return over.wait(20)

    with shared_among(8):
        threads = [threading.Thread(target=guarded, args=(slow, hang)) for _ in range(4)]
        for thread in threads:
            thread.start()
        assert all(under_way.acquire(timeout=10) for _ in threads)
        begun = time.monotonic()
        with pytest.raises(NotAsked, match="4 calls to it are under way"):
            guarded(slow, lambda: "yes")
        assert time.monotonic() - begun < 10, "the process goes on to somebody else's work"
        assert guarded(fast, lambda: "yes") == "yes"
        over.set()
        for thread in threads:
            thread.join()
        assert guarded(slow, lambda: "yes") == "yes"


def test_a_process_that_dies_gives_its_place_back(servers: Stack) -> None:
    system = f"con_{secrets.token_hex(4)}"
    fork = multiprocessing.get_context("fork")
    calling = fork.Event()

    def hang() -> None:
        calling.set()
        time.sleep(60)

    with shared_among(2):
        process = fork.Process(target=guarded, args=(system, hang))
        process.start()
        assert calling.wait(10)
        with pytest.raises(NotAsked):
            guarded(system, lambda: "yes")
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert guarded(system, lambda: "yes") == "yes"
        process.close()
