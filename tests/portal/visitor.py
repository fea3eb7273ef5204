"""A customer without a browser: follows links, keeps the cookie, fills in the forms that a page really has."""

from __future__ import annotations

import httpx

from models.customer import Service, service_by_ref
from models.database import transaction
from models.provider import provider_by_slug
from tests.support import loopback
from tests.support.client import ApiClient
from tests.support.forms import Form, form_of, forms_of
from tests.support.waiting import until

# Midnights in Tokyo, and a noon between them.
JULY, AUGUST = "2027-06-30T15:00:00Z", "2027-07-31T15:00:00Z"
NOON_17_JULY = "2027-07-17T03:00:00Z"


class Visitor:
    """One customer of a provider, signed in; None is nobody yet."""

    def __init__(self, frontend: ApiClient, customer: str | None = "zone") -> None:
        self.frontend = frontend
        http = loopback.Client(base_url=frontend.ready["api"], follow_redirects=True)
        self.http = frontend.closed_with_it.enter_context(http)
        if customer is not None:
            self.enter(customer)

    def enter(self, customer: str) -> None:
        link = self.frontend.call("POST", "/v1/portal-sessions", {"customer": customer}, scope="host")["url"]
        assert self.follow(link).url.path == "/portal/services"

    def follow(self, link: str) -> httpx.Response:
        """A signed link, and the form that it shows."""
        return self.submit(self.get(link), "/enter")

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def submit(self, page: httpx.Response, action_end: str, **values: str) -> httpx.Response:
        """Sends the page's form whose action ends like this."""
        form = self.form(page, action_end)
        return self.http.post(form.action, data=form.values | values)

    @staticmethod
    def forms(page: httpx.Response) -> list[Form]:
        """All of a page's forms."""
        return forms_of(page)

    @staticmethod
    def form(page: httpx.Response, action_end: str) -> Form:
        return form_of(page, action_end)

    def review(self, plan: str, service: str = "zone", **values: str) -> httpx.Response:
        """From the service to the review page of a change to this plan."""
        cycles = self.get(f"/portal/services/{self.service_id(service)}/change/{plan}")
        return self.submit(cycles, "/quotes", **values)

    def service_id(self, ref: str = "zone") -> str:
        with transaction() as session:
            provider = provider_by_slug(session, self.frontend.provider)
            assert provider is not None
            service: Service | None = service_by_ref(session, provider.id, ref)
            assert service is not None
            return service.id

    def changes(self) -> list[dict[str, object]]:
        """What the API says there is."""
        items: list[dict[str, object]] = self.frontend.call("GET", "/v1/plan-changes?service=zone")["items"]
        return items

    def see(self, path: str, text: str) -> httpx.Response:
        """Reads a page until it says this."""

        def poll() -> httpx.Response | None:
            page = self.get(path)
            return page if text in page.text else None

        return until(poll, f"{path} to say {text!r}")


def visitor(frontend: ApiClient, plan: str = "basic", ref: str = "zone") -> Visitor:
    """A customer in Japan with one service that is paid in dollars by the month, seen on 17 July 2027 at noon."""
    frontend.new_service(ref, plan, "USD", "JP", (JULY, AUGUST), "monthly")
    frontend.set_clock(NOON_17_JULY)
    return Visitor(frontend, ref)
