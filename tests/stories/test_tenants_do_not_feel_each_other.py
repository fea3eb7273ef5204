"""One tenant's gateway drips a byte now and then; another tenant's customer buys as ever."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx
import pytest

from engine.accounts.access import connect
from engine.accounts.providers import required_provider
from models.database import transaction
from tests.support.client import AUGUST, JULY, ApiClient
from tests.support.slow_systems import dripping
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("stack")

PRICE = {"accept_total": {"amount": 1331, "currency": "JPY"}}


def test_eight_changes_at_a_gateway_that_drips(frontend: Callable[..., ApiClient], dns: ApiClient) -> None:
    slow = frontend("dns")
    with dripping() as url:
        with transaction() as session:
            connect(session, required_provider(session, slow.provider), "gateway", "standard", url, "key", ("whsec_x",))
        for number in range(8):
            slow.new_service(f"zone-{number}", "basic", "JPY", "JP", (JULY, AUGUST), "monthly")
        slow.set_clock("2027-07-17T03:00:00Z")
        held_up = [slow.request(f"zone-{n}", "business", "monthly", f"k{n}", PRICE) for n in range(8)]
        for change_id in held_up:
            slow.wait_for(change_id, "invoiced")
        begun = time.monotonic()
        change_id = dns.request("zone", "business", "monthly", "k1", PRICE)
        dns.pay(dns.wait_for(change_id, "awaiting_payment"))
        dns.wait_for(change_id, "applied")
        assert time.monotonic() - begun < 12

        def told() -> str | None:
            metrics = httpx.get(f"{dns.ready['api']}/metrics", timeout=10).text
            line = f'planshift_trouble{{kind="calls_paused",subject="{slow.provider}"}} 1.0'
            return line if line in metrics else None

        until(told, "the breaker to be told", seconds=120)
    assert {slow.call("GET", f"/v1/plan-changes/{one}")["status"] for one in held_up} == {"invoiced"}
