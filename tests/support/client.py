"""The tests' client of the HTTP API, and of what stands around it: the sandbox's host and its checkout page."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import httpx

from tests.support import loopback
from tests.support.documented import check_documented
from tests.support.waiting import until

# Midnights in Tokyo.
JULY, AUGUST = "2027-06-30T15:00:00Z", "2027-07-31T15:00:00Z"


def is_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Every error is a problem document with a stable type and a sentence."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert (document["code"], document["type"]) == (code, f"urn:planshift:problem:{code}")
    assert document["status"] == status
    assert len(document["detail"]) > 20
    assert response.headers["x-request-id"].startswith("req_")
    return document


class Refused(Exception):
    """The API answered with an error; the message has its whole document."""


class ApiClient:
    """One provider's API, with the key for each scope. Closes its connection at the end of `with`."""

    def __init__(self, ready: dict[str, Any], provider: str) -> None:
        """`ready` is what `planshift up` prints, with the provider's keys."""
        self.provider = provider
        self.ready = ready
        self.closed_with_it = ExitStack()
        self._http = self.closed_with_it.enter_context(loopback.Client())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closed_with_it.close()

    def send(self, method: str, path: str, body: Any = None, scope: str = "frontend", **headers: str) -> httpx.Response:
        """The answer as it is, an error or a redirection, too; it is held against the OpenAPI document. A body of bytes
        is sent as it is."""
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        headers = {"Content-Type": "application/json"} | self._login(scope) | headers
        answer = self._http.request(method, self.ready["api"] + path, headers=headers, **content)
        check_documented(answer)
        return answer

    def call(self, method: str, path: str, body: Any = None, scope: str = "frontend", **headers: str) -> Any:
        """The JSON answer, or the bytes of a document. Raises Refused."""
        response = self.send(method, path, body, scope, **headers)
        while response.next_request is not None:
            response = self._http.send(response.next_request)
        if response.is_error:
            raise Refused(f"{method} {path}: {response.text}")
        return response.json() if "json" in response.headers["content-type"] else response.content

    def new_service(
        self,
        ref: str,
        plan: str,
        currency: str,
        country: str,
        period: tuple[str, str],
        cycle: str,
        owner: str | None = None,
    ) -> None:
        """The host reports a customer and a service, and holds the service itself; `owner` is a customer reported
        before."""
        customer = {
            "name": f"Customer of {ref}",
            "email": f"{ref}@{self.provider}.invalid",
            "country": country,
            "address": ["1 Example Street"],
        }
        if owner is None:
            self.call("PUT", f"/v1/customers/{ref}", customer, scope="host")
        start, end = period
        service = {"customer": owner or ref, "plan": plan, "cycle": cycle, "currency": currency, "status": "active"}
        self.call("PUT", f"/v1/services/{ref}", service | {"period_start": start, "period_end": end}, scope="host")
        limits = self.call("GET", f"/v1/services/{ref}")["limits"]
        hosted = {"account": self.provider, "plan": plan, "limits": limits, "usage": {}}
        self._http.put(f"{self.ready['host']}/services/{ref}", json=hosted).raise_for_status()

    def set_clock(self, now: str) -> None:
        self.call("PUT", "/v1/test-clock", {"now": now})

    def request(self, ref: str, plan: str, cycle: str, key: str, accept: dict[str, Any]) -> str:
        """Asks for a change and returns its id."""
        body = {"service": ref, "plan": plan, "cycle": cycle, **accept}
        accepted = self.call("POST", "/v1/plan-changes", body, **{"Idempotency-Key": key})
        return str(accepted["id"])

    def wait_for(self, change_id: str, *statuses: str) -> dict[str, Any]:
        """The change, once it has one of the statuses. Raises NotInTime."""

        def poll() -> dict[str, Any] | None:
            change: dict[str, Any] = self.call("GET", f"/v1/plan-changes/{change_id}", Prefer="wait=5")
            return change if change["status"] in statuses else None

        return until(poll, f"{change_id} to be {' or '.join(statuses)}")

    def pay(self, change: dict[str, Any]) -> None:
        """What a person does on the gateway's checkout page, who then goes where the page leads."""
        url = change["payment"]["checkout_url"]
        self._http.post(url, data={"outcome": "pay"}, follow_redirects=True).raise_for_status()

    def hosted(self, ref: str) -> dict[str, Any]:
        """What the host says the customer has."""
        answer = self._http.get(f"{self.ready['host']}/services/{ref}", params={"account": self.provider})
        document: dict[str, Any] = answer.raise_for_status().json()
        return document

    def _login(self, scope: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.ready['keys'][self.provider][scope]}"}
