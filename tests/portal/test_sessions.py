"""Portal sessions that begin with a step, speak a language and lead back to the provider's own pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from domain.catalog import WebPages
from tests.portal.visitor import AUGUST, JULY, NOON_17_JULY, Visitor
from tests.support.client import ApiClient, is_problem

SHOP = "https://shop.example/account"


@pytest.fixture
def dns(frontend: Callable[..., ApiClient]) -> ApiClient:
    dns = frontend("dns", web=WebPages(return_urls=(SHOP,)))
    for ref in ("zone", "neighbour"):
        dns.new_service(ref, "basic", "USD", "JP", (JULY, AUGUST), "monthly")
    dns.set_clock(NOON_17_JULY)
    return dns


def entered(dns: ApiClient, **session: Any) -> tuple[Visitor, str, str]:
    """Who followed the link, where they landed, and the page."""
    visitor = Visitor(dns)
    link = dns.call("POST", "/v1/portal-sessions", {"customer": "zone", **session}, scope="host")["url"]
    landed = visitor.follow(link)
    assert landed.status_code == 200
    return visitor, landed.url.path, landed.text


def test_a_flow_begins_with_its_step(dns: ApiClient) -> None:
    visitor, plans, _ = entered(dns, flow={"service": "zone"})
    service = f"/portal/services/{visitor.service_id()}"
    assert plans == f"{service}/change"
    assert entered(dns, flow={"service": "zone", "plan": "start"})[1] == f"{service}/change/start"
    # (12 - 5) x 15/31 days, line by line, and 10 % tax.
    _, review, text = entered(dns, flow={"service": "zone", "plan": "start", "cycle": "monthly"})
    assert review.startswith("/portal/quotes/qt_")
    assert "$3.73" in text
    # What cannot be priced begins where the page says why.
    assert entered(dns, flow={"service": "zone", "plan": "basic", "cycle": "monthly"})[1] == f"{service}/change/basic"


def test_a_flow_names_what_there_is(dns: ApiClient) -> None:
    for flow, status, code in (
        ({"service": "neighbour"}, 404, "unknown_service"),
        ({"service": "zone", "plan": "gold"}, 422, "unknown_plan"),
        ({"service": "zone", "plan": "start", "cycle": "weekly"}, 422, "unknown_cycle"),
        ({"service": "zone", "cycle": "monthly"}, 422, "invalid_request"),
    ):
        body = {"customer": "zone", "flow": flow}
        is_problem(dns.send("POST", "/v1/portal-sessions", body, scope="host"), status, code)


def test_the_pages_lead_back(dns: ApiClient) -> None:
    visitor, _, text = entered(dns, return_url=f"{SHOP}/plans?from=portal&x=1")
    link = f'href="{SHOP}/plans?from=portal&amp;x=1"'
    assert link in text
    assert link in visitor.submit(visitor.get("/portal/services"), "/leave").text
    assert "shop.example" not in entered(dns)[2]
    for url in ("https://evil.example/account", f"{SHOP}s", f"{SHOP}/../x"):
        body = {"customer": "zone", "return_url": url}
        is_problem(dns.send("POST", "/v1/portal-sessions", body, scope="host"), 422, "return_url_not_allowed")
    body = {"customer": "zone", "return_url": "javascript:alert(1)"}
    is_problem(dns.send("POST", "/v1/portal-sessions", body, scope="host"), 422, "invalid_request")


def test_the_pages_speak_the_sessions_language(dns: ApiClient) -> None:
    """Dates and amounts are written as the tag, or the nearest of its parents, has it; so are the sentences."""
    for locale, language, day, price in (
        ("en-US", "en", "August 1, 2027", "$5.00"),
        ("en-GB-oxendict", "en", "1 August 2027", "US$5.00"),
        ("es-419", "es", "1 de agosto de 2027", "USD"),
        ("x-none", "en", "August 1, 2027", "$5.00"),
    ):
        text = entered(dns, locale=locale)[2]
        assert day in text
        assert price in text
        assert f'<html lang="{language}' in text


def test_a_mails_page_is_reached_by_the_providers_own_sign_in(frontend: Callable[..., ApiClient]) -> None:
    """Mail → sign-in at the provider, which is told the page → a link that begins there."""
    dns = frontend("dns", web=WebPages(login_url="https://shop.example/login?lang=ja"))
    for ref in ("zone", "neighbour"):
        dns.new_service(ref, "basic", "USD", "JP", (JULY, AUGUST), "monthly")
    dns.set_clock(NOON_17_JULY)
    visitor = Visitor(dns)
    page = f"/portal/services/{visitor.service_id()}"
    visitor.http.cookies.clear()
    outside = visitor.get(page)
    assert outside.status_code == 401
    sign_in = f"https://shop.example/login?lang=ja&amp;return_to={quote(page, safe='')}"
    assert f'<a class="button" href="{sign_in}">' in outside.text
    assert entered(dns, page=page)[1] == page
    # Another customer's page is not found, whoever asked for the link.
    other = Visitor(dns, "neighbour")
    link = dns.call("POST", "/v1/portal-sessions", {"customer": "neighbour", "page": page}, scope="host")["url"]
    assert other.follow(link).status_code == 404
    for nonsense in ("/portal/leave", "//evil.example", "/portal/invoices/../x", "/portal/invoices/inv_0/pdf"):
        body = {"customer": "zone", "page": nonsense}
        is_problem(dns.send("POST", "/v1/portal-sessions", body, scope="host"), 422, "invalid_request")


def test_without_a_sign_in_of_the_provider_nobody_is_sent_anywhere(dns: ApiClient) -> None:
    visitor = Visitor(dns)
    page = f"/portal/services/{visitor.service_id()}"
    visitor.http.cookies.clear()
    for path in (page, "/portal/services", "/portal/invoices/inv_0"):
        assert 'class="button"' not in visitor.get(path).text
