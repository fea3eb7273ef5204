"""How long a read takes: of the API, of the portal, of the staff pages, one request after the other over a connection
that is kept.

The whole stack runs beside it, as `planshift up` starts it, on PostgreSQL with fsync on. The provider has years of
renewals behind it, and changes that went through the whole story. Run: python -m benchmarks.reads
"""

from __future__ import annotations

import json
import secrets
import statistics
import sys
import time
from contextlib import ExitStack
from typing import Any

import httpx
from sqlalchemy import select, text

from cli.stack import start
from engine.accounts.providers import required_connection, required_provider
from local.folders import temporary_folder
from local.stack import Stack
from models.customer import Customer
from models.database import engine, transaction
from models.invoice import Invoice
from models.payment import Payment
from tests.portal.visitor import NOON_17_JULY, Visitor
from tests.staff.person import Person
from tests.support import loopback
from tests.support.client import AUGUST, JULY, ApiClient
from tests.support.large import write_history
from tests.support.waiting import until

REQUESTS, WARM_UP = 200, 10
LONGEST_SECONDS = 30  # of a group: a slow machine has fewer requests of each
CHANGES = 55  # more than a page of a list
SERVICES, RENEWALS = 99, 36


def run() -> dict[str, Any]:
    """{"api" | "portal" | "staff": {what is read: {"p50_ms", "p99_ms", "requests"}}, "slowest_p50_ms": {…},
    "invoices"}."""
    with temporary_folder("bench-reads") as folder, Stack(folder) as stack, ExitStack() as clients:
        ready = start(stack, secrets.token_urlsafe(32))
        dns = clients.enter_context(ApiClient(ready, "dns"))
        refs = [f"zone-{number}" for number in range(CHANGES)]
        for ref in refs:
            dns.new_service(ref, "basic", "JPY", "JP", (JULY, AUGUST), "monthly")
        dns.set_clock(NOON_17_JULY)
        _write_history(refs[0])
        to_pay, change = _changes(dns, refs)
        change |= {"quote": dns.call("POST", "/v1/quotes", _wish(change["service"], "start"))}
        api = clients.enter_context(loopback.Client(base_url=ready["api"]))
        api.headers["Authorization"] = f"Bearer {ready['keys']['dns']['frontend']}"
        customer, payer = Visitor(dns, change["customer"]), Visitor(dns, to_pay["customer"])
        found = {
            "api": _measured(api, _api(change)),
            "portal": _measured(customer.http, _portal(change, customer))
            | _measured(payer.http, {"an invoice to pay": f"/portal/invoices/{to_pay['invoice']['id']}"}),
            "staff": _measured(Person(dns).http, _staff(change)),
        }
        engine().dispose()
    slowest = {group: max(one["p50_ms"] for one in reads.values()) for group, reads in found.items()}
    return found | {"slowest_p50_ms": slowest, "invoices": SERVICES * RENEWALS + CHANGES}


def _wish(service: str, plan: str) -> dict[str, str]:
    return {"service": service, "plan": plan, "cycle": "monthly"}


def _changes(dns: ApiClient, refs: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Upgrades all services: the last one's waits for its payment, the others are paid and applied. Returns the last
    and the first."""
    for ref in refs:
        quote = dns.call("POST", "/v1/quotes", _wish(ref, "business"))
        dns.request(ref, "business", "monthly", f"order-{ref}", {"quote": quote["id"]})
    to_pay, *others = _all_in(dns, "awaiting_payment", CHANGES)
    for change in others:
        dns.pay(change)
    return to_pay, _all_in(dns, "applied", CHANGES - 1)[-1]


def _all_in(dns: ApiClient, status: str, count: int) -> list[dict[str, Any]]:
    """So many changes that have come to this status."""

    query = f"status={status}&since={NOON_17_JULY}&limit=200"

    def listed() -> list[dict[str, Any]] | None:
        found: list[dict[str, Any]] = dns.call("GET", f"/v1/plan-changes?{query}")["items"]
        return found if len(found) == count else None

    return until(listed, f"{count} changes to be {status}", seconds=120, pause_seconds=1)


def _write_history(customer_ref: str) -> None:
    """Years of renewals of the customer whose pages are read."""
    with transaction() as session:
        provider = required_provider(session, "dns")
        customer = select(Customer.id).where(Customer.provider_id == provider.id, Customer.ref == customer_ref)
        values = {
            "provider": provider.id,
            "customer": session.scalars(customer).one(),
            "connection": required_connection(session, provider.id, "gateway").id,
            "clock": NOON_17_JULY,
            "services": SERVICES,
            "renewals": RENEWALS,
            "mark": "00",  # ids that sort before all others: the newest rows are those of the changes
        }
        write_history(session, values)
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _api(change: dict[str, Any]) -> dict[str, str]:
    """Lists have as many rows as where nobody says a limit."""
    return {
        "a plan change": f"/v1/plan-changes/{change['id']}",
        "a service": f"/v1/services/{change['service']}",
        "an invoice": f"/v1/invoices/{change['invoice']['id']}",
        "a quote": f"/v1/quotes/{change['quote']['id']}",
        "a customer": f"/v1/customers/{change['customer']}",
        "account credit": f"/v1/customers/{change['customer']}/balance",
        "plans": "/v1/plans",
        "plan options": f"/v1/services/{change['service']}/plan-options",
        "50 plan changes": "/v1/plan-changes",
        "50 services": "/v1/services",
        "50 invoices": "/v1/invoices",
        "50 customers": "/v1/customers",
    }


def _portal(change: dict[str, Any], customer: Visitor) -> dict[str, str]:
    service = f"/portal/services/{customer.service_id(change['service'])}"
    return {
        "50 services": "/portal/services",
        "a service": service,
        "plans": f"{service}/change",
        "cycles": f"{service}/change/start",
        "a quote": f"/portal/quotes/{change['quote']['id']}",
        "an invoice": f"/portal/invoices/{change['invoice']['id']}",
        "an ending": f"{service}/end",
    }


def _staff(change: dict[str, Any]) -> dict[str, str]:
    with transaction() as session:
        invoice = session.get_one(Invoice, change["invoice"]["id"])
        payment = session.scalars(select(Payment.id).where(Payment.invoice_id == invoice.id)).one()
    return {
        "what waits": "/staff/",
        "a search": f"/staff/search?q={change['customer']}",
        "a change": f"/staff/changes/{change['id']}",
        "a service": f"/staff/services/{invoice.service_id}",
        "a customer": f"/staff/customers/{invoice.customer_id}",
        "an invoice": f"/staff/invoices/{invoice.id}",
        "money": "/staff/money",
        "a payment": f"/staff/payments/{payment}",
    }


def _measured(client: httpx.Client, reads: dict[str, str]) -> dict[str, dict[str, float]]:
    """By turns, so that what disturbs the machine for a second disturbs all of them."""
    times: dict[str, list[float]] = {name: [] for name in reads}
    end = time.monotonic() + LONGEST_SECONDS
    for turn in range(WARM_UP + REQUESTS):
        if time.monotonic() > end and turn > 2 * WARM_UP:
            break
        for name, path in reads.items():
            seconds = _seconds(client, path)
            if turn >= WARM_UP:
                times[name].append(seconds)
    return {name: _spread(found) for name, found in times.items()}


def _seconds(client: httpx.Client, path: str) -> float:
    """Until the whole answer is here. Raises RuntimeError for any other than 200."""
    began = time.perf_counter()
    answer = client.get(path, follow_redirects=False)
    seconds = time.perf_counter() - began
    if answer.status_code != 200:
        raise RuntimeError(f"{path} answered {answer.status_code}: {answer.text[:300]}")
    return seconds


def _spread(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    p99 = ordered[int(len(ordered) * 0.99)]
    p50 = statistics.median(ordered)
    return {"p50_ms": round(p50 * 1000, 1), "p99_ms": round(p99 * 1000, 1), "requests": len(ordered)}


if __name__ == "__main__":
    json.dump(run(), sys.stdout, indent=2)
    print()
