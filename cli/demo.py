"""The story that `planshift demo` tells through the HTTP API, as a frontend, a host system and a customer would."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx
import typer

PATIENCE_SECONDS = 60


class StoryFailed(Exception):
    """Something did not happen in time, or not as promised."""


class Frontend:
    """One provider's API, with the key for each role, and the systems around it."""

    def __init__(self, ready: dict[str, Any], provider: str) -> None:
        self.provider = provider
        self.ready = ready
        self._keys = ready["keys"][provider]
        self._http = httpx.Client(timeout=40, trust_env=False, follow_redirects=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def call(self, method: str, path: str, body: Any = None, scope: str = "frontend", **headers: str) -> Any:
        """The JSON answer. Raises StoryFailed with the problem's sentence."""
        response = self._http.request(
            method,
            self.ready["api"] + path,
            json=body,
            headers={"Authorization": f"Bearer {self._keys[scope]}", **headers},
        )
        if response.is_error:
            raise StoryFailed(f"{method} {path}: {response.text}")
        return response.json() if "json" in response.headers["content-type"] else response.content

    def new_service(
        self, ref: str, plan: str, currency: str, country: str, period: tuple[str, str], cycle: str
    ) -> None:
        """The host reports a customer and a service, and holds the service itself."""
        customer = {
            "name": f"Customer of {ref}",
            "email": f"{ref}@{self.provider}.invalid",
            "country": country,
            "address": ["1 Example Street"],
        }
        self.call("PUT", f"/v1/customers/{ref}", customer, scope="host")
        start, end = period
        service = {"customer": ref, "plan": plan, "cycle": cycle, "currency": currency, "status": "active"}
        self.call("PUT", f"/v1/services/{ref}", service | {"period_start": start, "period_end": end}, scope="host")
        self.host_has(ref, plan, self.call("GET", f"/v1/services/{ref}")["limits"], {})

    def host_has(self, ref: str, plan: str, limits: dict[str, int], usage: dict[str, int]) -> None:
        """Sets up the service at the sandbox's host."""
        hosted = {"account": self.provider, "plan": plan, "limits": limits, "usage": usage}
        self._http.put(f"{self.ready['host']}/services/{ref}", json=hosted).raise_for_status()

    def host_refuses_once(self) -> None:
        """The sandbox's host answers the next order with a definite no."""
        knobs = {"fail_times": 1, "fail_status": 422}
        self._http.put(f"{self.ready['host']}/_knobs/{self.provider}", json=knobs).raise_for_status()

    def set_clock(self, now: str) -> None:
        self.call("PUT", "/v1/test-clock", {"now": now})

    def request(self, ref: str, plan: str, cycle: str, key: str, accept: dict[str, Any]) -> str:
        """Asks for a change and returns its id."""
        body = {"service": ref, "plan": plan, "cycle": cycle, **accept}
        accepted = self.call("POST", "/v1/plan-changes", body, **{"Idempotency-Key": key})
        return str(accepted["id"])

    def wait_for(self, change_id: str, *statuses: str) -> dict[str, Any]:
        """The change, once it has one of the statuses."""

        def poll() -> dict[str, Any] | None:
            change: dict[str, Any] = self.call("GET", f"/v1/plan-changes/{change_id}", Prefer="wait=5")
            return change if change["status"] in statuses else None

        found: dict[str, Any] = until(poll, f"{change_id} to be {' or '.join(statuses)}")
        return found

    def pay(self, change: dict[str, Any]) -> None:
        """What a person does on the gateway's checkout page."""
        answer = self._http.post(change["payment"]["checkout_url"], data={"outcome": "pay"})
        answer.raise_for_status()

    def hosted(self, ref: str) -> dict[str, Any]:
        """What the host says the customer has."""
        answer = self._http.get(f"{self.ready['host']}/services/{ref}", params={"account": self.provider})
        answer.raise_for_status()
        document: dict[str, Any] = answer.json()
        return document

    def save_pdf(self, invoice_id: str, kind: str, folder: Path, name: str) -> str:
        """Waits until the document is printed, and writes it."""

        def poll() -> Any:
            invoice = self.call("GET", f"/v1/invoices/{invoice_id}")
            return next((found for found in invoice["documents"] if found["kind"] == kind), None)

        document = until(poll, f"the {kind} of {invoice_id}")
        file = folder / name
        file.write_bytes(self.call("GET", document["url"]))
        return str(file)


def until(poll: Callable[[], Any], what: str) -> Any:
    """Polls until there is something; raises StoryFailed after a minute."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if (found := poll()) is not None:
            return found
        time.sleep(0.1)
    raise StoryFailed(f"Waited {PATIENCE_SECONDS} s for {what}.")


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
