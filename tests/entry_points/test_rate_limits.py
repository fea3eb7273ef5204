"""How much one caller may ask, on the real server: told on every answer, refused in time, and felt by nobody else."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from select import select

import httpx
import pytest

from local.ports import LOOPBACK, free_port
from local.process import Command, Process, answers
from tests.conftest import Running
from tests.support import loopback
from tests.support.client import ApiClient, is_problem
from tests.support.hostile import answer_to, half_open
from tests.support.waiting import until
from web.connections import HEAD_MAX_BYTES
from web.places import AT_ONCE, WAITING_OF_A_CUSTOMER_MAX

KEY_MAX, TOKEN_MAX, ADDRESS_MAX, WRONG_MAX = 5, 2, 6, 3


@contextmanager
def one_more(variables: dict[str, str], folder: Path, **settings: str) -> Iterator[str]:
    """The address of one more web process, with these settings."""
    url = f"http://{LOOPBACK}:{(port := free_port())}"
    argv = [str(Path(sys.executable).with_name("planshift")), "web", "--port", str(port)]
    env = {**os.environ, **variables, **settings}
    process = Process(
        Command(name="web", argv=argv, log=folder / f"{port}.log", env=env, ready=answers(f"{url}/healthz"))
    )
    process.begin()
    try:
        process.wait_ready()
        yield url
    finally:
        process.stop()


Start = Callable[..., AbstractContextManager[str]]


@pytest.fixture(scope="module")
def another(_running: tuple[Running, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Starts one more web process on the same database, with settings of its own."""
    return partial(one_more, _running[1], tmp_path_factory.mktemp("web"))


@pytest.fixture(scope="module")
def web(another: Start) -> Iterator[str]:
    """One that grants little."""
    little = {"KEY_MAX": KEY_MAX, "TOKEN_MAX": TOKEN_MAX, "ADDRESS_MAX": ADDRESS_MAX}
    settings = {f"PLANSHIFT_RATE_{name}": str(most) for name, most in little.items()}
    with another(PLANSHIFT_WRONG_KEYS_MAX=str(WRONG_MAX), **settings) as url:
        yield url


@pytest.fixture(autouse=True)
def _one_window() -> None:
    in_one_window()


def in_one_window() -> None:
    """What few requests follow stand in one window of ten seconds, and in one minute."""
    until(lambda: time.time() % 10 < 6 or None, "the next window to begin")


def key_of(dns: ApiClient, scope: str = "ops") -> dict[str, str]:
    """Without another scope, one that nobody has used yet."""
    return {"Authorization": f"Bearer {dns.ready['keys'][dns.provider][scope]}"}


def get(url: str, path: str = "/v1/services/zone", **headers: str) -> httpx.Response:
    return loopback.get(url + path, headers=headers)


def metrics(web: str) -> str:
    return get(web, "/metrics", Authorization=f"Bearer {os.environ['PLANSHIFT_METRICS_KEY']}").text


def from_address(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


def known(web: str, header: dict[str, str], address: str) -> dict[str, str]:
    """The process has seen the key: from now on it is counted by itself."""
    assert get(web, **header, **from_address(address)).status_code == 200
    return header


def test_a_key_that_asks_too_much_is_told_and_another_one_is_not(dns: ApiClient, web: str) -> None:
    key = known(web, key_of(dns), "198.51.100.1")
    first = get(web, **key)
    assert first.headers["RateLimit-Policy"] == f'"key";q={KEY_MAX};w=10'
    assert re.fullmatch(rf'"key";r={KEY_MAX - 1};t=\d+', first.headers["RateLimit"])
    assert [get(web, **key).status_code for _ in range(KEY_MAX - 1)] == [200] * (KEY_MAX - 1)
    answer = get(web, **key)
    document = is_problem(answer, 429, "rate_limited")
    assert document["violated-policies"] == ["key"]
    wait = int(answer.headers["Retry-After"])
    assert 1 <= wait <= 10
    assert answer.headers["RateLimit"] == f'"key";r=0;t={wait}'
    known(web, key_of(dns, "frontend"), "198.51.100.1")
    assert 'planshift_rate_limited_total{code="rate_limited"} 1.0' in metrics(web)


def test_processes_count_together(dns: ApiClient, web: str, running: Running) -> None:
    key = known(web, key_of(dns), "198.51.100.2")
    for _ in range(KEY_MAX + 1):  # the first of them may be the one by which the other process knows the key
        assert get(running.stack.addresses.web, **key).status_code == 200
    assert get(web, **key).status_code == 429


def test_a_customers_token_has_a_limit_of_its_own(dns: ApiClient, web: str) -> None:
    token = dns.call("POST", "/v1/customer-tokens", {"customer": "zone"}, "host")["token"]
    header = known(web, {"Authorization": f"Bearer {token}"}, "198.51.100.3")
    assert get(web, **header).headers["RateLimit-Policy"] == f'"token";q={TOKEN_MAX};w=10'
    assert [get(web, **header).status_code for _ in range(2)] == [200, 429]


def test_wrong_keys_are_counted_and_soon_not_looked_at(dns: ApiClient, web: str) -> None:
    key, here = known(web, key_of(dns), "198.51.100.4"), from_address("198.51.100.5")
    for number in range(WRONG_MAX):
        wrong = get(web, Authorization=f"Bearer ps_guess_{number}", **here)
        is_problem(wrong, 401, "not_authenticated")
        assert wrong.headers["RateLimit-Policy"] == f'"address";q={ADDRESS_MAX};w=10'
    answer = get(web, Authorization="Bearer ps_guess", **here)
    is_problem(answer, 429, "too_many_wrong_keys")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    # Neither a known key of the same address nor another address pays for it.
    assert get(web, **key, **here).status_code == 200
    assert get(web, Authorization="Bearer ps_guess", **from_address("198.51.100.6")).status_code == 401
    assert f"planshift_wrong_keys_total {WRONG_MAX + 1}.0" in metrics(web)


def test_guesses_at_the_staffs_form_are_wrong_keys_too(web: str) -> None:
    def sign_in(address: str) -> int:
        form = {"key": "ps_guess", "actor": "Ana"}
        return loopback.post(f"{web}/staff/sign-in", data=form, headers=from_address(address)).status_code

    assert [sign_in("198.51.100.9") for _ in range(WRONG_MAX + 1)] == [401] * WRONG_MAX + [429]
    assert sign_in("198.51.100.10") == 401


def test_a_database_that_is_away_makes_no_key_wrong(dns: ApiClient, another: Start) -> None:
    """Whoever asks again meanwhile, as they are told to, is not shut out when it is there again."""
    nobody = f"postgresql+psycopg://planshift@{LOOPBACK}:9/planshift"
    here = from_address("198.51.100.11")  # the processes of the suite count together, and others sent wrong keys
    with another(PLANSHIFT_DATABASE_URL=nobody, PLANSHIFT_WRONG_KEYS_MAX=str(WRONG_MAX)) as url:
        seen = [get(url, **key_of(dns), **here).status_code for _ in range(WRONG_MAX + 2)]
    assert seen == [503] * (WRONG_MAX + 2)


def test_an_address_without_a_key_is_limited(web: str) -> None:
    # One network of IPv6 is one address.
    seen = [get(web, **from_address(f"2001:db8::{number}")).status_code for number in range(ADDRESS_MAX + 1)]
    assert seen == [401] * ADDRESS_MAX + [429]


def test_without_the_broker_a_process_counts_alone_and_half_open_connections_give_way(
    dns: ApiClient, another: Start
) -> None:
    settings = {"PLANSHIFT_BROKER_URL": f"redis://{LOOPBACK}:9/0", "PLANSHIFT_RATE_KEY_MAX": "4"}
    with another(PLANSHIFT_CONNECTIONS_MAX="20", **settings) as url:
        in_one_window()
        key = known(url, key_of(dns), "198.51.100.8")
        with ExitStack() as opened:
            silent = [opened.enter_context(half_open(url)) for _ in range(60)]
            assert [get(url, **key).status_code for _ in range(5)] == [200] * 4 + [429]
            assert len(select(silent, [], [], 0)[0]) >= 60 - 20  # closed by the other side


def test_whoever_waits_is_bounded_and_holds_up_nobody(dns: ApiClient) -> None:
    change_id = dns.request("zone", "business", "monthly", "k1", {"accept_total": {"amount": 1331, "currency": "JPY"}})
    change = dns.wait_for(change_id, "awaiting_payment")
    token = dns.call("POST", "/v1/customer-tokens", {"customer": "zone"}, "host")["token"]
    header, path = {"Authorization": f"Bearer {token}"}, f"/v1/plan-changes/{change_id}"
    url, over = dns.ready["api"], threading.Event()
    answered: list[int] = []

    def poll(_: int) -> None:
        answer = get(url, path, Prefer="wait=30", **header)
        answered.append(answer.status_code)
        if answer.status_code == 429:
            is_problem(answer, 429, "too_many_at_once")
            assert answer.headers["Retry-After"] == "1"
            over.set()

    assert WAITING_OF_A_CUSTOMER_MAX > AT_ONCE  # who waits holds no place among those that are worked on
    with ThreadPoolExecutor(WAITING_OF_A_CUSTOMER_MAX + 1) as pool:
        polls = [pool.submit(poll, number) for number in range(WAITING_OF_A_CUSTOMER_MAX + 1)]
        assert over.wait(20)
        assert get(url, path, **header).status_code == 200
        is_problem(get(url, f"{path}/events", **header), 429, "too_many_at_once")
        dns.pay(change)
        for one in polls:
            one.result()
    assert sorted(answered) == [200] * WAITING_OF_A_CUSTOMER_MAX + [429]
    # Who has left may come again.
    assert get(url, path, Prefer="wait=1", **header).status_code == 200


BEGUN = b"GET /healthz HTTP/1.1\r\nHost: a\r\n"


@pytest.mark.parametrize(
    "data",
    [
        BEGUN + b"X: " + b"a" * HEAD_MAX_BYTES + b"\r\n\r\n",  # complete
        BEGUN + b"X: " + b"a" * 3 * HEAD_MAX_BYTES,  # without an end
        BEGUN + b"X: a\r\n" * HEAD_MAX_BYTES,
        b"GET /" + b"a" * HEAD_MAX_BYTES + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
def test_a_head_has_an_end(running: Running, data: bytes) -> None:
    for url in (running.stack.addresses.web, running.stack.addresses.receiver):
        with half_open(url, b"") as connected:
            answer = answer_to(connected, data)
            # A refusal that crosses what is still being sent may be lost with the connection.
            assert answer == b"" or (answer.startswith(b"HTTP/1.1 431 ") and b"head_too_large" in answer)
            assert answer or len(data) > 2 * HEAD_MAX_BYTES


def test_what_stands_between_the_parts_of_a_body_has_an_end(running: Running) -> None:
    head = b"POST /v1/quotes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with half_open(running.stack.addresses.web, b"") as connected:
        started = time.monotonic()
        answer_to(connected, head + b"1;" + b"a" * 40 * HEAD_MAX_BYTES)
        assert time.monotonic() - started < 10  # it was cut, and not waited for


def test_large_heads_that_are_allowed_are_read(running: Running) -> None:
    assert get(running.stack.addresses.web, "/healthz", X="a" * (HEAD_MAX_BYTES - 2_000)).status_code == 200


def test_every_answer_of_the_document_names_the_headers() -> None:
    from web.app import create_api

    for path, by_method in create_api().openapi()["paths"].items():
        for operation in by_method.values() if path.startswith("/v1/") else ():
            for status, answer in operation["responses"].items():
                assert {"RateLimit", "RateLimit-Policy"} <= answer["headers"].keys(), path
                assert ("Retry-After" in answer["headers"]) == (status == "4XX")
