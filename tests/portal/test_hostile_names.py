"""Whatever somebody else writes is shown as it was written: no name becomes part of a page, or makes it too wide."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

from tests.conftest import catalog_named
from tests.portal.visitor import Visitor
from tests.support.browser import new_page, open_browser
from tests.support.client import ApiClient

SCRIPT = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{plan}"
# What our pages bring themselves.
OWN = re.compile(r'<script src="/portal/static/\w+\.js\?v=\w+" defer></script>')
NARROW = {"width": 320, "height": 640}
# A note may hold what no document could print.
NOTE = "لو سمحتم 🙏 " + "W" * 300
YEAR = ("2027-01-01T03:00:00Z", "2028-01-01T03:00:00Z")
EVERY_LANGUAGE = dict.fromkeys(("en", "es", "ja", "hi"), SCRIPT)


def hostile_names() -> dict[str, Any]:
    """What a catalogue of the Spanish provider says when every name is a script."""
    hosting = catalog_named("hosting", "hosting")
    seller = hosting.seller.model_copy(update={"name": SCRIPT, "address": (SCRIPT,), "tax_id": SCRIPT})
    cycles = {key: one.model_copy(update={"label": EVERY_LANGUAGE}) for key, one in hosting.cycles.items()}
    told = hosting.rules[0].reason
    assert told is not None
    forbidden = hosting.rules[0].model_copy(update={"reason": told.model_copy(update={"text": EVERY_LANGUAGE})})
    return {
        "name": SCRIPT,
        "seller": seller,
        "cycles": cycles,
        "rules": (forbidden, *hosting.rules[1:]),
        "plans": tuple(plan.model_copy(update={"name": SCRIPT + plan.id}) for plan in hosting.plans),
        "categories": dict.fromkeys(hosting.categories, EVERY_LANGUAGE),
        "limit_names": dict.fromkeys(hosting.limit_names, EVERY_LANGUAGE),
    }


def harmless(page: httpx.Response) -> None:
    """It is on the page, and nothing of it is markup; nor is a name taken for a sentence with places to fill."""
    assert page.status_code == 200
    html = OWN.sub("", page.text)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html, page.url
    assert "onerror=alert(2)&gt;{plan}" in html, page.url
    for markup in ("<script", "<img", "\"'>"):
        assert markup not in html, page.url


@pytest.mark.parametrize("language", ["en", "ja"])
def test_no_name_becomes_part_of_a_page(frontend: Callable[..., ApiClient], language: str) -> None:
    hosting = frontend("hosting", **hostile_names())
    for ref, plan in (("web", "web-m"), ("radio", "radio-100")):
        hosting.new_service(ref, plan, "USD", "AR", YEAR, "annual", owner="web" if ref == "radio" else None)
    person = {"name": SCRIPT, "email": "ana@hosting.invalid", "country": "AR", "locale": language}
    hosting.call("PUT", "/v1/customers/web", person | {"address": [SCRIPT], "tax_id": "\"'><script>"}, scope="host")
    hosting.call("PUT", "/v1/services/web/usage", {"disk_gb": 12}, scope="host")
    hosting.set_clock("2027-07-01T15:00:00Z")
    customer = Visitor(hosting, "web")
    web, radio = (f"/portal/services/{customer.service_id(ref)}" for ref in ("web", "radio"))
    paths = [web, f"{web}/change", f"{web}/change?category=vps", f"{web}/change/web-l", f"{web}/end"]
    paths += ["/portal/services", f"{web}/end?plan=web-s", f"{radio}/change?category=web"]

    paying = customer.review("web-l", "web")
    asking = customer.review("vps-1", "radio")
    pages = [*map(customer.get, paths), paying, asking]
    invoice = customer.submit(paying, "/accept").url.path
    request = customer.submit(asking, "/accept", note=SCRIPT)
    [review, *_] = hosting.call("GET", "/v1/plan-changes?service=radio")["items"]
    hosting.wait_for(review["id"], "awaiting_review")
    pages += [customer.get(request.url.path), customer.get(f"{request.url.path}/cancel"), customer.get(invoice)]
    no = {"actor": SCRIPT, "reason": SCRIPT}
    hosting.call("POST", f"/v1/plan-changes/{review['id']}/reject", no, scope="ops")
    pages += [customer.get(request.url.path), customer.get(radio), customer.get(web), customer.get("/portal/services")]
    for page in pages:
        harmless(page)


def test_words_without_an_end_fit_on_the_narrowest_phone(frontend: Callable[..., ApiClient]) -> None:
    hosting, ref = frontend("hosting"), "w" * 128
    person = {"name": "W" * 120, "email": f"{'w' * 60}@{'w' * 60}.invalid", "country": "AR", "locale": "es"}
    hosting.call("PUT", f"/v1/customers/{ref}", person, scope="host")
    hosting.new_service(ref, "radio-100", "USD", "AR", YEAR, "annual", owner=ref)
    hosting.new_service("web", "web-m", "USD", "AR", YEAR, "annual", owner=ref)
    hosting.set_clock("2027-07-01T15:00:00Z")
    customer = Visitor(hosting, ref)
    radio, web = (f"/portal/services/{customer.service_id(one)}" for one in (ref, "web"))
    review = customer.review("web-l", "web").url.path
    invoice = customer.submit(customer.get(review), "/accept").url.path
    request = customer.submit(customer.review("vps-1", ref), "/accept", note=NOTE).url.path
    [review_asked] = hosting.call("GET", f"/v1/plan-changes?service={ref}")["items"]
    hosting.wait_for(review_asked["id"], "awaiting_review")
    staff = [f"/changes/{review_asked['id']}", "/search?q=web", f"/search?q={ref}", "/money", "/"]
    paths = ["/portal/services", radio, web, f"{radio}/change", f"{radio}/end?plan=web-s", review, invoice, request]
    with open_browser() as browser:
        page = new_page(browser, viewport=NARROW, is_mobile=True, has_touch=True)
        page.goto(hosting.call("POST", "/v1/portal-sessions", {"customer": ref}, scope="host")["url"])
        page.wait_for_url("**/portal/services")
        all_fit(page, hosting, paths)
        page.goto(f"{hosting.ready['api']}/staff/")
        page.get_by_label("Your name").fill("W" * 60)
        page.get_by_label("Operators' key").fill(hosting.ready["keys"][hosting.provider]["ops"])
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("searchbox").wait_for()
        all_fit(page, hosting, [f"/staff{path}" for path in staff])


def all_fit(page: Page, frontend: ApiClient, paths: list[str]) -> None:
    """None of them has to be scrolled to the side, with all that can be unfolded on it."""
    for path in paths:
        answer = page.goto(frontend.ready["api"] + path)
        assert answer is not None
        assert answer.status == 200, path
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{page.url} is {wide} pixels too wide"
