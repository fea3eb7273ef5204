"""The page at / of a sandbox, on the whole stack, with the sample customers of `planshift up`."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from cli.customers import SAMPLES, make_customers, make_for
from cli.frontend import StoryFailed
from local.stack import Stack
from models.database import transaction
from settings import settings
from tests.conftest import Running
from tests.portal.visitor import Visitor
from tests.support import loopback
from tests.support.browser import PHONE, new_page, open_browser
from tests.support.client import ApiClient
from tests.support.play import Play
from tests.support.waiting import until


@pytest.fixture(scope="module")
def progress() -> list[tuple[int, int]]:
    return []


@pytest.fixture
def page(running: Running, progress: list[tuple[int, int]]) -> Iterator[httpx.Client]:
    """A browser without JavaScript at the sandbox's address; the first test makes the customers."""
    if not progress:
        made = make_customers(running.ready, lambda done, of: progress.append((done, of)))
        assert made == 12
    with loopback.Client(base_url=running.ready["api"], follow_redirects=True) as client:
        yield client


def states(html: str, slug: str) -> dict[str, str]:
    """Each customer's name and the word beside it."""
    [section] = re.findall(rf'<section class="card place" id="{slug}".*?</section>', html, re.DOTALL)
    found = re.findall(r"<h3><span[^>]*>(.*?)</span> <span class=\"chip \w+\">(.*?)</span></h3>", section)
    return {unescape(name): word for name, word in found}


def button(html: str, action: str, name: str) -> dict[str, str]:
    """What the button of a customer's form sends."""
    forms = re.findall(rf'action="/sandbox/{action}">\s*<button[^>]*name="(\w+)" value="(\w+)">(.*?)</button>', html)
    [(field, value)] = [(field, value) for field, value, label in forms if name in unescape(label)]
    return {field: value}


def test_the_customers_stand_where_their_stories_say(page: httpx.Client, progress: list[tuple[int, int]]) -> None:
    html = until(lambda: page.get("/").text if "Unpaid" in page.get("/").text else None, "the page")
    assert states(html, "dns") == {
        "Harbor Books": "Active",
        "Kite Studio": "Scheduled",
        "Maple Clinic": "Unpaid",
        "Orbit Games": "Over limit",
        "Pine Travel": "Stuck",
        "青空ベーカリー": "With credit",
    }
    assert states(html, "hosting") == {
        "Lago Azul": "Active",
        "Radio Norte": "In review",
        "Panadería Sol": "Unpaid",
        "Archivo Sur": "Over limit",
        "Estudio Luz": "Stuck",
        "Club de Ajedrez": "With credit",
    }
    assert progress[0] == (0, 12)
    assert progress[-1] == (12, 12)
    # ¥5,000 paid for ¥373: (1,200 - 500) × 15/31 days and 10 % tax. And $250 for the $50 between two plans.
    assert "Has ¥4,627 of account credit" in html
    assert "Has $200.00 of account credit" in html
    assert "Zones: 8 used, and Basic allows 3." in html
    assert "July 17, 2027" in html


def test_a_second_up_finds_them(running: Running, page: httpx.Client) -> None:
    def changes(slug: str) -> list[tuple[str, str]]:
        with ApiClient(running.ready, slug) as api:
            return [(one["id"], one["status"]) for one in api.call("GET", "/v1/plan-changes")["items"]]

    before = {slug: changes(slug) for slug in SAMPLES}
    assert make_customers(running.ready, lambda *_: None) == 12
    assert {slug: changes(slug) for slug in SAMPLES} == before


def test_where_the_clock_is_past_their_day_nobody_is_made(running: Running, frontend: Any) -> None:
    late = frontend("dns")
    late.set_clock("2027-07-18T00:00:00Z")
    with pytest.raises(StoryFailed, match="clock"):
        make_for(late.ready, late.provider, SAMPLES["dns"])
    assert late.call("GET", "/v1/services")["items"] == []


def test_one_press_signs_in_where_the_story_goes_on(page: httpx.Client) -> None:
    html = page.get("/").text
    unpaid = page.post("/sandbox/sign-in", data=button(html, "sign-in", "Maple Clinic"))
    assert unpaid.url.path.startswith("/portal/invoices/inv_")
    assert "1,331" in unpaid.text
    active = page.post("/sandbox/sign-in", data=button(html, "sign-in", "Orbit Games"))
    assert active.url.path.startswith("/portal/services/svc_")
    assert "Signed in as </span>Orbit Games" in active.text


def test_upgrade_leads_to_the_review_of_the_largest_plan(page: httpx.Client) -> None:
    review = page.post("/sandbox/upgrade", data=button(page.get("/").text, "upgrade", "Orbit Games"))
    assert review.url.path.startswith("/portal/quotes/qt_")
    # (3,000 - 1,200) × 15/31 days = 1,452 - 581 = 871, and 10 % tax: 958
    assert "Submit and pay ¥958" in review.text
    assert [form.action.rpartition("/")[2] for form in Visitor.forms(review)] == ["leave", "accept", "language"]


def test_the_clock_moves_forward_only(page: httpx.Client) -> None:
    html = page.get("/").text
    hosting = html[html.index('id="hosting"') :]
    [provider] = set(re.findall(r'name="provider" value="(prv_\w+)"', hosting))
    moved = page.post("/sandbox/clock", data={"provider": provider, "to": "1"})
    assert "July 2, 2027" in moved.text
    # Noon in Buenos Aires.
    assert "July 5, 2027, 12:00" in page.post("/sandbox/clock", data={"provider": provider, "to": "2027-07-05"}).text
    for nonsense in ("2027-07-04", "2027-02-30", "99999999999", "soon"):
        answer = page.post("/sandbox/clock", data={"provider": provider, "to": nonsense})
        assert "The clock stands where it was" in answer.text
        assert "July 5, 2027, 12:00" in answer.text


def test_mails_are_read_as_mails(page: httpx.Client) -> None:
    html = until(lambda: _mails(page, "aozora-bakery@example.com", "のプランがStartになりました"), "the mails")
    assert "お支払いをお願いします" in html
    assert re.search(r'<a href="http://127\.0\.0\.1:\d+/portal/bills/[\w.-]+" rel="noopener">', html)
    assert "kite-studio" not in html
    receivers = set(re.findall(r"· To (\S+@[\w.-]+)", page.get("/sandbox/mails").text))  # of the newest, whosever
    assert receivers - {"aozora-bakery@example.com"}


def _mails(page: httpx.Client, to: str, text: str) -> str | None:
    html = page.get("/sandbox/mails", params={"to": to}).text
    return html if text in html else None


def test_other_sites_and_other_names_are_refused(page: httpx.Client) -> None:
    customer = button(page.get("/").text, "sign-in", "Harbor Books")
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site", "Origin": "null"}):
        refused = page.post("/sandbox/sign-in", data=customer, headers=headers)
        assert (refused.status_code, refused.history) == (403, [])
        assert "Nothing was changed" in refused.text
    # A page whose name leads to this machine would read the keys.
    assert page.get("/", headers={"Host": "evil.example"}).status_code == 404
    assert page.get("/sandbox/mails", headers={"Host": "evil.example"}).status_code == 404
    assert page.post("/sandbox/sign-in", data={"customer": "x'"}).status_code == 422


def test_without_a_sandbox_there_is_no_page(servers: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither where `planshift up` runs nothing, nor where no provider of its is a sandbox."""
    from web.app import create_app

    app = create_app()

    async def status_of(method: str, path: str, **data: str) -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return (await client.request(method, path, data=data)).status_code

    def statuses(customer: str) -> set[int]:
        asked = [("GET", "/", {}), ("GET", "/sandbox/mails", {}), ("POST", "/sandbox/sign-in", {"customer": customer})]
        return {asyncio.run(status_of(method, path, **data)) for method, path, data in asked}

    play = Play.of(servers, "dns")
    ready = tmp_path / "ready.json"
    addresses = {name: "http://127.0.0.1" for name in ("api", "portal", "gateway", "host", "flower", "flower_login")}
    ready.write_text(json.dumps(addresses | {"keys": {play.slug: {}}, "mail": servers.addresses.mail}))
    assert statuses("cus_1") == {404}
    monkeypatch.setenv("PLANSHIFT_SANDBOX_FILE", str(ready))
    settings.cache_clear()
    assert asyncio.run(status_of("GET", "/")) == 200
    with transaction() as session:
        customer = play.service(session).customer_id
        play.provider(session).sandbox = False
    assert statuses(customer) == {404}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


def test_the_page_on_a_telephone_and_by_keyboard(page: httpx.Client, running: Running, browser: Browser) -> None:
    phone = new_page(browser, viewport=PHONE)
    problems: list[str] = []
    phone.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    phone.goto(running.ready["api"])
    assert phone.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    # Whatever can be pressed has a name of its own and is large enough to be met.
    names = [one.inner_text() for one in phone.get_by_role("button").all()]
    assert len([name for name in names if name.startswith("Sign in")]) == 12
    for one in phone.get_by_role("button").all():
        box = one.bounding_box()
        assert box is not None
        assert box["height"] >= 24
    sign_in = phone.get_by_role("button", name="Sign in as Kite Studio")
    sign_in.focus()
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("heading", level=1)).to_contain_text("kite-studio")
    assert problems == []
