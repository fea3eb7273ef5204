"""Who gets in, for how long, and which forms are taken."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from starlette.responses import Response

from engine.accounts.access import revoke_key
from models.audit import Attribution
from models.database import transaction
from models.provider import Provider, find_api_key
from tests.staff.person import Person, asked
from tests.support import loopback
from tests.support.client import ApiClient
from web.staff.visit import COOKIE, begin_visit

Make = Callable[..., ApiClient]


def test_an_operators_key_opens_the_pages(frontend: Make) -> None:
    person = Person(frontend("hosting"), signed_in=False)
    answer = loopback.post(
        f"{person.frontend.ready['api']}/staff/sign-in",
        data={"key": person.key("ops"), "actor": "Ana", "next": "/"},
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/staff/")
    cookie = answer.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=lax", "path=/staff", "max-age=3600"))
    assert person.key("ops") not in cookie

    page = person.sign_in(person.key("ops"))
    assert "Nothing waits for a person" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-frame-options"] == "DENY"
    assert "default-src 'self'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("scope", "says"), [("frontend", "is for frontend"), ("host", "is for host"), ("", "unknown or revoked")]
)
def test_no_other_key_does(frontend: Make, scope: str, says: str) -> None:
    person = Person(frontend("hosting"), signed_in=False)
    answer = person.sign_in(person.key(scope) if scope else "ps_nobody_x")
    assert answer.status_code == 401
    assert says in answer.text
    assert "set-cookie" not in answer.headers
    assert person.get("/").url.path == "/staff/sign-in"


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "Ana\u202egnp"])
def test_whoever_decides_has_a_name(frontend: Make, name: str) -> None:
    person = Person(frontend("hosting"), signed_in=False)
    answer = person.sign_in(person.key("ops"), name)
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
    assert "Your name:" in answer.text


def test_a_link_leads_on_after_the_sign_in(frontend: Make) -> None:
    hosting = frontend("hosting")
    change_id = asked(hosting)
    person = Person(hosting, signed_in=False)
    asked_first = person.get(f"/changes/{change_id}")
    assert asked_first.url.path == "/staff/sign-in"
    assert "Radio 100" not in asked_first.text
    form = person.form(asked_first, "/sign-in")
    page = person.sign_in(person.key("ops"), "Ana", form.values["next"])
    assert page.url.path == f"/staff/changes/{change_id}"
    assert "Radio 100 → VPS 1" in page.text


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example/", "/\\evil.example", "/a//b:c", "x"])
def test_it_never_leads_elsewhere(frontend: Make, elsewhere: str) -> None:
    person = Person(frontend("hosting"), signed_in=False)
    answer = person.http.post(
        "/staff/sign-in",
        data={"key": person.key("ops"), "actor": "Ana", "next": elsewhere},
        follow_redirects=False,
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/staff/")
    shown = person.http.get("/staff/sign-in", params={"next": elsewhere})
    assert person.form(shown, "/sign-in").values["next"] == "/"


def test_another_site_signs_nobody_in(frontend: Make) -> None:
    person = Person(frontend("hosting"), signed_in=False)
    answer = person.sign_in(person.key("ops"), **{"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


def test_an_hour_later_it_is_over(frontend: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    person = Person(frontend("hosting"))
    now = time.time()
    for age, path in ((COOKIE.life_seconds - 60, "/staff/"), (COOKIE.life_seconds + 5, "/staff/sign-in")):
        with monkeypatch.context() as patch, transaction() as session:
            patch.setattr("itsdangerous.timed.time.time", lambda age=age: now - age)
            key, answer = find_api_key(session, person.key("ops")), Response()
            assert key is not None
            begin_visit(session, answer, key, "Ana")
        value = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
        visited = loopback.get(
            f"{person.frontend.ready['api']}/staff/",
            headers={"Cookie": f"{COOKIE.name}={value}"},
            follow_redirects=True,
        )
        assert visited.url.path == path


def test_a_revoked_key_is_out_at_once(frontend: Make) -> None:
    person = Person(frontend("hosting"))
    assert person.get("/").url.path == "/staff/"
    with transaction() as session:
        key = find_api_key(session, person.key("ops"))
        assert key is not None
        revoke_key(session, session.get_one(Provider, key.provider_id), key.id, Attribution("ana", "left us"))
    assert person.get("/").url.path == "/staff/sign-in"


@pytest.mark.parametrize("change", [lambda value: value[:-2] + "xx", lambda value: "", lambda value: "x" + value])
def test_a_forged_cookie_is_none(frontend: Make, change: Callable[[str], str]) -> None:
    person = Person(frontend("hosting"))
    forged = change(person.http.cookies[COOKIE.name])
    person.http.cookies.clear()
    page = person.http.get("/staff/", headers={"Cookie": f"{COOKIE.name}={forged}"})
    assert page.url.path == "/staff/sign-in"


def test_who_signs_out_is_out(frontend: Make) -> None:
    person = Person(frontend("hosting"))
    other = Person(frontend("hosting"))
    token = other.form(other.get("/"), "/sign-out").values["csrf"]
    for csrf in ({}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": token}):
        assert person.http.post("/staff/sign-out", data=csrf).status_code == 403
    copied = person.http.cookies[COOKIE.name]
    elsewhere = Person(person.frontend)
    page = person.get("/")
    assert "You are signed out" in person.submit(page, "/sign-out").text
    assert person.get("/").url.path == "/staff/sign-in"
    # The cookie is worth nothing to whoever has a copy; a visit by the same key is another one.
    thief = person.http.get("/staff/", headers={"Cookie": f"{COOKIE.name}={copied}"})
    assert thief.url.path == "/staff/sign-in"
    form = person.form(page, "/sign-out")
    again = person.http.post("/staff/sign-out", data=form.values, headers={"Cookie": f"{COOKIE.name}={copied}"})
    assert again.status_code == 200, "signed out twice is signed out"
    assert elsewhere.get("/").url.path == "/staff/"


def test_another_providers_rows_are_not_found(frontend: Make) -> None:
    hosting = frontend("hosting")
    change_id = asked(hosting)
    own, other = Person(hosting), Person(frontend("dns"))
    page = own.get(f"/changes/{change_id}")
    assert page.status_code == 200
    paths = {link for link in _links(page.text) if link.startswith(("/staff/customers", "/staff/services"))}
    assert len(paths) == 2
    for path in (*paths, f"/staff/changes/{change_id}"):
        assert own.get(path).status_code == 200
        assert other.get(path).status_code == 404
    assert "Nothing is known by this" in other.search(change_id).text
    assert "Nothing is known by this" in other.search("radio").text


def _links(html: str) -> list[str]:
    return [part.partition('"')[0] for part in html.split('href="')[1:]]


def test_addresses_that_nobody_makes_are_not_found(frontend: Make) -> None:
    person = Person(frontend("hosting"))
    for path in (
        "/changes/%00",
        "/changes/chg_1",
        "/changes/a%2fb",
        "/invoices/inv_1/x.pdf",
        "/nothing",
        "/events/evt_%27",
    ):
        assert person.get(path).status_code == 404, path
    assert person.http.get("/staff/search?q=%00%ff").status_code == 200
