"""A frontend upgrades a service with the typed client, waiting or not: `upgrade.py sync|async URL KEY REF`."""

from __future__ import annotations

import asyncio
import json
import sys

import httpx

import planshift_client
from planshift_client import AsyncClient, Client, create_plan_change, create_quote


def pay(checkout_url: str | None) -> None:
    assert checkout_url is not None
    httpx.post(checkout_url, data={"outcome": "pay"}, trust_env=False, timeout=40).raise_for_status()


def upgrade(url: str, key: str, ref: str) -> list[str]:
    with Client(url, key, trust_env=False) as planshift:
        quote = planshift.send(create_quote(ref, "business", "monthly"))
        asked = planshift.send(create_plan_change(ref, "business", "monthly", quote=quote.id))
        change = planshift.wait(asked.id)
        assert change.payment is not None
        pay(change.payment.checkout_url)
        return [seen.status for seen in planshift.events(change.id)]


async def upgrade_without_waiting(url: str, key: str, ref: str) -> list[str]:
    async with AsyncClient(url, key, trust_env=False) as planshift:
        quote = await planshift.send(create_quote(ref, "business", "monthly"))
        asked = await planshift.send(create_plan_change(ref, "business", "monthly", quote=quote.id))
        change = await planshift.wait(asked.id, "awaiting_payment")
        assert change.payment is not None
        pay(change.payment.checkout_url)
        return [seen.status async for seen in planshift.events(change.id)]


if __name__ == "__main__":
    kind, *rest = sys.argv[1:]
    statuses = upgrade(*rest) if kind == "sync" else asyncio.run(upgrade_without_waiting(*rest))
    print(json.dumps({"module": planshift_client.__file__, "statuses": statuses}))
