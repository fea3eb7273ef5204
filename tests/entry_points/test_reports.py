"""The host system reports its services through HTTP, on the running stack: when they renew, what differs, what is put
right, and what becomes of time out of service. Dates and yen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cli.sandbox import sample_catalogs
from tests.support.client import AUGUST, JULY, ApiClient, is_problem
from tests.support.waiting import until

ZONE = "/v1/services/zone"
RESUMED_AT = "2028-01-10T03:00:00Z"


def said(**changes: Any) -> dict[str, Any]:
    """The report with which the service was created, and what else it says."""
    created = {"customer": "zone", "plan": "basic", "cycle": "monthly", "currency": "JPY", "status": "active"}
    return created | {"period_start": JULY, "period_end": AUGUST} | changes


def report(dns: ApiClient, **changes: Any) -> Any:
    return dns.call("PUT", ZONE, said(**changes), scope="host")


def tokyo(day: str) -> str:
    """The local midnight with which the day begins; Tokyo is nine hours ahead all year."""
    return f"{day}T00:00:00+09:00"


def bills(dns: ApiClient, count: int) -> list[int]:
    """The totals of the service's invoices, oldest first, once there are so many."""

    def poll() -> list[int] | None:
        items = dns.call("GET", "/v1/invoices?service=zone")["items"]
        return [one["total"]["amount"] for one in reversed(items)] if len(items) >= count else None

    found: list[int] = until(poll, f"{count} invoices")
    return found


def period_ends(dns: ApiClient, end: str) -> None:
    until(lambda: dns.call("GET", ZONE)["period_end"] == end or None, f"the period to end {end}")


@pytest.mark.parametrize(
    ("told", "renews_on", "assumed", "ends"),
    [
        ({}, 30, True, "2027-12-29T15:00:00Z"),
        ({"anchor_day": 31}, 31, False, "2027-12-30T15:00:00Z"),
    ],
)
def test_a_quarter_renews_on_the_day_that_is_told_or_assumed(
    frontend: Callable[..., ApiClient], told: dict[str, int], renews_on: int, assumed: bool, ends: str
) -> None:
    """From 30 June to 30 September: nobody can read off it whether the service renews on the 30th or the 31st."""
    cycles = next(one for one in sample_catalogs() if one.provider == "dns").cycles
    dns = frontend("dns", cycles=cycles | {"monthly": cycles["monthly"].model_copy(update={"months": 3})})
    customer = {"name": "Zone", "email": "zone@example.invalid", "country": "JP", "address": ["1 Example Street"]}
    dns.call("PUT", "/v1/customers/zone", customer, scope="host")
    dns.set_clock(tokyo("2027-09-20"))
    service = report(dns, period_start=tokyo("2027-06-30"), period_end=tokyo("2027-09-30"), **told)
    assert (service["anchor_day"], service["anchor_assumed"]) == (renews_on, assumed)
    dns.set_clock(tokyo("2027-09-30"))
    period_ends(dns, ends)
    assert bills(dns, 1) == [550]


def test_what_differs_is_refused_with_both_values(dns: ApiClient) -> None:
    """Nothing is ignored, and nothing of a refused report is taken over."""
    changes = {"plan": "start", "quantity": 3, "period_end": tokyo("2027-08-16"), "status": "suspended"}
    problem = is_problem(dns.send("PUT", ZONE, said(**changes), scope="host"), 409, "service_differs")
    assert problem["differences"] == {
        "plan": {"held": "basic", "reported": "start"},
        "quantity": {"held": 1, "reported": 3},
        "period": {
            "held": {"start": JULY, "end": AUGUST},
            "reported": {"start": JULY, "end": "2027-08-15T15:00:00Z"},
        },
    }
    assert "POST /v1/plan-changes" in problem["detail"]
    assert "correct: true" in problem["detail"]
    service = dns.call("GET", ZONE)
    assert (service["status"], service["plan"], service["quantity"]) == ("active", "basic", 1)


def test_who_corrects_says_why(dns: ApiClient) -> None:
    """Start was paid all along: on 17 July the rest of July to Business is the difference of those two."""
    wrong = is_problem(dns.send("PUT", ZONE, said(plan="start", correct=True), scope="host"), 422, "invalid_request")
    assert "correct: true needs actor and reason" in str(wrong)
    who = {"correct": True, "actor": "ana", "reason": "The order form had another plan."}
    corrected = report(dns, plan="start", **who)
    assert corrected["corrected"] == {"plan": {"before": "basic", "after": "start"}}
    assert corrected["plan"] == "start"
    business = {"service": "zone", "plan": "business", "cycle": "monthly"}
    # 15 of 31 days: 3,000 x 15/31 = 1,451.6 less 1,200 x 15/31 = 580.6, and 10 %
    assert dns.call("POST", "/v1/quotes", business)["total_due_today"]["amount"] == 1452 - 581 + 87
    assert report(dns, plan="start")["corrected"] == {}


def test_a_correction_ends_where_a_bill_of_ours_stands(dns: ApiClient) -> None:
    dns.set_clock(AUGUST)
    assert bills(dns, 1) == [550]
    body = said(plan="start", correct=True, actor="ana", reason="The order form had another plan.")
    assert "invoice" in is_problem(dns.send("PUT", ZONE, body, scope="host"), 409, "not_correctable")["detail"]


@pytest.mark.parametrize("out", ["suspended", "canceled"])
def test_half_a_year_out_of_service_is_told_and_is_one_bill(dns: ApiClient, out: str) -> None:
    """Out on 20 July, back on 10 January: not six invoices of ¥550, but the one that begins in January."""
    dns.set_clock("2027-07-20T03:00:00Z")
    assert report(dns, status=out)["resumed"] is None
    for month in ("08", "09", "10", "11", "12"):
        dns.set_clock(tokyo(f"2027-{month}-01"))
    dns.set_clock(RESUMED_AT)
    resumed = report(dns)["resumed"]
    assert resumed == {
        "policy": "restart_period",
        "outcome": "restarted",
        "out_since": "2027-07-20T03:00:00Z",
        "period_start": RESUMED_AT,
        "period_end": "2028-02-10T03:00:00Z",
        "anchor_day": 10,
        "moved_days": 0,
    }
    assert bills(dns, 1) == [550]
    period_ends(dns, "2028-02-10T03:00:00Z")
    assert bills(dns, 1) == [550]


def test_the_hosts_new_period_is_taken_and_told(dns: ApiClient) -> None:
    dns.set_clock("2027-07-20T03:00:00Z")
    report(dns, status="suspended")
    dns.set_clock(RESUMED_AT)
    new = {"period_start": tokyo("2028-01-01"), "period_end": tokyo("2028-02-01")}
    resumed = report(dns, **new, paid=True)["resumed"]
    assert (resumed["outcome"], resumed["period_start"], resumed["period_end"]) == (
        "reported",
        "2027-12-31T15:00:00Z",
        "2028-01-31T15:00:00Z",
    )
    dns.set_clock(tokyo("2028-02-01"))
    assert bills(dns, 1) == [550]


def test_a_suspension_of_a_day_keeps_the_promised_downgrade(frontend: Callable[..., ApiClient]) -> None:
    """August is billed as Basic, ¥550, not as Business, ¥3,300."""
    dns = frontend("dns")
    dns.new_service("zone", "business", "JPY", "JP", (JULY, AUGUST), "monthly")
    dns.set_clock("2027-07-17T03:00:00Z")
    quote = dns.call("POST", "/v1/quotes", {"service": "zone", "plan": "basic", "cycle": "monthly"})
    change_id = dns.request("zone", "basic", "monthly", "k1", {"quote": quote["id"]})
    dns.wait_for(change_id, "scheduled")
    dns.set_clock("2027-07-20T03:00:00Z")
    assert report(dns, plan="business", status="suspended")["canceled_plan_changes"] == []
    dns.set_clock("2027-07-21T03:00:00Z")
    assert report(dns, plan="business")["resumed"]["outcome"] == "kept"
    dns.set_clock(AUGUST)
    dns.wait_for(change_id, "awaiting_payment", "applying", "applied")
    assert bills(dns, 1) == [550]
