"""python -m tests.attacks: starts the whole stack and attacks it, while honest customers go on using it.

The last line is one JSON object. It fails where something was lost, doubled, forged or answered with an error of ours,
and where an honest customer waited. With names, only those attacks.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import func, select

from cli.sandbox import set_up_provider
from cli.stack import start
from local.folders import temporary_folder
from local.stack import Stack
from models.customer import Service
from models.database import transaction
from models.inbox import InboxEvent
from models.plan_change import PlanChange
from models.provider import provider_by_slug
from tests.attacks import edges, neighbours
from tests.attacks.honest import honest
from tests.conftest import SECRET_KEY, catalog_named, environment, new_slug
from tests.support.client import AUGUST, JULY, ApiClient

P99_MAX_MS = 1_000

Attack = Callable[[ApiClient], Counter[int]]
# By a tenant of its own, to whom the honest customers are strangers. What counts wrong keys and floods comes last.
NEIGHBOURS: tuple[Attack, ...] = (
    neighbours.dripping_systems,
    neighbours.packed_answers,
    neighbours.anonymous_webhooks,
)
EDGES: tuple[Attack, ...] = (
    edges.calm,
    edges.hard_values,
    edges.forged_webhooks,
    edges.first_reports_at_once,
    edges.messages_with_companions,
    edges.huge_heads,
    edges.key_flood,
    edges.wrong_keys,
)


def run(tenant: Callable[[], ApiClient], wanted: set[str] = frozenset()) -> dict[str, Any]:  # type: ignore[assignment]
    """Each attack (those that are `wanted`, or all), and what became of the honest sales in the meantime."""
    dns = tenant()
    figures: dict[str, dict[str, Any]] = {}
    for attack in (*NEIGHBOURS, *EDGES):
        if wanted and attack.__name__ not in wanted:
            continue
        by = tenant() if attack in NEIGHBOURS else dns
        one: dict[str, Any] = {}
        with honest(dns, one):
            codes = attack(by)
        refused = sum(count for code, count in codes.items() if 400 <= code < 500)
        broken = sum(count for code, count in codes.items() if code >= 500)
        counts = {"tried": codes.total(), "accepted": codes.total() - refused - broken, "refused": refused}
        figures[attack.__name__] = counts | {"errors_5xx": broken} | one
        print(attack.__name__, json.dumps(figures[attack.__name__]), flush=True)
    return {"attacks": figures, **_what_became(dns.provider, sum(one["honest_sales"] for one in figures.values()))}


def _what_became(slug: str, sold: int) -> dict[str, int]:
    """Of the honest sales, each on a service of its own, and of the forged events."""
    with transaction() as session:
        provider = provider_by_slug(session, slug)
        assert provider is not None
        applied = (
            select(func.count(), func.count(PlanChange.service_id.distinct()))
            .select_from(PlanChange)
            .join(Service, Service.id == PlanChange.service_id)
            .where(PlanChange.provider_id == provider.id, PlanChange.status == "applied")
            .where(Service.ref.startswith("sale-"))
        )
        times, services = session.execute(applied).one()
        forged = edges.FORGED + [f"look:{name}" for name in neighbours.ANONYMOUS]
        believed = session.scalar(select(func.count()).where(InboxEvent.event_key.in_(forged))) or 0
    return {"lost": sold - services, "doubled": times - services, "forged": believed}


def new_tenant(stack: Stack, ready: dict[str, Any]) -> ApiClient:
    """Whose customer `zone` has Basic for July; it is noon of the 17th in Tokyo."""
    slug = new_slug("dns")
    keys = set_up_provider(catalog_named(slug, "dns"), stack.addresses)
    client = ApiClient(ready | {"keys": {slug: keys}}, slug)
    client.new_service("zone", "basic", "JPY", "JP", (JULY, AUGUST), "monthly")
    client.set_clock("2027-07-17T03:00:00Z")
    return client


def main() -> int:
    with temporary_folder("attack") as folder, Stack(folder) as stack, environment({}):
        ready = start(stack, SECRET_KEY)
        result = run(partial(new_tenant, stack, ready), set(sys.argv[1:]))
    print(json.dumps(result))
    attacks = result["attacks"].values()
    broken = sum(one["errors_5xx"] for one in attacks)
    slow = max(one["honest_p99_ms"] for one in attacks) >= P99_MAX_MS
    return int(bool(broken or slow or result["lost"] or result["doubled"] or result["forged"]))


if __name__ == "__main__":
    sys.exit(main())
