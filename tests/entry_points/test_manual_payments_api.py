"""The operators' routes over HTTP: money is recorded, matched and refunded, with actor and reason; nobody else may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.client import ApiClient, Refused
from tests.support.waiting import until

DECISION = {"actor": "ana", "reason": "bank statement of today"}


def of(dns: ApiClient, path: str, poll: Callable[[Any], Any], what: str) -> Any:
    return until(lambda: poll(dns.call("GET", path, scope="ops")) or None, what)


def test_from_an_unmatched_transfer_to_a_refund(frontend: Callable[..., ApiClient]) -> None:
    dns = frontend("dns")
    dns.new_service("zone", "basic", "JPY", "JP", ("2027-06-30T15:00:00Z", "2027-07-31T15:00:00Z"), "monthly")
    dns.set_clock("2027-07-17T03:00:00Z")
    total = {"accept_total": {"amount": 1331, "currency": "JPY"}}
    change = dns.wait_for(dns.request("zone", "business", "monthly", "k1", total), "awaiting_payment")

    line = {
        "line": "17/1",
        "amount": {"amount": 1400, "currency": "JPY"},
        "paid_at": "2027-07-17T00:00:00Z",
        **DECISION,
    }
    with pytest.raises(Refused, match="missing_scope"):
        dns.call("POST", "/v1/payments", line)
    recorded = dns.call("POST", "/v1/payments", line, scope="ops")
    assert dns.call("POST", "/v1/payments", line, scope="ops")["repeated"]

    [payment] = of(dns, "/v1/payments?unmatched=true", lambda page: page["items"], "the unmatched money")
    matching = {"invoice": change["invoice"]["id"], **DECISION}
    assert dns.call("POST", f"/v1/payments/{payment['id']}/match", matching, scope="ops")["outcome"] == "held"
    dns.wait_for(change["id"], "applied")
    assert dns.call("GET", "/v1/customers/zone/balance")["credit"] == [{"amount": 69, "currency": "JPY"}]

    with pytest.raises(Refused, match="not_refundable"):
        dns.call("POST", f"/v1/payments/{payment['id']}/refunds", DECISION, scope="ops")
    refund = {"amount": {"amount": 69, "currency": "JPY"}, **DECISION}
    dns.call("POST", f"/v1/payments/{payment['id']}/refunds", refund, scope="ops")
    shown = of(
        dns,
        f"/v1/payments/{payment['id']}",
        lambda view: view if view["refunds"] and view["refunds"][0]["status"] == "succeeded" else None,
        "the refund to be done",
    )
    assert [action["action"] for action in shown["actions"]] == ["payment.match", "payment.refund"]
    assert dns.call("GET", "/v1/customers/zone/balance")["credit"] == [{"amount": 0, "currency": "JPY"}]

    event = dns.call("GET", f"/v1/webhooks/{recorded['id']}", scope="ops")
    assert (event["status"], event["payments"][0]["id"]) == ("processed", payment["id"])
    dns.call("POST", f"/v1/webhooks/{recorded['id']}/replay", DECISION, scope="ops")
    of(
        dns,
        f"/v1/webhooks/{recorded['id']}",
        lambda view: view["status"] == "processed" and view["actions"][-1]["action"] == "webhook.replay",
        "the replay",
    )
    assert len(dns.call("GET", "/v1/payments", scope="ops")["items"]) == 2
    _the_transfer_comes_back(dns, payment["id"], shown["refunds"][0]["id"])


def _the_transfer_comes_back(dns: ApiClient, payment: str, refund: str) -> None:
    """What was sent by hand is reported by hand; nobody is asked about it, as the catalogue gives credit."""
    for _ in range(2):
        assert dns.call("POST", f"/v1/refunds/{refund}/failure", DECISION, scope="ops")["status"] == "failed"
    assert dns.call("GET", "/v1/customers/zone/balance")["credit"] == [{"amount": 69, "currency": "JPY"}]
    assert dns.call("GET", f"/v1/payments/{payment}", scope="ops")["refundable"] == {"amount": 1400, "currency": "JPY"}
    for unknown, code in ((refund, "nothing_to_decide"), ("ref_01unknown", "unknown_refund")):
        with pytest.raises(Refused, match=code):
            dns.call("POST", f"/v1/refunds/{unknown}/decision", {"decision": "credit", **DECISION}, scope="ops")
