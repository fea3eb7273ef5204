"""What an operator sees in Flower: one task a step, by id and by summary, behind a login, without customer data."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from tests.conftest import Running
from tests.support.client import ApiClient
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("stack")


def test_flower_shows_each_step_of_a_change(running: Running, frontend: Callable[..., ApiClient]) -> None:
    dns = frontend("dns")
    dns.new_service("zone", "basic", "JPY", "JP", ("2027-06-30T15:00:00Z", "2027-07-31T15:00:00Z"), "monthly")
    dns.set_clock("2027-07-17T03:00:00Z")
    total = {"accept_total": {"amount": 1331, "currency": "JPY"}}
    change_id = dns.request("zone", "business", "monthly", "k1", total)
    dns.pay(dns.wait_for(change_id, "awaiting_payment"))
    dns.wait_for(change_id, "applied")

    api = f"{running.ready['flower']}/api/tasks"
    user, _, password = running.ready["flower_login"].partition(":")
    assert httpx.get(api, trust_env=False).status_code == 401

    def tasks(search: str = "") -> dict[str, dict[str, str]]:
        wanted = {"search": search, "limit": "500"}
        answer = httpx.get(api, params=wanted, auth=(user, password), trust_env=False).json()
        return {task["name"]: task for task in answer.values()}

    def steps() -> dict[str, dict[str, str]] | None:
        shown = tasks(change_id)
        return shown if "plan_change.notify" in shown else None

    shown = until(steps, "Flower to show the last step")
    assert set(shown) >= {
        "plan_change.quote",
        "plan_change.issue_invoice",
        "plan_change.print_invoice",
        "plan_change.request_payment",
        "plan_change.settle",
        "plan_change.apply_plan",
        "plan_change.notify",
    }
    quote, settle = shown["plan_change.quote"], shown["plan_change.settle"]
    assert quote["uuid"] == f"{change_id}:quote"
    assert quote["args"] == f"{dns.provider}: zone, basic → business (monthly)"
    invoice_id = dns.call("GET", f"/v1/plan-changes/{change_id}")["invoice"]["id"]
    assert settle["args"] == f"{dns.provider}: zone, basic → business (monthly), {invoice_id}"
    everything = json.dumps(shown, ensure_ascii=False)
    for personal in ("Customer of zone", f"zone@{dns.provider}.invalid", "1 Example Street"):
        assert personal not in everything
    # What beat looks for every few seconds does not hide it.
    assert "outbox.deliver" in tasks()
    assert not tasks().keys() & {"sweep.enqueue_due", "renewals.scan", "payments.reconcile"}
