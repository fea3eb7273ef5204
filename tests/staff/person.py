"""A staff member without a browser: signs in with a key, reads pages, fills in the forms that a page really has."""

from __future__ import annotations

import httpx

from tests.support import loopback
from tests.support.client import ApiClient
from tests.support.forms import Form, form_of
from tests.support.waiting import until

# Morning of 1 July in Buenos Aires, and the calendar year around it.
JANUARY, NEXT_JANUARY = "2027-01-01T03:00:00Z", "2028-01-01T03:00:00Z"
JULY_1 = "2027-07-01T12:00:00Z"


class Person:
    """Somebody who works for a provider; signed in unless told otherwise."""

    def __init__(self, frontend: ApiClient, name: str = "Ana", signed_in: bool = True) -> None:
        self.frontend = frontend
        http = loopback.Client(base_url=frontend.ready["api"], follow_redirects=True)
        self.http = frontend.closed_with_it.enter_context(http)
        if signed_in:
            assert self.sign_in(self.key("ops"), name).url.path == "/staff/"

    def key(self, scope: str) -> str:
        key: str = self.frontend.ready["keys"][self.frontend.provider][scope]
        return key

    def sign_in(self, key: str, name: str = "Ana", next_page: str = "/", **headers: str) -> httpx.Response:
        values = {"key": key, "actor": name, "next": next_page}
        return self.http.post("/staff/sign-in", data=values, headers=headers)

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path if path.startswith("/staff") else f"/staff{path}")

    def search(self, text: str) -> httpx.Response:
        return self.http.get("/staff/search", params={"q": text})

    def see(self, path: str, text: str) -> httpx.Response:
        """Reads a page until it says this."""

        def poll() -> httpx.Response | None:
            page = self.get(path)
            return page if text in page.text else None

        return until(poll, f"{path} to say {text!r}")

    def form(self, page: httpx.Response, action_end: str) -> Form:
        return form_of(page, action_end)

    def submit(self, page: httpx.Response, action_end: str, **values: str) -> httpx.Response:
        """Sends the page's form whose action ends like this."""
        form = self.form(page, action_end)
        return self.http.post(form.action, data=form.values | values)


def asked(hosting: ApiClient, ref: str = "radio", note: str = "", **customer: str) -> str:
    """Radio 100 for 2027 asks for VPS 1, which the catalogue leaves to staff: 250 less 80 are 170 dollars. Returns the
    id of the change, which is in review."""
    hosting.new_service(ref, "radio-100", "USD", "AR", (JANUARY, NEXT_JANUARY), "annual")
    if customer:
        body = {"name": ref, "email": f"{ref}@{hosting.provider}.invalid", "country": "AR", "address": ["1 Street"]}
        hosting.call("PUT", f"/v1/customers/{ref}", body | customer, scope="host")
    hosting.set_clock(JULY_1)
    accept = {"accept_total": {"amount": 17_000, "currency": "USD"}} | ({"note": note} if note else {})
    change_id = hosting.request(ref, "vps-1", "annual", f"ask-{ref}", accept)
    hosting.wait_for(change_id, "awaiting_review")
    return change_id
