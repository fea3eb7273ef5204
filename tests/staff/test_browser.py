"""A person with a browser decides about requests, with JavaScript and without; axe looks at each page."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.staff.person import asked
from tests.support.axe import stumbled_over
from tests.support.browser import PHONE, new_page, open_browser
from tests.support.client import ApiClient


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


def look(page: Page, heading: str, axe: bool) -> None:
    """The page is there, fits, and nobody stumbles over it; axe itself is JavaScript."""
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    if axe:
        assert stumbled_over(page) == [], page.url


def search(page: Page, text: str) -> None:
    page.get_by_role("searchbox").fill(text)
    page.get_by_role("button", name="Search").click()


@pytest.mark.parametrize("javascript", [False, True], ids=["desktop without JavaScript", "phone with JavaScript"])
def test_found_read_approved_at_a_price_of_its_own_and_rejected(
    frontend: Callable[..., ApiClient], browser: Browser, javascript: bool
) -> None:
    hosting = frontend("hosting")
    change_id = asked(hosting, note="We move our studio on Friday.", name="Radio Núñez")
    other = asked(hosting, "other", name="Radio Sur")
    device = {"viewport": PHONE, "color_scheme": "dark"} if javascript else {}
    page = new_page(browser, java_script_enabled=javascript, **device)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)

    page.goto(f"{hosting.ready['api']}/staff/")
    look(page, "Sign in", javascript)
    page.get_by_label("Your name").fill("Ana")
    page.get_by_label("Operators' key").fill(hosting.ready["keys"][hosting.provider]["ops"])
    page.get_by_role("button", name="Sign in").click()
    look(page, "What waits for you 2", javascript)
    expect(page.get_by_role("row", name="Radio Núñez")).to_contain_text("We move our studio on Friday.")
    search(page, "núñez")
    look(page, "Radio Núñez", javascript)
    page.get_by_role("link", name="Radio 100 → VPS 1").click()
    look(page, "Radio 100 → VPS 1", javascript)
    expect(page.get_by_role("region", name="The customer's own words")).to_contain_text("on Friday")
    expect(page.get_by_role("row", name="Total")).to_contain_text("$170.00")

    todo = page.get_by_role("region", name="What you can do")
    todo.get_by_label("Price of VPS 1, annual").fill("200.00")
    todo.get_by_label("Why").first.fill("customer since 2019")
    todo.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("status")).to_contain_text("Approved.")
    # 200 less the 80 that were paid for Radio 100.
    hosting.pay(hosting.wait_for(change_id, "awaiting_payment"))
    invoice = hosting.wait_for(change_id, "applied")["invoice"]
    search(page, invoice["number"])
    look(page, f"Invoice {invoice['number']}", javascript)
    expect(page.get_by_role("row", name="Total")).to_contain_text("$120.00")
    page.get_by_role("link", name="See the change").click()
    look(page, "Radio 100 → VPS 1", javascript)
    for region in ("Timeline", "What staff did"):
        expect(page.get_by_role("region", name=region)).to_contain_text("Ana")
        expect(page.get_by_role("region", name=region)).to_contain_text("customer since 2019")

    search(page, other)
    todo.locator("summary", has_text="Reject").click()
    todo.get_by_label("Why").nth(1).fill("No server is free.")
    look(page, "Radio 100 → VPS 1", javascript)
    todo.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("status")).to_contain_text("Rejected. The customer is told.")
    expect(page.get_by_role("region", name="Timeline")).to_contain_text("reject by operator:Ana No server is free.")
    page.get_by_role("link", name="Waiting").first.click()
    expect(page.get_by_role("main")).to_contain_text("Nothing waits for a person")
    page.get_by_role("link", name="Money").click()
    look(page, "Money", javascript)
    page.get_by_role("button", name="Sign out").click()
    look(page, "You are signed out", javascript)
    page.context.close()
    assert problems == []
