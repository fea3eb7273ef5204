"""Changes that staff decide about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.client import ApiClient, Refused

Make = Callable[..., ApiClient]
YEAR = ("2027-01-01T03:00:00Z", "2028-01-01T03:00:00Z")
DECISION = {"actor": "ana", "reason": "The server is ready."}


def requested(make: Make) -> tuple[ApiClient, str]:
    """A customer with a radio ($80 a year) asks for a VPS ($250 a year)."""
    hosting = make("hosting")
    hosting.new_service("radio", "radio-100", "USD", "AR", YEAR, "annual")
    hosting.set_clock("2027-07-01T12:00:00Z")
    quote = hosting.call("POST", "/v1/quotes", {"service": "radio", "plan": "vps-1", "cycle": "annual"})
    change_id = hosting.request("radio", "vps-1", "annual", "k1", {"quote": quote["id"]})
    hosting.wait_for(change_id, "awaiting_review")
    return hosting, change_id


def decide(hosting: ApiClient, change_id: str, decision: str, scope: str = "ops") -> dict[str, Any]:
    answer: dict[str, Any] = hosting.call("POST", f"/v1/plan-changes/{change_id}/{decision}", DECISION, scope=scope)
    return answer


def test_approved_it_goes_on_at_the_price_that_was_accepted(frontend: Make) -> None:
    hosting, change_id = requested(frontend)
    hosting.set_clock("2027-07-04T12:00:00Z")
    decide(hosting, change_id, "approve")
    waiting = hosting.wait_for(change_id, "awaiting_payment")
    assert waiting["quote"]["total_due_today"] == {"amount": 17000, "currency": "USD"}
    [approval] = [move for move in waiting["timeline"] if move["event"] == "approve"]
    assert (approval["actor"], approval["reason"]) == ("operator:ana", "The server is ready.")
    hosting.pay(waiting)
    hosting.wait_for(change_id, "applied")
    assert hosting.hosted("radio")["plan"] == "vps-1"
    with pytest.raises(Refused, match="not_in_review"):
        decide(hosting, change_id, "reject")


def test_rejected_the_customer_reads_why(frontend: Make) -> None:
    hosting, change_id = requested(frontend)
    with pytest.raises(Refused, match="missing_scope"):
        decide(hosting, change_id, "reject", scope="frontend")
    refused = decide(hosting, change_id, "reject")
    assert (refused["status"], refused["reason_text"]) == ("refused", "The server is ready.")


def test_nobody_looked_for_two_weeks(frontend: Make) -> None:
    hosting, change_id = requested(frontend)
    hosting.set_clock("2027-07-15T12:00:00Z")
    assert hosting.wait_for(change_id, "refused")["reason"] == "review_too_old"
