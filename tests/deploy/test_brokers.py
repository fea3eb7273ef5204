"""The brokers of docker-compose.yml, real ones with its options: what frontends append to theirs is carried over, and
fills nobody else's."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError, RedisError
from redis.retry import Retry

from local.ports import LOOPBACK, free_port
from local.process import Command, Process, listens
from local.wheels import valkey_server
from tests.deploy.test_compose import SERVICES
from tests.support.pages import blocks
from tests.support.waiting import until
from worker.entry import WAITING_MAX, carry, last_sign, run

# A frontend's user, as the page has it.
[USER] = blocks("docs/broker-acl.md", "text")


@contextmanager
def valkey(name: str, folder: Path) -> Iterator[int]:
    """One with this service's options; its port."""
    command = [re.sub(r"\$\{.*?\}", "secret", word) for word in SERVICES[name]["command"]]
    port = free_port()
    (folder / name).mkdir()
    options = ["--port", str(port), "--bind", LOOPBACK, "--dir", str(folder / name), "--daemonize", "no"]
    argv = [str(valkey_server()), *command[1:], *options]
    process = Process(Command(name=name, argv=argv, log=folder / f"{name}.log", ready=listens(port)))
    process.begin()
    try:
        process.wait_ready()
        yield port
    finally:
        process.stop()


def client(port: int, user: str = "default") -> Redis:
    return Redis(host=LOOPBACK, port=port, username=user, password="secret", retry=Retry(NoBackoff(), 0))


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Of the frontends' broker and of the workers'."""
    with valkey("frontends-valkey", tmp_path) as frontends, valkey("valkey", tmp_path) as workers:
        yield frontends, workers


@pytest.fixture
def brokers(ports: tuple[int, int]) -> Iterator[tuple[Redis, Redis]]:
    with client(ports[0]) as frontends, client(ports[1]) as workers:
        yield frontends, workers


@pytest.mark.parametrize("name", ["valkey", "frontends-valkey"])
def test_the_broker_takes_its_options_and_no_huge_message(name: str, tmp_path: Path) -> None:
    with valkey(name, tmp_path) as port:
        with client(port) as sender:
            assert sender.lpush("requests", b"x" * 900_000) == 1
            with pytest.raises((RedisError, OSError)):
                sender.lpush("requests", b"x" * 1_100_000)
        # The broker hangs up on who sends too much.
        with client(port) as reader:
            assert reader.llen("requests") == 1


def test_a_frontend_that_floods_fills_its_own_broker_and_nobody_elses(
    ports: tuple[int, int], brokers: tuple[Redis, Redis]
) -> None:
    """Its 128 MB are full of requests; the workers' broker gets no more of them than there is room for, and takes
    everybody else's messages. What is full is emptied all the same, in the order in which it came."""
    frontends, workers = brokers
    name, rights = USER.split()[1], USER.split()[4:]
    frontends.execute_command("ACL", "SETUSER", name, "on", ">secret", *rights)  # type: ignore[no-untyped-call]
    with client(ports[0], name) as shop:
        sent = flood(shop)
        assert sent > WAITING_MAX
        assert (carry(frontends, workers), carry(frontends, workers)) == (WAITING_MAX, 0)
        assert workers.lpush("pipeline", b"a sale") == 1
        arrived = [str(workers.rpop("requests"))[2:8] for _ in range(WAITING_MAX)]
        assert [int(number) for number in arrived] == list(range(WAITING_MAX))
        while carry(frontends, workers):
            workers.delete("requests")
        assert frontends.llen("requests") == 0
        assert shop.lpush("requests", b"again") == 1


def flood(shop: Redis) -> int:
    """Numbered requests of 300 kB until the broker takes no more; how many."""
    for number in range(1_000):
        try:
            shop.lpush("requests", f"{number:06}".encode() + b"x" * 300_000)
        except OutOfMemoryError:
            return number
    raise AssertionError("it was never full")


def test_what_was_carried_over_when_the_process_died_is_carried_again(
    brokers: tuple[Redis, Redis], monkeypatch: pytest.MonkeyPatch
) -> None:
    frontends, workers = brokers
    frontends.lpush("requests", b"first", b"second", b"third")

    def dies(*_: object) -> int:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(frontends, "lrem", dies)
        with pytest.raises(ConnectionError):
            carry(frontends, workers)
    assert carry(frontends, workers) == 3
    assert workers.lrange("requests", 0, -1) == [b"third", b"second", b"first", b"first"]


def test_the_process_says_that_it_lives_and_stops_when_it_is_told(
    ports: tuple[int, int], brokers: tuple[Redis, Redis]
) -> None:
    frontends, workers = brokers
    over = threading.Event()
    urls = [f"redis://:secret@{LOOPBACK}:{port}/0" for port in ports]
    running = threading.Thread(target=run, args=(*urls, over))

    def sign_of_nothing_waiting() -> tuple[float, int] | None:  # the first one may still tell of the request
        sign = last_sign(workers)
        return sign if sign is not None and sign[1] == 0 else None

    assert last_sign(workers) is None
    running.start()
    try:
        frontends.lpush("requests", b"a request")
        until(lambda: workers.llen("requests") or None, "it to be carried over")
        seconds, _ = until(sign_of_nothing_waiting, "a sign of life")
    finally:
        over.set()
        running.join(20)
    assert (0 <= seconds < 20, running.is_alive()) == (True, False)
