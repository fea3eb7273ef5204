"""A person with a browser follows the DNS provider's help page, with JavaScript and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.portal.visitor import AUGUST, JULY, NOON_17_JULY
from tests.support.browser import open_browser
from tests.support.client import ApiClient

pytestmark = pytest.mark.xdist_group("stack")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture(params=[False, True], ids=["without JavaScript", "with JavaScript"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=request.param)
    page = context.new_page()
    page.set_default_timeout(60_000)
    problems: list[str] = []

    def keep(message: ConsoleMessage) -> None:
        if message.type == "error" and "/portal" in message.location["url"]:
            problems.append(message.text)

    page.on("console", keep)
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    context.close()
    assert problems == []


def test_from_the_link_to_the_new_plan(
    frontend: Callable[..., ApiClient], page: Page, request: pytest.FixtureRequest
) -> None:
    dns = frontend("dns")
    dns.new_service("zone", "basic", "USD", "JP", (JULY, AUGUST), "monthly")
    dns.set_clock(NOON_17_JULY)
    page.goto(dns.call("POST", "/v1/portal-sessions", {"customer": "zone"}, scope="host")["url"])
    if request.node.callspec.id == "without JavaScript":  # with it, nobody has to press
        page.get_by_role("button", name="Continue").click()

    # 1 the list, 2 the details
    expect(page.get_by_role("row", name="zone")).to_contain_text("Basic")
    page.get_by_role("link", name="zone").click()
    page.get_by_role("region", name="Billing information").get_by_role("link", name="Upgrade / Downgrade").click()
    # 3 the plan, 4 the cycle
    page.get_by_role("link", name="Select Start").click()
    page.get_by_role("radio", name="Monthly").check()
    page.get_by_role("button", name="Continue").click()
    # 5 the review: (12 - 5) × 15/31 days and 10 % tax
    expect(page.get_by_role("row", name="Plan")).to_contain_text("Start")
    expect(page.get_by_role("row", name="Total charge for today")).to_contain_text("$3.73")
    page.get_by_role("button", name="Submit").click()
    # The checkout opens by itself, once: whoever goes back is on the invoice and stays there.
    page.wait_for_url("**/checkout/**")
    page.go_back()
    # 6 the invoice
    expect(page.get_by_role("heading", level=1)).to_have_text("Proforma invoice", timeout=60_000)
    expect(page.locator("#headline")).to_contain_text("Please pay $3.73")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download PDF").click()
    assert download.value.suggested_filename.endswith("-proforma.pdf")
    page.get_by_role("link", name="Pay $3.73").click()
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.locator("#headline")).to_contain_text("Done. Your plan is now Start.", timeout=60_000)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Invoice")
    # 7 the list again
    page.get_by_role("link", name="Back to your services").click()
    expect(page.get_by_role("row", name="zone")).to_contain_text("Start")
    expect(page.get_by_role("row", name="zone")).to_contain_text("$12.00")
    assert dns.hosted("zone")["plan"] == "start"
