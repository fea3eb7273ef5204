"""A service ends through HTTP, by a Celery message and on the command line, on the running stack: dates and yen."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from kombu import Exchange, Queue
from sqlalchemy import select

from cli.sandbox import sample_catalogs
from models.database import transaction
from models.rejected import RejectedMessage
from tests.conftest import Running
from tests.support.client import ApiClient, is_problem
from tests.support.waiting import until

JULY, AUGUST = "2027-06-30T15:00:00Z", "2027-07-31T15:00:00Z"
PATH = "/v1/services/zone/cancellations"


@pytest.fixture
def dns(frontend: Callable[..., ApiClient]) -> ApiClient:
    """Business for ¥3,000 a month, at noon of 17 July 2027 in Tokyo."""
    dns = frontend("dns")
    dns.new_service("zone", "business", "JPY", "JP", (JULY, AUGUST), "monthly")
    dns.set_clock("2027-07-17T03:00:00Z")
    return dns


def yen(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "JPY"}


def latest(dns: ApiClient, *statuses: str) -> dict[str, Any]:
    """The service's newest ending, once it has one of the statuses."""

    def poll() -> dict[str, Any] | None:
        items = dns.call("GET", PATH)["items"]
        return items[0] if items and items[0]["status"] in statuses else None

    found: dict[str, Any] = until(poll, f"an ending to be {' or '.join(statuses)}")
    return found


def invoices(dns: ApiClient) -> list[dict[str, Any]]:
    """The service's invoices, once there are some."""
    found: list[dict[str, Any]] = until(
        lambda: dns.call("GET", "/v1/invoices?service=zone")["items"] or None, "an invoice of the service"
    )
    return found


def command(*words: str) -> str:
    planshift = str(Path(sys.executable).with_name("planshift"))
    done = subprocess.run(
        [planshift, *words], env=dict(os.environ), timeout=60, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_at_the_periods_end_by_default(dns: ApiClient) -> None:
    """Nobody bills August; the host is told on 1 August."""
    ending = dns.call("POST", PATH, {})
    assert (ending["at"], ending["status"], ending["ends_at"], ending["revocable"]) == (
        "period_end",
        "scheduled",
        AUGUST,
        True,
    )
    assert dns.call("GET", "/v1/services/zone")["ends_at"] == AUGUST
    is_problem(dns.send("POST", PATH, {}), 409, "ending_open")
    dns.set_clock(AUGUST)
    assert latest(dns, "ended")["credit"] == yen(0)
    assert dns.call("GET", "/v1/services/zone")["status"] == "canceled"
    assert dns.hosted("zone")["ended"] is True
    assert dns.call("GET", "/v1/invoices?service=zone")["items"] == []
    is_problem(dns.send("DELETE", PATH), 409, "service_ended")


def test_taken_back_it_renews_as_ever(dns: ApiClient) -> None:
    """Twice is once; ¥3,300 for August."""
    dns.call("POST", PATH, {"at": "period_end"})
    dns.set_clock("2027-07-31T14:59:00Z")
    assert [dns.call("DELETE", PATH)["status"] for _ in range(2)] == ["withdrawn", "withdrawn"]
    assert dns.call("GET", "/v1/services/zone")["ends_at"] is None
    dns.set_clock(AUGUST)
    assert [invoice["total"] for invoice in invoices(dns)] == [yen(3300)]


def test_at_once_what_was_shown_is_what_is_given(dns: ApiClient) -> None:
    """15 of 31 days: 1452 and 145 of tax. The same key answers in the same way; the credit note is printed."""
    shown = dns.call("GET", f"{PATH}/preview?at=now")
    assert (shown["credit"], shown["lost"], shown["pays_invoices"]) == (yen(1597), yen(0), yen(0))
    assert [(line["kind"], line["amount"]["amount"]) for line in shown["lines"]] == [("credit", -1452), ("tax", -145)]
    is_problem(dns.send("POST", PATH, {"at": "now", "accept_credit": yen(1600)}), 409, "credit_changed")
    body, key = {"at": "now", "accept_credit": shown["credit"], "reason": "moves away"}, {"Idempotency-Key": "bye"}
    first, again = (dns.send("POST", PATH, body, "frontend", **key) for _ in range(2))
    assert (first.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
    assert first.json() == again.json()
    is_problem(dns.send("POST", PATH, {"at": "period_end"}, "frontend", **key), 422, "idempotency_key_reused")
    ended = latest(dns, "ended")
    note = dns.call("GET", f"/v1/invoices/{ended['credit_note']}")
    assert (note["kind"], note["total"]) == ("credit_note", yen(-1597))
    until(lambda: dns.call("GET", f"/v1/invoices/{ended['credit_note']}")["documents"] or None, "its PDF")
    assert dns.call("GET", f"/v1/invoices/{ended['credit_note']}/pdf").startswith(b"%PDF")
    assert dns.call("GET", "/v1/customers/zone/balance")["credit"] == [yen(1597)]
    is_problem(dns.send("POST", "/v1/quotes", {"service": "zone", "plan": "basic", "cycle": "monthly"}), 409,
               "service_not_active")  # fmt: skip


def test_what_cannot_be_asked(dns: ApiClient) -> None:
    is_problem(dns.send("DELETE", PATH), 409, "no_ending")
    is_problem(dns.send("POST", PATH, {"at": "tomorrow"}), 422, "invalid_request")
    is_problem(dns.send("POST", "/v1/services/other/cancellations", {}), 404, "unknown_service")
    is_problem(dns.send("GET", f"{PATH}/preview?at=then"), 422, "invalid_request")


@pytest.fixture
def sender(running: Running) -> Celery:
    app = Celery("frontend", broker=running.stack.addresses.broker, set_as_current=False)
    app.conf.task_queues = [Queue("requests", Exchange("requests"), routing_key="requests")]
    return app


def test_by_a_celery_message(sender: Celery, dns: ApiClient) -> None:
    """Sent twice with one key it is one ending; one that cannot be is kept for operators."""

    def send(key: str) -> None:
        message = {"provider": dns.provider, "service": "zone", "at": "now", "idempotency_key": key}
        sender.send_task("planshift.request_cancellation", kwargs=message, queue="requests", ignore_result=True)

    send("bye")
    send("bye")
    ended = latest(dns, "ended")
    send("again")  # not before: who takes messages takes several at once
    assert (ended["idempotency_key"], ended["credit"]) == ("bye", yen(1597))

    def rejected() -> list[str] | None:
        with transaction() as session:
            query = select(RejectedMessage.reason).where(
                RejectedMessage.message["message"].astext.contains(dns.provider)
            )
            return list(session.scalars(query)) or None

    assert "has ended" in until(rejected, "the rejected message")[0]
    assert len(dns.call("GET", PATH)["items"]) == 1


def test_staff_end_and_keep_on_the_command_line(dns: ApiClient, running: Running) -> None:
    who = ("--provider", dns.provider, "--actor", "ana", "--reason", "asked by telephone")
    assert "1597 JPY given back" in command("services", "ending", "zone", "--provider", dns.provider, "--now")
    assert "ends at 2027-07-31T15:00:00+00:00" in command("services", "end", "zone", *who)
    assert "is kept" in command("services", "keep", "zone", *who)
    command("services", "end", "zone", "--now", *who)
    assert latest(dns, "ended")["credit"] == yen(1597)


def test_staff_decide_about_a_renewal_that_nobody_had(frontend: Callable[..., ApiClient], running: Running) -> None:
    """Kept by policy, then void by route: the checkout is closed, and nothing is owed."""
    [policies] = [catalog.policies for catalog in sample_catalogs() if catalog.provider == "dns"]
    dns = frontend("dns", policies=policies.model_copy(update={"ended_invoice": "keep"}))
    dns.new_service("zone", "business", "JPY", "JP", (JULY, AUGUST), "monthly")
    dns.set_clock(AUGUST)
    invoice = invoices(dns)[0]["id"]
    ana = {"actor": "ana", "reason": "ended on the same day"}
    is_problem(dns.send("POST", f"/v1/invoices/{invoice}/void", ana, scope="ops"), 409, "not_decidable")
    service = dns.call("GET", "/v1/services/zone")
    names = ("customer", "plan", "cycle", "currency", "period_start", "period_end")
    dns.call("PUT", "/v1/services/zone", {name: service[name] for name in names} | {"status": "canceled"}, "host")
    assert "stays owed" in command("invoices", "keep", invoice, "--actor", "ana", "--reason", "it was used")
    assert dns.call("GET", f"/v1/invoices/{invoice}")["status"] == "open"
    is_problem(dns.send("POST", f"/v1/invoices/{invoice}/void", ana), 403, "missing_scope")
    assert dns.call("POST", f"/v1/invoices/{invoice}/void", ana, scope="ops")["status"] == "settled"
    assert sorted(one["kind"] for one in invoices(dns)) == ["credit_note", "invoice"]
