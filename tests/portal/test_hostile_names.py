"""Whatever somebody else writes is shown as it was written: no name becomes part of a page."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.conftest import catalog_named
from tests.portal.visitor import Visitor
from tests.support.client import ApiClient

pytestmark = pytest.mark.xdist_group("stack")

SCRIPT = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{plan}"
# What our pages bring themselves.
OWN = re.compile(r'<script src="/portal/static/\w+\.js\?v=\w+" defer></script>')
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
