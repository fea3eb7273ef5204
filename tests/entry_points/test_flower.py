"""What an operator sees in Flower: one task a step, by id and by summary, behind a login, without customer data."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.conftest import Running
from tests.support import loopback
from tests.support.client import ApiClient
from tests.support.waiting import until
from worker.beat import SCHEDULE


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
    assert loopback.get(api).status_code == 401

    def tasks(search: str = "") -> dict[str, dict[str, str]]:
        wanted = {"search": search, "limit": "500"}
        answer: dict[str, dict[str, str]] = loopback.get(api, params=wanted, auth=(user, password)).json()
        return answer

    def steps() -> dict[str, dict[str, str]] | None:
        shown = tasks(change_id)
        return shown if f"{change_id}:notify" in shown else None

    shown = until(steps, "Flower to show the last step")
    change = f"{dns.provider}: zone, basic → business (monthly)"
    invoice = dns.call("GET", f"/v1/plan-changes/{change_id}")["invoice"]
    proforma, numbered = f"{change}, {invoice['id']}", f"{change}, {invoice['number']}"
    expected = {
        "quote": ("plan_change.quote", change),
        "issue_invoice": ("plan_change.issue_invoice", change),
        "print_invoice": ("plan_change.print_invoice", proforma),
        "request_payment": ("plan_change.request_payment", proforma),
        "settle": ("plan_change.settle", proforma),
        "apply_plan": ("plan_change.apply_plan", numbered),
        "print_numbered": ("plan_change.print_invoice", numbered),
        "notify": ("plan_change.notify", numbered),
    }
    found = {task_id: (task["name"], task["args"]) for task_id, task in shown.items()}
    assert found.items() >= {f"{change_id}:{step}": told for step, told in expected.items()}.items()
    everything = json.dumps(shown, ensure_ascii=False)
    for personal in ("Customer of zone", f"zone@{dns.provider}.invalid", "1 Example Street"):
        assert personal not in everything
    # What beat looks for every few seconds does not hide it.
    names = {task["name"] for task in tasks().values()}
    assert "payments.process_event" in names
    often = {entry["task"] for entry in SCHEDULE.values() if isinstance(entry["schedule"], float)}
    assert not names & often
