"""The story that `planshift demo` tells through the HTTP API, as a frontend, a host system and a customer would."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import typer

from cli.frontend import Frontend


def run_stories(ready: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Runs both providers' stories and returns what the last line of the demo says."""
    folder.mkdir(parents=True, exist_ok=True)
    dns, hosting = Frontend(ready, "dns"), Frontend(ready, "hosting")
    result: dict[str, Any] = {
        "upgrade": _upgrade(dns, folder),
        "downgrade": _downgrade(dns, folder),
        "full_difference": _full_difference(hosting, folder),
        "refused_downgrade": _refused_downgrade(hosting),
    }
    result["ledger_balanced"] = _ledger_balanced()
    show(f"The ledger balances: {result['ledger_balanced']}")
    return result


def _upgrade(dns: Frontend, folder: Path) -> dict[str, Any]:
    show("dns · A customer on Basic (¥500 a month, 1 July to 1 August) asks for Business on 17 July")
    dns.new_service("demo-upgrade", "basic", "JPY", "JP", ("2027-06-30T15:00:00Z", "2027-07-31T15:00:00Z"), "monthly")
    dns.set_clock("2027-07-17T03:00:00Z")
    quote = dns.call("POST", "/v1/quotes", {"service": "demo-upgrade", "plan": "business", "cycle": "monthly"})
    for line in quote["lines"]:
        show(f"      {line['description']}: {line['arithmetic']}")
    show(f"      total due today {money(quote['total_due_today'])}")
    change_id = dns.request("demo-upgrade", "business", "monthly", "demo-upgrade-1", {"quote": quote["id"]})
    change = dns.wait_for(change_id, "awaiting_payment")
    dns.save_pdf(change["invoice"]["id"], "proforma", folder, "upgrade-proforma.pdf")
    show("      the proforma invoice is printed; the customer pays at the gateway")
    dns.pay(change)
    change = dns.wait_for(change_id, "applied")
    pdf = dns.save_pdf(change["invoice"]["id"], "invoice", folder, "upgrade-invoice.pdf")
    show(f"      paid and applied: the host says {dns.hosted('demo-upgrade')['plan']}; invoice {pdf}")
    return {
        "status": change["status"],
        "total_due_today": quote["total_due_today"],
        "invoice": change["invoice"]["number"],
        "pdf": pdf,
    }


def _downgrade(dns: Frontend, folder: Path) -> dict[str, Any]:
    show("dns · The same day, a customer on Start asks for Basic")
    dns.new_service("demo-downgrade", "start", "USD", "US", ("2027-06-30T15:00:00Z", "2027-07-31T15:00:00Z"), "monthly")
    quote = dns.call("POST", "/v1/quotes", {"service": "demo-downgrade", "plan": "basic", "cycle": "monthly"})
    change_id = dns.request("demo-downgrade", "basic", "monthly", "demo-downgrade-1", {"quote": quote["id"]})
    change = dns.wait_for(change_id, "scheduled")
    show(f"      nothing to pay; scheduled for {change['effective_at']}. The clock moves to the renewal")
    dns.set_clock("2027-07-31T15:00:00Z")
    change = dns.wait_for(change_id, "applied")
    show(f"      renewed and applied: the host says {dns.hosted('demo-downgrade')['plan']}")
    invoices = dns.call("GET", "/v1/invoices?service=demo-downgrade")["items"]
    pdf = dns.save_pdf(invoices[0]["id"], "invoice", folder, "downgrade-renewal-invoice.pdf")
    return {
        "status": change["status"],
        "requested_at": change["received_at"],
        "applied_at": change["timeline"][-1]["at"],
        "renewal_invoice": invoices[0]["number"],
        "pdf": pdf,
    }


def _full_difference(hosting: Frontend, folder: Path) -> dict[str, Any]:
    show("hosting · A customer paid $100 for a year of Web S and asks for Web M ($150) in mid-year")
    year = ("2027-01-01T03:00:00Z", "2028-01-01T03:00:00Z")
    hosting.new_service("demo-difference", "web-s", "USD", "AR", year, "annual")
    hosting.set_clock("2027-07-01T12:00:00Z")
    quote = hosting.call("POST", "/v1/quotes", {"service": "demo-difference", "plan": "web-m", "cycle": "annual"})
    show(f"      {money(quote['to']['price'])} less the {money(quote['from']['price'])} that were paid:")
    show(f"      total due today {money(quote['total_due_today'])}")
    change_id = hosting.request("demo-difference", "web-m", "annual", "demo-difference-1", {"quote": quote["id"]})
    hosting.pay(hosting.wait_for(change_id, "awaiting_payment"))
    change = hosting.wait_for(change_id, "applied")
    pdf = hosting.save_pdf(change["invoice"]["id"], "invoice", folder, "full-difference-invoice.pdf")
    show(f"      paid and applied: the host says {hosting.hosted('demo-difference')['plan']}; invoice {pdf}")
    return {
        "status": change["status"],
        "total_due_today": quote["total_due_today"],
        "invoice": change["invoice"]["number"],
        "pdf": pdf,
    }


def _refused_downgrade(hosting: Frontend) -> dict[str, Any]:
    show("hosting · A customer on Web L asks for Web S")
    year = ("2027-01-01T03:00:00Z", "2028-01-01T03:00:00Z")
    hosting.new_service("demo-refused", "web-l", "USD", "AR", year, "annual")
    nothing = {"accept_total": {"amount": 0, "currency": "USD"}}
    change_id = hosting.request("demo-refused", "web-s", "annual", "demo-refused-1", nothing)
    change = hosting.wait_for(change_id, "refused")
    show(f"      refused: {change['reason_text']}")
    return {"status": change["status"], "reason": change["reason_text"], "code": change["reason"]}


def _ledger_balanced() -> bool:
    from sqlalchemy import select

    from models.database import transaction
    from models.ledger import trial_balance
    from models.provider import Provider

    with transaction() as session:
        providers = session.scalars(select(Provider.id)).all()
        return not any(any(trial_balance(session, provider_id).values()) for provider_id in providers)


_started = time.monotonic()


def show(what: str) -> None:
    """One line of the timeline, with the seconds since the start."""
    typer.echo(f"{time.monotonic() - _started:6.1f} s  {what}")


def money(amount: dict[str, Any]) -> str:
    from domain.money import Money

    value = Money.from_json(amount)
    return f"{value.major()} {value.currency}"
