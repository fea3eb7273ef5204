"""retry and compensate through HTTP and on the command line, on the running stack."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Running
from tests.support import loopback
from tests.support.client import ApiClient, Refused

ANA = {"actor": "ana", "reason": "the rack is empty again"}


def knobs(dns: ApiClient, **values: Any) -> None:
    loopback.put(f"{dns.ready['host']}/_knobs/{dns.provider}", json=values).raise_for_status()


@pytest.fixture
def stuck(frontend: Callable[..., ApiClient]) -> tuple[ApiClient, str]:
    """A paid upgrade that the host refuses."""
    dns = frontend("dns")
    dns.new_service("zone", "basic", "JPY", "JP", ("2027-06-30T15:00:00Z", "2027-07-31T15:00:00Z"), "monthly")
    dns.set_clock("2027-07-17T03:00:00Z")
    knobs(dns, refuse="the rack is full")
    total = {"accept_total": {"amount": 373, "currency": "JPY"}}
    change_id = dns.request("zone", "start", "monthly", "k1", total)
    dns.pay(dns.wait_for(change_id, "awaiting_payment"))
    assert dns.wait_for(change_id, "stuck")["reason"] == "host_refused"
    return dns, change_id


def test_an_operator_retries(stuck: tuple[ApiClient, str]) -> None:
    dns, change_id = stuck
    with pytest.raises(Refused, match="missing_scope"):
        dns.call("POST", f"/v1/plan-changes/{change_id}/retry", ANA)
    with pytest.raises(Refused, match="invalid_request"):
        dns.call("POST", f"/v1/plan-changes/{change_id}/retry", {"actor": "ana", "reason": " "}, scope="ops")
    knobs(dns)
    dns.call("POST", f"/v1/plan-changes/{change_id}/retry", ANA, scope="ops")
    done = dns.wait_for(change_id, "applied")
    assert [move["actor"] for move in done["timeline"] if move["event"] == "retry"] == ["operator:ana"]
    with pytest.raises(Refused, match="not_stuck"):
        dns.call("POST", f"/v1/plan-changes/{change_id}/compensate", ANA, scope="ops")


def test_an_operator_compensates(stuck: tuple[ApiClient, str], running: Running) -> None:
    dns, change_id = stuck
    with pytest.raises(Refused, match="not_compensated"):
        dns.call("POST", f"/v1/plan-changes/{change_id}/compensate", ANA, scope="ops")
    knobs(dns)
    command = [str(Path(sys.executable).with_name("planshift")), "changes", "compensate", change_id]
    subprocess.run([*command, "--actor", "ana", "--reason", "no space"], check=True, env=dict(os.environ), timeout=60)
    assert dns.wait_for(change_id, "compensated")["timeline"][-1]["reason"] == "no space"
    assert dns.call("GET", "/v1/customers/zone/balance")["credit"][0]["amount"] == 373
    assert dns.hosted("zone")["plan"] == "basic"
    invoices = dns.call("GET", "/v1/invoices?service=zone")["items"]
    assert sorted(invoice["kind"] for invoice in invoices) == ["credit_note", "invoice"]
    again = subprocess.run(
        [*command, "--actor", "ana", "--reason", "no space"],
        env=dict(os.environ),
        timeout=60,
        check=False,
        capture_output=True,
    )
    assert again.returncode == 0
