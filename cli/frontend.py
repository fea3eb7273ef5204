"""A client of the HTTP API for the commands that play a frontend, a host system and a customer on the sandbox."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx

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
