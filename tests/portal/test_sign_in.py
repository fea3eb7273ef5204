"""Who gets in, what another customer sees, which forms are taken."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.conftest import Running
from tests.portal.visitor import AUGUST, JULY, Visitor, visitor
from tests.support import loopback
from tests.support.client import ApiClient
from tests.support.hostile import at_once
from web.portal.links import LINK_LIFE_SECONDS, PortalLink, link_of_token, portal_link
from web.portal.problems import LinkExpired

Make = Callable[..., ApiClient]


def test_a_link_leads_to_one_customer_for_ten_minutes(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    link = portal_link("https://billing.example/", PortalLink("cus_1"))
    assert link.startswith("https://billing.example/portal/enter?token=")
    token = link.partition("token=")[2]
    assert link_of_token(token) == PortalLink("cus_1")
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: now + LINK_LIFE_SECONDS + 5)
    with pytest.raises(LinkExpired):
        link_of_token(token)


@pytest.mark.parametrize("change", [lambda token: token[:-2] + "xx", lambda token: "x" + token, lambda token: ""])
def test_a_changed_link_is_refused(running: Running, change: Callable[[str], str]) -> None:
    token = portal_link("", PortalLink("cus_1")).partition("token=")[2]
    with pytest.raises(LinkExpired):
        link_of_token(change(token))


@pytest.mark.parametrize(
    ("token", "says"), [("", "not valid"), ("nonsense", "not valid"), ("old", "expired"), ("nobody", "not valid")]
)
def test_a_bad_link_says_what_to_do(running: Running, monkeypatch: pytest.MonkeyPatch, token: str, says: str) -> None:
    earlier = time.time() - LINK_LIFE_SECONDS - 5
    if token in ("old", "nobody"):
        with monkeypatch.context() as patch:
            if token == "old":
                patch.setattr("itsdangerous.timed.time.time", lambda: earlier)
            token = portal_link("", PortalLink("cus_nobody")).partition("token=")[2]
    entrance = f"{running.ready['portal']}/enter"
    for answer in (
        loopback.get(entrance, params={"token": token}),
        loopback.post(entrance, data={"token": token}),
    ):
        assert answer.status_code == 401
        assert says in answer.text
        assert "Go back to your provider" in answer.text
        assert "set-cookie" not in answer.headers


def link_of(dns: ApiClient) -> str:
    return str(dns.call("POST", "/v1/portal-sessions", {"customer": "zone"}, scope="host")["url"])


def test_a_link_lets_in_once_and_fetching_it_uses_nothing_up(frontend: Make) -> None:
    dns = frontend("dns")
    customer = visitor(dns)
    link = link_of(dns)
    for method in ("GET", "HEAD", "GET"):  # a mail scanner, or a preview
        fetched = loopback.request(method, link)
        assert (fetched.status_code, "set-cookie" in fetched.headers) == (200, False)
    assert customer.follow(link).url.path == "/portal/services"
    # Back, and pressed again: the browser is who it was. Another one is not.
    assert customer.follow(link).url.path == "/portal/services"
    token = {"token": link.partition("token=")[2]}
    entrance = f"{dns.ready['api']}/portal/enter"
    again = loopback.post(entrance, data=token)
    assert (again.status_code, "set-cookie" in again.headers) == (401, False)
    assert "This link has expired or is not valid" in again.text
    customer.submit(customer.get("/portal/services"), "/leave")
    assert customer.http.post(entrance, data=token).status_code == 401


def test_two_at_once_do_not_both_get_in(frontend: Make) -> None:
    dns = frontend("dns")
    visitor(dns)
    token = {"token": link_of(dns).partition("token=")[2]}
    answers = at_once(lambda _: loopback.post(f"{dns.ready['api']}/portal/enter", data=token))
    assert answers == [303] + [401] * 7


def test_signing_out_ends_the_session_for_whoever_has_the_cookie(frontend: Make) -> None:
    customer = visitor(frontend("dns"))
    copied = dict(customer.http.cookies)
    customer.submit(customer.get("/portal/services"), "/leave")
    customer.http.cookies.update(copied)
    answer = customer.get("/portal/services")
    assert answer.status_code == 401
    assert "You are not signed in" in answer.text


def test_without_a_cookie_nothing_is_shown(running: Running) -> None:
    for path in ("/services", "/services/svc_1", "/changes/chg_1", "/invoices/inv_1/pdf"):
        answer = loopback.get(running.ready["portal"] + path)
        assert answer.status_code == 401
        assert "You are not signed in" in answer.text


def test_pages_are_private_and_the_cookie_is_out_of_reach(frontend: Make) -> None:
    dns = frontend("dns")
    dns.new_service("zone", "basic", "USD", "US", (JULY, AUGUST), "monthly")
    address, _, token = link_of(dns).partition("?token=")
    entered = loopback.post(address, data={"token": token})
    assert (entered.status_code, entered.headers["location"]) == (303, "/portal/services")
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/portal" in cookie
    page = Visitor(dns).get("/portal/services")
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-frame-options"] == "DENY"
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


def test_another_customers_things_are_not_found(frontend: Make) -> None:
    dns = frontend("dns")
    owner = visitor(dns)
    service = owner.service_id()
    review = owner.review("start")
    quote = review.url.path
    change = owner.submit(review, "/accept").url.path
    invoice = owner.see(change, "Download PDF").url.path
    own = [f"/portal/services/{service}", f"/portal/services/{service}/change/start", change, invoice, f"{invoice}/pdf"]
    assert [owner.get(path).status_code for path in own] == [200] * len(own)

    dns.new_service("neighbour", "basic", "USD", "JP", (JULY, AUGUST), "monthly")
    neighbour = Visitor(dns, "neighbour")
    change_id = owner.changes()[0]["id"]
    paths = [*own, quote, f"/portal/services/{service}/change", f"/portal/changes/{change_id}/cancel"]
    assert [neighbour.get(path).status_code for path in paths] == [404] * len(paths)
    form = neighbour.form(neighbour.get("/portal/services"), "/leave")
    for path in (f"{quote}/accept", f"/portal/services/{service}/quotes", f"/portal/changes/{change_id}/cancel"):
        assert neighbour.http.post(path, data=form.values | {"plan": "start", "cycle": "monthly"}).status_code == 404
    assert neighbour.http.post(f"/portal/changes/{change_id}/payments", data=form.values).status_code == 404
    assert dns.wait_for(str(change_id), "awaiting_payment")["id"] == change_id
    assert len(owner.changes()) == 1


def test_a_form_needs_the_token_of_its_own_visit(frontend: Make) -> None:
    dns = frontend("dns")
    customer = visitor(dns)
    review = customer.review("start")
    foreign = Visitor(dns)
    token = foreign.form(foreign.get("/portal/services"), "/leave").values["csrf"]
    for csrf in ({}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": token}):
        for path in (
            f"{review.url.path}/accept",
            f"/portal/services/{customer.service_id()}/quotes",
            "/portal/changes/chg_1/cancel",
            "/portal/changes/chg_1/payments",
            "/portal/leave",
        ):
            answer = customer.http.post(path, data=csrf)
            assert answer.status_code == 403
            assert "Nothing was sent" in answer.text
    assert customer.changes() == []


def test_addresses_that_nobody_makes_are_not_found(frontend: Make) -> None:
    customer = visitor(frontend("dns"))
    service = customer.service_id()
    for path in ("/services/%00", "/services/svc_1", "/changes/a%2fb", "/quotes/qt_1", "/nothing", "/services/svc_%27"):
        assert customer.get(f"/portal{path}").status_code == 404
    assert customer.get(f"/portal/services/{service}/change/enterprise").status_code == 404
    assert customer.get("/portal/services?after=%00").status_code == 200


def test_who_signs_out_is_out(frontend: Make) -> None:
    customer = visitor(frontend("dns"))
    assert "You are signed out" in customer.submit(customer.get("/portal/services"), "/leave").text
    assert customer.get("/portal/services").status_code == 401
