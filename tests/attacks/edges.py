"""What strangers and one tenant's own people send to the entry points."""

from __future__ import annotations

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from redis import Redis
from sqlalchemy import func, select

from models.database import transaction
from models.rejected import RejectedMessage
from settings import settings
from tests.support import loopback
from tests.support.client import ApiClient
from tests.support.hostile import CUSTOMER, OFFENCES, at_once, bodies, half_open, huge_head, raw
from tests.support.waiting import until

HALF_OPEN = 300
CALM_SECONDS = 15
FORGED = [f"forged-{number}" for number in range(300)]


def calm(dns: ApiClient) -> Counter[int]:
    """Nothing: what the machine does by itself."""
    time.sleep(CALM_SECONDS)
    return Counter()


def hard_values(dns: ApiClient) -> Counter[int]:
    """Texts and dates that nothing can keep, in every field of every body."""
    return Counter(
        dns.send(method, path, json.dumps(body).encode(), scope, **{"Idempotency-Key": f"attack-{number}"}).status_code
        for number, (method, path, body, scope) in enumerate(bodies())
    )


def forged_webhooks(dns: ApiClient) -> Counter[int]:
    """Events that no gateway signed."""
    url = f"{dns.ready['api']}/webhooks/standard/{dns.provider}"
    codes = Counter[int]()
    with loopback.Client() as client:
        for event in FORGED:
            headers = {"webhook-id": event, "webhook-timestamp": str(int(time.time()))}
            answer = client.post(url, headers=headers | {"webhook-signature": "v1,AAAA"}, content=b'{"type":"payment"}')
            codes[answer.status_code] += 1
    return codes


def first_reports_at_once(dns: ApiClient) -> Counter[int]:
    """The same new customer, eight times at the same moment."""
    codes = Counter[int]()
    for number in range(10):
        ref = f"rush-{number}"
        codes.update(at_once(lambda _, ref=ref: dns.send("PUT", f"/v1/customers/{ref}", CUSTOMER, "host")))  # type: ignore[misc]
    return codes


def messages_with_companions(dns: ApiClient) -> Counter[int]:
    """What is more than a request at the Celery entry point: each is refused (422 here) and kept."""
    before = count(RejectedMessage)
    with Redis.from_url(settings().require_broker_url()) as broker:
        for headers, body, _ in OFFENCES.values():
            broker.lpush("requests", raw(headers, body))
    until(lambda: count(RejectedMessage) - before >= len(OFFENCES) or None, "all to be refused")
    return Counter({422: count(RejectedMessage) - before})


def huge_heads(dns: ApiClient) -> Counter[int]:
    """Headers without an end, while many other connections never finish their first line."""
    with ExitStack() as opened:
        for _ in range(HALF_OPEN):
            opened.enter_context(half_open(dns.ready["api"]))
        return Counter(huge_head(dns.ready["api"]) for _ in range(40))


def key_flood(dns: ApiClient) -> Counter[int]:
    """All that one key can send over many connections at once. The honest customer's frontend has another."""
    url, headers = f"{dns.ready['api']}/v1/services", dns._login("ops")

    def send(_: int) -> Counter[int]:
        with loopback.Client() as client:
            return Counter(client.get(url, headers=headers).status_code for _ in range(150))

    with ThreadPoolExecutor(32) as pool:
        return sum(pool.map(send, range(32)), Counter[int]())


def wrong_keys(dns: ApiClient) -> Counter[int]:
    """Keys that somebody guesses."""
    with loopback.Client(base_url=dns.ready["api"]) as client:
        guesses = ({"Authorization": f"Bearer ps_{dns.provider}_{number}"} for number in range(500))
        return Counter(client.get("/v1/services", headers=guess).status_code for guess in guesses)


def count(row: Any) -> int:
    with transaction() as session:
        return session.scalar(select(func.count()).select_from(row)) or 0
