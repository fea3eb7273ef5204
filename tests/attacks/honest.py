"""The honest customers, who go on using the product while it is attacked. They are a process of their own: what an
attacker's threads do to each other is not measured."""

from __future__ import annotations

import multiprocessing
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.client import AUGUST, JULY, ApiClient

PAUSE_SECONDS = 0.05
ACCEPTED = {"accept_total": {"amount": 1331, "currency": "JPY"}}

_spawning = multiprocessing.get_context("spawn")


@contextmanager
def honest(dns: ApiClient, figures: dict[str, Any]) -> Iterator[None]:
    """A customer looks at their service all the while, and another one buys, again and again. `figures` gets the
    slowest of a hundred looks, and the slowest sale from the button to the plan. Raises RuntimeError where one of them
    was refused."""
    ready, over, told = _spawning.Event(), _spawning.Event(), _spawning.Queue()
    process = _spawning.Process(target=_be_honest, args=(dns.ready, dns.provider, ready, over, told))
    process.start()
    try:
        assert ready.wait(60)
        yield
    finally:
        over.set()
        looks, sales, failed = told.get(timeout=120)
        process.join()
    if failed:
        raise RuntimeError(f"an honest customer was refused: {failed[0]}")
    figures["honest_p99_ms"] = round(sorted(looks)[int(len(looks) * 0.99)] * 1000)
    figures["honest_sales"], figures["honest_sale_max_ms"] = len(sales), round(max(sales) * 1000)


def _be_honest(ready: dict[str, Any], provider: str, begun: Any, over: Any, told: Any) -> None:
    """Each at least once, until `over`; tells the seconds that they took, and what went wrong."""
    looks, sales, failed = list[float](), list[float](), list[str]()

    def again_and_again(seconds: list[float], do: Callable[[ApiClient], float]) -> None:
        try:
            with ApiClient(ready, provider) as client:
                _look(client)  # the client reads the OpenAPI document first, which takes seconds
                while not (seconds and over.is_set()):
                    seconds.append(do(client))
                    begun.set()
                    over.wait(PAUSE_SECONDS)
        except Exception as error:
            failed.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=again_and_again, args=args) for args in ((looks, _look), (sales, _buy))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.put((looks, sales, failed))


def _look(client: ApiClient) -> float:
    begun = time.monotonic()
    client.call("GET", "/v1/services/zone")
    return time.monotonic() - begun


def _buy(client: ApiClient) -> float:
    """The provider's clock stands at noon of 17 July: Business for ¥1,331."""
    ref = f"sale-{secrets.token_hex(6)}"
    client.new_service(ref, "basic", "JPY", "JP", (JULY, AUGUST), "monthly")
    begun = time.monotonic()
    change_id = client.request(ref, "business", "monthly", ref, ACCEPTED)
    client.pay(client.wait_for(change_id, "awaiting_payment"))
    client.wait_for(change_id, "applied")
    return time.monotonic() - begun
