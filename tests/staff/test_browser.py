"""A person with a browser decides about a request, with JavaScript and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.staff.person import asked
from tests.support.browser import new_page, open_browser
from tests.support.client import ApiClient

pytestmark = pytest.mark.xdist_group("stack")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.mark.parametrize("javascript", [False, True], ids=["without JavaScript", "with JavaScript"])
def test_found_by_name_and_approved_at_a_price_of_its_own(
    frontend: Callable[..., ApiClient], browser: Browser, javascript: bool
) -> None:
    hosting = frontend("hosting")
    change_id = asked(hosting, note="We move our studio on Friday.", name="Radio Núñez")
    page = new_page(browser, java_script_enabled=javascript)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)

    page.goto(f"{hosting.ready['api']}/staff/")
    page.get_by_label("Your name").fill("Ana")
    page.get_by_label("Operators' key").fill(hosting.ready["keys"][hosting.provider]["ops"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("row", name="Radio 100 → VPS 1")).to_contain_text("We move our studio on Friday.")
    page.get_by_role("searchbox").fill("núñez")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Radio Núñez")
    page.get_by_role("link", name="Radio 100 → VPS 1").click()
    expect(page.get_by_role("region", name="The customer's own words")).to_contain_text("on Friday")
    expect(page.get_by_role("row", name="Total")).to_contain_text("$170.00")

    todo = page.get_by_role("region", name="What you can do")
    todo.get_by_label("Price of VPS 1, annual").fill("80.00")
    todo.get_by_label("Why").first.fill("customer since 2019")
    todo.get_by_role("button", name="Approve").click()
    # 80 less the 80 that were paid for Radio 100: nothing is due, and it is applied by itself.
    expect(page.get_by_role("status")).to_contain_text("Approved.")
    hosting.wait_for(change_id, "applied")
    page.reload()
    expect(page.get_by_role("row", name="Total")).to_contain_text("$0.00")
    expect(page.get_by_role("region", name="Timeline")).to_contain_text("approve by operator:Ana")
    expect(page.get_by_role("region", name="Timeline")).to_contain_text("customer since 2019")
    page.get_by_role("link", name="Waiting").first.click()
    expect(page.get_by_role("main")).to_contain_text("Nothing waits for a person")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    page.context.close()
    assert problems == []
