"""Every page of the staff's as a picture, with its forms unfolded: `make screens`, in var/screens/staff/."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playwright.sync_api import Page

from cli.sandbox import set_up_provider
from tests.conftest import catalog_named, new_slug
from tests.staff.person import Person, asked
from tests.support import loopback
from tests.support.browser import DEVICES, new_page
from tests.support.client import AUGUST, JULY, ApiClient
from tests.support.screen import picture, studio

Shot = tuple[str, str]
NOTE = "Nos mudamos el viernes.\nSi se puede, antes de las 9."


def hosting_shots(hosting: ApiClient) -> Iterator[Shot]:
    change = asked(hosting, note=NOTE, name="Radio Núñez", locale="es")
    rejected = asked(hosting, "rejected", locale="es", name="Radio Sur")
    person = Person(hosting)
    person.submit(person.get(f"/changes/{rejected}"), "/reject", reason="no servers are free")
    for line, invoice in (("2027-07-01/1", ""), ("2027-07-01/2", "")):
        values = {"line": line, "amount": "50.00", "currency": "USD", "paid_on": "2027-07-01", "invoice": invoice}
        person.submit(person.get("/money"), "/record", reason="bank statement", **values)
    page = person.see("/", "Unmatched money").text
    [payment, *_] = re.findall(r"/staff/payments/mny_\w+", page)
    person.submit(person.get(payment), "/refund", reason="not ours", amount="12.50")
    refund = re.findall(r"/staff/refunds/\w+", person.see(payment, "The transfer came back").text)
    event = re.findall(r"/staff/events/\w+", person.get(payment).text)
    yield "waiting", "/staff/"
    yield "search-many", "/staff/search?q=radio"
    yield "search-nothing", "/staff/search?q=H-2027-1"
    yield "change-in-review", f"/staff/changes/{change}"
    yield "change-rejected", f"/staff/changes/{rejected}"
    yield "money", "/staff/money"
    yield "payment-unmatched", payment
    for path in refund[:1]:
        yield "refund", path
    for path in event[:1]:
        yield "event", path
    yield "problem-not-found", "/staff/changes/chg_0"


def dns_shots(dns: ApiClient) -> Iterator[Shot]:
    changes = {}
    dns.set_clock("2027-07-17T03:00:00Z")
    for ref in ("waiting", "applied", "stuck"):
        dns.new_service(ref, "basic", "JPY", "JP", (JULY, AUGUST), "monthly")
        accept = {"accept_total": {"amount": 373, "currency": "JPY"}}
        changes[ref] = dns.request(ref, "start", "monthly", ref, accept)
        if ref == "stuck":
            knobs = {"fail_times": 1, "fail_status": 422}
            loopback.put(f"{dns.ready['host']}/_knobs/{dns.provider}", json=knobs).raise_for_status()
        asked_for = dns.wait_for(changes[ref], "awaiting_payment")
        if ref != "waiting":
            dns.pay(asked_for)
            dns.wait_for(changes[ref], ref)
    applied = dns.wait_for(changes["applied"], "applied")
    person = Person(dns)
    page = person.see(f"/invoices/{applied['invoice']['id']}", "Invoice as PDF").text
    yield "stuck-waiting", "/staff/"
    for ref, change in changes.items():
        yield f"change-{ref}", f"/staff/changes/{change}"
    yield "invoice", f"/staff/invoices/{applied['invoice']['id']}"
    for kind in ("services", "customers", "payments"):
        found = re.findall(rf"/staff/{kind}/\w+", page)
        yield kind, found[0]
    yield "money-settled", "/staff/money"


def sign_in(page: Page, client: ApiClient) -> None:
    page.goto(f"{client.ready['api']}/staff/")
    page.get_by_label("Your name").fill("Ana")
    page.get_by_label("Operators' key").fill(client.ready["keys"][client.provider]["ops"])
    page.get_by_role("button", name="Sign in").click()


def main() -> None:
    with studio() as (ready, stack, browser):
        for sample, shots in (("hosting", hosting_shots), ("dns", dns_shots)):
            slug = new_slug(sample)
            keys = set_up_provider(catalog_named(slug, sample), stack.addresses)
            with ApiClient(ready | {"keys": {slug: keys}}, slug) as api:
                wanted = list(shots(api))
                for device, size in DEVICES.items():
                    page = new_page(browser, viewport=size)
                    picture(page, f"{ready['api']}/staff/sign-in", "staff", device, "sign-in")
                    sign_in(page, api)
                    for number, (name, path) in enumerate(wanted, 1):
                        picture(page, ready["api"] + path, "staff", device, f"{sample}-{number:02d}-{name}")
                    page.context.close()


if __name__ == "__main__":
    main()
