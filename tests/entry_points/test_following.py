"""Following a plan change: the long poll and the stream of events, on the running stack."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.entry_points.test_http import ACCEPTED
from tests.support import loopback
from tests.support.client import ApiClient, is_problem


@pytest.fixture
def change_id(dns: ApiClient) -> str:
    return dns.request("zone", "business", "monthly", "k1", {"accept_total": ACCEPTED["accept_total"]})


def events_of(answer: httpx.Response) -> list[tuple[int, dict[str, Any]]]:
    """(id, data) of each event of a stream that has ended."""
    found = []
    for block in answer.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            found.append((int(fields["id"]), json.loads(fields["data"])))
    return found


def test_a_stream_tells_every_move_and_ends(dns: ApiClient, change_id: str) -> None:
    path = f"/v1/plan-changes/{change_id}/events"
    url, headers = dns.ready["api"] + path, {"Authorization": f"Bearer {dns.ready['keys'][dns.provider]['frontend']}"}
    seen: list[tuple[int, str]] = []
    with loopback.stream("GET", url, headers=headers) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            if line.startswith("data: "):
                change = json.loads(line[6:])
            if line.startswith("id: "):
                seen.append((int(line[4:]), change["status"]))
                if change["status"] == "awaiting_payment" and change["payment"]["checkout_url"]:
                    dns.pay(change)
    numbers, statuses = [number for number, _ in seen], [status for _, status in seen]
    assert numbers == sorted(set(numbers))
    assert statuses[-1] == "applied"
    assert "awaiting_payment" in statuses
    # Whoever has the last event is told that nothing will follow; whoever lost some gets what is so now.
    assert dns.send("GET", path, **{"Last-Event-ID": str(numbers[-1])}).status_code == 204
    [(number, change)] = events_of(dns.send("GET", path, **{"Last-Event-ID": str(numbers[0])}))
    assert (number, change["status"], change["invoice"]["amount_due"]["amount"]) == (numbers[-1], "applied", 0)


def test_a_stream_of_nothing_is_a_problem(dns: ApiClient) -> None:
    is_problem(dns.send("GET", "/v1/plan-changes/chg_0unknown/events"), 404, "unknown_plan_change")


def test_a_long_poll_answers_when_the_change_moves(dns: ApiClient, change_id: str) -> None:
    change = dns.call("GET", f"/v1/plan-changes/{change_id}", Prefer="wait=30")
    while change["status"] != "awaiting_payment":
        change = dns.call("GET", f"/v1/plan-changes/{change_id}", Prefer="wait=30")
    dns.pay(change)
    assert dns.call("GET", f"/v1/plan-changes/{change_id}", Prefer="wait=30")["status"] == "applied"
