"""Every page and state of the portal as a picture, to be looked at: `make screens`, in var/screens/.

One folder a language, in it one for each device by day and in the dark. `python -m tests.portal.screens ja hi` takes
some languages.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Browser

from cli.sandbox import set_up_provider
from domain.words import LANGUAGES
from local.stack import Stack
from tests.conftest import catalog_named
from tests.portal.visitor import AUGUST, JULY, NOON_17_JULY, Visitor
from tests.support import loopback
from tests.support.browser import DEVICES, new_page
from tests.support.client import ApiClient
from tests.support.screen import picture, studio
from tests.support.waiting import until

YEAR = ("2027-01-01T03:00:00Z", "2028-01-01T03:00:00Z")
NAMES = {"en": "Harbor Books", "es": "Panadería Núñez", "ja": "青空ベーカリー", "hi": "सूर्य बेकरी"}
LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 24" width="120" height="24">'
    '<path fill="#0b5394" d="M0 4h16v16h-16z"/><path fill="#1b2430" d="M24 8h90v8h-90z"/></svg>'
)

Shot = tuple[str, str]


class Scene:
    """One customer of a provider, whose services stand where the pictures want them."""

    def __init__(self, ready: dict[str, Any], stack: Stack, sample: str, language: str) -> None:
        slug = f"{sample}-{language}-{secrets.token_hex(3)}"
        catalog = catalog_named(slug, sample)
        branded = catalog.model_copy(
            update={
                "invoice": catalog.invoice.model_copy(update={"logo": LOGO if sample == "dns" else None}),
                "web": catalog.web.model_copy(update={"support_url": "https://help.example/billing"}),
            }
        )
        keys = set_up_provider(branded, stack.addresses)
        self.api = ApiClient(ready | {"keys": {slug: keys}}, slug)
        self.dns = sample == "dns"
        self.language = language
        self.visitor: Visitor | None = None

    def service(self, ref: str, plan: str, quantity: int = 1, status: str = "active", **usage: int) -> None:
        currency, country = ("JPY", "JP") if self.dns else ("USD", "AR")
        self.api.call(
            "PUT",
            "/v1/customers/one",
            {
                "name": NAMES[self.language],
                "email": f"ana@{self.api.provider}.example",
                "country": country,
                "locale": self.language,
                "address": ["1-1"],
            },
            scope="host",
        )
        start_at, end_at = (JULY, AUGUST) if self.dns else YEAR
        body: dict[str, Any] = {
            "customer": "one",
            "plan": plan,
            "cycle": "monthly" if self.dns else "annual",
            "currency": currency,
        }
        body |= {"status": status, "period_start": start_at, "period_end": end_at, "quantity": quantity}
        self.api.call("PUT", f"/v1/services/{ref}", body, scope="host")
        limits = self.api.call("GET", f"/v1/services/{ref}")["limits"]
        hosted = {"account": self.api.provider, "plan": plan, "limits": limits, "usage": usage}
        loopback.put(f"{self.api.ready['host']}/services/{ref}", json=hosted).raise_for_status()
        self.api.call("PUT", f"/v1/services/{ref}/usage", usage, scope="host")

    def visit(self) -> Visitor:
        if self.visitor is None:
            self.visitor = Visitor(self.api, "one")
        return self.visitor

    def path(self, ref: str, *more: str) -> str:
        return "/".join([f"/portal/services/{self.visit().service_id(ref)}", *more])

    def ask(self, ref: str, plan: str, **values: str) -> tuple[str, str]:
        """Submits a change; its page, and the review's."""
        review = self.visit().review(plan, ref, **values)
        change = self.visit().submit(review, "/accept")
        return f"/portal/changes/{self.change(ref)['id']}" if change.is_success else "", review.url.path

    def change(self, ref: str, *statuses: str) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            [newest, *_] = self.api.call("GET", f"/v1/plan-changes?service={ref}")["items"]
            newest = self.api.call("GET", f"/v1/plan-changes/{newest['id']}")
            return newest if not statuses or newest["status"] in statuses else None

        return until(found, f"{ref} to be {statuses}")

    def press(self, ref: str, outcome: str) -> None:
        checkout = self.change(ref, "awaiting_payment")["payment"]["checkout_url"]
        loopback.post(checkout, data={"outcome": outcome}).raise_for_status()

    def host_refuses_once(self) -> None:
        knobs = {"fail_times": 1, "fail_status": 422}
        url = f"{self.api.ready['host']}/_knobs/{self.api.provider}"
        loopback.put(url, json=knobs).raise_for_status()

    def url(self) -> str:
        url: str = self.api.call(
            "POST", "/v1/portal-sessions", {"customer": "one", "locale": self.language}, scope="host"
        )["url"]
        return url


def dns_shots(scene: Scene) -> Iterator[Shot]:
    scene.service("expired", "basic", zones=2, records=40)
    scene.api.set_clock("2027-07-05T03:00:00Z")
    expired, _ = scene.ask("expired", "start")
    scene.change("expired", "awaiting_payment")
    scene.api.set_clock("2027-07-12T03:00:01Z")
    scene.change("expired", "expired")
    scene.api.set_clock(NOON_17_JULY)
    for ref, plan, zones in (
        ("active", "start", 8),
        ("five", "basic", 2),
        ("scheduled", "business", 7),
        ("waiting", "basic", 3),
        ("declined", "basic", 3),
        ("debit", "basic", 3),
        ("canceled", "basic", 3),
        ("applied", "basic", 3),
        ("stuck", "basic", 3),
        ("ending", "start", 2),
        ("suspended", "basic", 3),
    ):
        status = "suspended" if ref == "suspended" else "active"
        scene.service(ref, plan, 5 if ref == "five" else 1, status, zones=zones, records=zones * 40)
    changes = {ref: scene.ask(ref, "start") for ref in ("waiting", "declined", "debit", "canceled", "applied")}
    changes["scheduled"] = scene.ask("scheduled", "start")
    scene.change("scheduled", "scheduled")
    scene.press("declined", "decline")
    scene.press("debit", "pending")
    scene.press("applied", "pay")
    scene.change("applied", "applied")
    changes["stuck"] = scene.ask("stuck", "start")
    scene.change("stuck", "awaiting_payment")
    scene.host_refuses_once()
    scene.press("stuck", "pay")
    scene.change("stuck", "stuck")
    visitor = scene.visit()
    downgrade = visitor.review("basic", "ending").url.path
    replaces = visitor.review("start", "scheduled", cycle="annual").url.path
    # What is used has outgrown what was scheduled.
    scene.api.call("PUT", "/v1/services/scheduled/usage", {"zones": 14, "records": 400}, scope="host")
    scene.change("canceled", "awaiting_payment")
    visitor.submit(visitor.get(f"{changes['canceled'][0]}/cancel"), "/cancel")
    visitor.submit(visitor.get(scene.path("ending", "end")), "/end", at="period_end")
    waiting = scene.change("waiting", "awaiting_payment")["invoice"]["id"]
    yield "list", "/portal/services"
    for ref in ("active", "five", "scheduled", "waiting", "applied", "ending", "stuck", "suspended"):
        yield f"service-{ref}", scene.path(ref)
    yield "plans", scene.path("active", "change")
    yield "plans-annual", scene.path("active", "change?cycle=annual")
    yield "plans-five", scene.path("five", "change")
    yield "plans-scheduled", scene.path("scheduled", "change")
    yield "cycles", scene.path("five", "change", "start")
    yield "cycles-too-small", scene.path("active", "change", "basic")
    yield "review-upgrade", visitor.review("business", "five", cycle="monthly").url.path
    yield "review-downgrade", downgrade
    yield "review-replaces", replaces
    yield "pay", f"/portal/invoices/{waiting}"
    yield "pay-returned", f"/portal/invoices/{waiting}?returned=yes&updates=off"
    yield "pay-cancel", f"{changes['waiting'][0]}/cancel"
    for ref in ("declined", "debit", "canceled", "applied", "scheduled", "stuck"):
        yield f"change-{ref}", changes[ref][0]
    yield "change-expired", expired
    yield "scheduled-cancel", f"{changes['scheduled'][0]}/cancel"
    yield "end", scene.path("active", "end")
    yield "end-again", scene.path("ending", "end")
    yield "problem-not-found", "/portal/invoices/inv_0"


def hosting_shots(scene: Scene) -> Iterator[Shot]:
    for ref, plan in (("web", "web-m"), ("radio", "radio-500"), ("reviewed", "radio-100"), ("rejected", "radio-100")):
        used = {"listeners": 60} if "radio" in plan else {"disk_gb": 12}
        scene.service(ref, plan, 1, "active", **used)
    scene.api.set_clock("2027-07-01T12:00:00Z")
    visitor = scene.visit()
    reviewed, _ = scene.ask("reviewed", "vps-1")
    rejected, _ = scene.ask("rejected", "vps-1")
    rejected_id = scene.change("rejected", "awaiting_review")["id"]
    no = {"actor": "ana", "reason": "no servers are free"}
    scene.api.call("POST", f"/v1/plan-changes/{rejected_id}/reject", no, scope="ops")
    yield "hosting-list", "/portal/services"
    yield "hosting-plans", scene.path("web", "change")
    yield "hosting-other-category", scene.path("web", "change?category=vps")
    yield "hosting-radio-to-web", scene.path("radio", "change?category=web")
    yield "hosting-review-category", visitor.review("vps-1", "web", cycle="annual").url.path
    yield "hosting-review-request", visitor.review("vps-1", "radio", cycle="annual").url.path
    yield "hosting-end-and-order-anew", scene.path("web", "end?plan=web-s")
    yield "hosting-in-review", reviewed
    yield "hosting-rejected", rejected
    yield "hosting-service-in-review", scene.path("reviewed")
    yield "hosting-service-rejected", scene.path("rejected")


def take(language: str, ready: dict[str, Any], stack: Stack, browser: Browser) -> None:
    for sample, shots in (("dns", dns_shots), ("hosting", hosting_shots)):
        scene = Scene(ready, stack, sample, language)
        wanted = list(shots(scene))
        for device, size in DEVICES.items():
            page = new_page(browser, viewport=size)
            page.goto(scene.url())
            page.wait_for_url("**/portal/services")
            for number, (name, path) in enumerate(wanted, 1):
                picture(page, ready["api"] + path, language, device, f"{sample}-{number:02d}-{name}")
            page.context.close()


def main(languages: list[str]) -> None:
    with studio() as (ready, stack, browser):
        for language in languages:
            take(language, ready, stack, browser)


if __name__ == "__main__":
    main(sys.argv[1:] or list(LANGUAGES))
