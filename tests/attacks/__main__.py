"""python -m tests.attacks: starts the whole stack and attacks it, while an honest customer goes on using it. The last
line is one JSON object."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
from redis import Redis
from sqlalchemy import func, select

from cli.sandbox import set_up_provider
from cli.stack import start
from local.folders import temporary_folder
from local.stack import Stack
from models.database import transaction
from models.inbox import InboxEvent
from models.plan_change import PlanChange
from models.rejected import RejectedMessage
from settings import settings
from tests.conftest import SECRET_KEY, catalog_named, environment, new_slug
from tests.support.client import ApiClient
from tests.support.hostile import CUSTOMER, OFFENCES, at_once, bodies, half_open, huge_head, raw
from tests.support.waiting import until

HALF_OPEN = 300
FORGED = [f"forged-{number}" for number in range(300)]
ACCEPTED = {"accept_total": {"amount": 1331, "currency": "JPY"}}


@contextmanager
def honest(dns: ApiClient, figures: dict[str, Any]) -> Iterator[None]:
    """A customer who looks at their service all the while; `figures` gets the slowest of a hundred looks."""
    over, seconds = threading.Event(), list[float]()

    def look() -> None:
        with httpx.Client(timeout=40, trust_env=False) as client:
            while not over.is_set():
                begun = time.monotonic()
                client.get(f"{dns.ready['api']}/v1/services/zone", headers=dns._login("frontend")).raise_for_status()
                seconds.append(time.monotonic() - begun)
                over.wait(0.05)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    figures["honest_p99_ms"] = round(sorted(seconds)[int(len(seconds) * 0.99)] * 1000)


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
    with httpx.Client(timeout=40, trust_env=False) as client:
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
    before = _count(RejectedMessage)
    with Redis.from_url(settings().require_broker_url()) as broker:
        for headers, body, _ in OFFENCES.values():
            broker.lpush("requests", raw(headers, body))
    until(lambda: _count(RejectedMessage) - before >= len(OFFENCES) or None, "all to be refused")
    return Counter({422: _count(RejectedMessage) - before})


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
        with httpx.Client(timeout=40, trust_env=False) as client:
            return Counter(client.get(url, headers=headers).status_code for _ in range(150))

    with ThreadPoolExecutor(32) as pool:
        return sum(pool.map(send, range(32)), Counter[int]())


def wrong_keys(dns: ApiClient) -> Counter[int]:
    """Keys that somebody guesses."""
    with httpx.Client(timeout=40, trust_env=False, base_url=dns.ready["api"]) as client:
        guesses = ({"Authorization": f"Bearer ps_{dns.provider}_{number}"} for number in range(500))
        return Counter(client.get("/v1/services", headers=guess).status_code for guess in guesses)


ATTACKS = (
    hard_values,
    forged_webhooks,
    first_reports_at_once,
    messages_with_companions,
    huge_heads,
    key_flood,
    wrong_keys,
)


def _count(row: Any) -> int:
    with transaction() as session:
        return session.scalar(select(func.count()).select_from(row)) or 0


def run(dns: ApiClient) -> dict[str, Any]:
    """Each attack, and what became of the honest sale in the meantime."""
    change_id = dns.request("zone", "business", "monthly", "honest", ACCEPTED)
    figures: dict[str, dict[str, Any]] = {}
    for attack in ATTACKS:
        one: dict[str, Any] = {}
        with honest(dns, one):
            codes = attack(dns)
        refused = sum(count for code, count in codes.items() if 400 <= code < 500)
        broken = sum(count for code, count in codes.items() if code >= 500)
        counts = {"tried": codes.total(), "accepted": codes.total() - refused - broken, "refused": refused}
        figures[attack.__name__] = counts | {"errors_5xx": broken} | one
    dns.pay(dns.wait_for(change_id, "awaiting_payment"))
    dns.wait_for(change_id, "applied")
    with transaction() as session:
        mine = PlanChange.service_id == session.get_one(PlanChange, change_id).service_id
        sales = session.scalar(select(func.count()).where(mine, PlanChange.status == "applied")) or 0
        believed = session.scalar(select(func.count()).where(InboxEvent.event_key.in_(FORGED))) or 0
    return {"attacks": figures, "lost": int(sales < 1), "doubled": max(0, sales - 1), "forged": believed}


def main() -> int:
    with temporary_folder("attack") as folder, Stack(folder) as stack, environment({}):
        ready = start(stack, SECRET_KEY)
        slug = new_slug("dns")
        keys = set_up_provider(catalog_named(slug, "dns"), stack.addresses)
        with ApiClient(ready | {"keys": {slug: keys}}, slug) as dns:
            dns.new_service("zone", "basic", "JPY", "JP", ("2027-06-30T15:00:00Z", "2027-07-31T15:00:00Z"), "monthly")
            dns.set_clock("2027-07-17T03:00:00Z")
            result = run(dns)
    print(json.dumps(result))
    broken = sum(one["errors_5xx"] for one in result["attacks"].values())
    return int(bool(broken or result["lost"] or result["doubled"] or result["forged"]))


if __name__ == "__main__":
    sys.exit(main())
