"""The honest customer, who goes on using the product while it is attacked."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from tests.support.client import AUGUST, JULY, ApiClient

PAUSE_SECONDS = 0.05
ACCEPTED = {"accept_total": {"amount": 1331, "currency": "JPY"}}

_sales = count(1)


@contextmanager
def honest(dns: ApiClient, figures: dict[str, Any]) -> Iterator[None]:
    """A customer looks at their service all the while, and another one buys, again and again. `figures` gets the
    slowest of a hundred looks and the slowest sale, from the button to the plan."""
    over, looks, sales, failed = threading.Event(), list[float](), list[float](), list[Exception]()

    def again_and_again(seconds: list[float], do: Any, *given: Any) -> None:
        try:
            with ApiClient(dns.ready, dns.provider) as client:
                while not (seconds and over.is_set()):
                    seconds.append(do(client))
                    over.wait(PAUSE_SECONDS)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=again_and_again, args=args) for args in ((looks, _look), (sales, _buy))]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    if failed:
        raise failed[0]
    figures["honest_p99_ms"] = round(sorted(looks)[int(len(looks) * 0.99)] * 1000)
    figures["honest_sales"], figures["honest_sale_max_ms"] = len(sales), round(max(sales) * 1000)


def _look(client: ApiClient) -> float:
    begun = time.monotonic()
    client.call("GET", "/v1/services/zone")
    return time.monotonic() - begun


def _buy(client: ApiClient) -> float:
    """The provider's clock stands at noon of 17 July: Business for ¥1,331."""
    ref = f"sale-{next(_sales)}"
    client.new_service(ref, "basic", "JPY", "JP", (JULY, AUGUST), "monthly")
    begun = time.monotonic()
    change_id = client.request(ref, "business", "monthly", ref, ACCEPTED)
    client.pay(client.wait_for(change_id, "awaiting_payment"))
    client.wait_for(change_id, "applied")
    return time.monotonic() - begun
