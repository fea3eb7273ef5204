"""Both providers' help pages, walked in a real browser as their text says: in each language with JavaScript and
without, on a phone and at a desk, there also by keyboard alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.portal.walker import Way, reported, walking
from tests.support.browser import open_browser
from tests.support.client import ApiClient

Make = Callable[..., ApiClient]

# Each language on each device, with JavaScript and without.
WAYS = [
    Way("en", "desktop", javascript=True, axe=True),
    Way("en", "phone", javascript=False),
    Way("es", "phone", javascript=True, axe=True),
    Way("es", "desktop", javascript=False, keyboard=True),
    Way("ja", "desktop", javascript=True, keyboard=True),
    Way("ja", "phone", javascript=False),
    Way("hi", "phone", javascript=True),
    Way("hi", "desktop", javascript=False, keyboard=True),
]
# The steps of the other page are the same but for the category: its own language both ways, the others one way each.
HOSTING_WAYS = [*WAYS[1:5], WAYS[6]]
MONTHLY = {"en": "Monthly", "es": "Mensual", "ja": "月払い", "hi": "मासिक"}
ANNUAL = {"en": "Annual", "es": "Anual", "ja": "年払い", "hi": "वार्षिक"}
WEB = {"en": "Web hosting", "es": "Hosting web", "ja": "ウェブホスティング", "hi": "वेब होस्टिंग"}
AUGUST_1 = {"en": "August 1, 2027", "es": "1 de agosto de 2027", "ja": "2027年8月1日", "hi": "1 अगस्त 2027"}
ALL_IS_LOST = (
    "All that is in this service is lost when it ends: what is stored, its addresses, ports and settings. "
    "It cannot be kept for later or brought back, so save it first."
)
# (12 - 5) × 15/31 days and 10 % tax; 150 - 100.
START = {"en": "$3.73", "es": "3,73\xa0US$", "ja": "$3.73", "hi": "$3.73"}
WEB_M = {"en": "$50.00", "es": "50,00\xa0US$", "ja": "$50.00", "hi": "$50.00"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_the_dns_providers_page(frontend: Make, browser: Browser, way: Way) -> None:
    dns = reported(frontend("dns"), "basic", way.language)
    with walking(browser, way, dns) as walker:
        page = walker.page
        # 1 the list, 2 the details
        expect(page.get_by_role("row", name="zone")).to_contain_text("Basic")
        walker.press(page.get_by_role("link", name="zone"))
        expect(page.get_by_role("region", name=walker.words("Billing information"))).to_contain_text("Basic")
        walker.link("Upgrade / Downgrade")
        # 3 the plan, 4 the cycle
        walker.link("Select", " Start")
        walker.choose(MONTHLY[way.language])
        walker.button("Continue")
        # 5 the review
        expect(walker.row("Plan")).to_contain_text("Start")
        expect(walker.row("Total charge for today")).to_contain_text(START[way.language])
        # 6 the invoice
        walker.pay(START[way.language])
        walker.reads("#headline", "Done. Your plan is now {plan}.", plan="Start")
        assert dns.hosted("zone")["plan"] == "start"
        expect(walker.row("Total charge for today")).to_have_count(0)  # it was paid
        # 7 the list again
        walker.link("Back to your services")
        expect(page.get_by_role("row", name="zone")).to_contain_text("Start")
        # The downgrade: the same steps, at the next renewal.
        walker.press(page.get_by_role("link", name="zone"))
        walker.link("Upgrade / Downgrade")
        walker.link("Select", " Basic")
        walker.choose(MONTHLY[way.language])
        walker.button("Continue")
        walker.button("Submit")
        day = AUGUST_1[way.language]
        walker.reads(
            "#headline",
            "Your plan changes to {new} on {day}. Until then you keep {old}.",
            new="Basic",
            day=day,
            old="Start",
        )
        walker.link("Back to your services")
        walker.reads("main", "Changes to <strong>{plan}</strong> on {day}.", plan="Basic", day=day)


@pytest.mark.parametrize("way", HOSTING_WAYS, ids=str)
def test_the_spanish_hosting_providers_page(frontend: Make, browser: Browser, way: Way) -> None:
    hosting = reported(frontend("hosting"), "web-s", way.language)
    with walking(browser, way, hosting) as walker:
        page = walker.page
        # 1 the portal, 2 the service, 3 "Actualizar"
        walker.press(page.get_by_role("link", name="zone"))
        walker.link("Upgrade / Downgrade")
        # 4 the category, 5 the plan, 6 the period
        walker.link(WEB[way.language])
        walker.link("Select", " Web M")
        walker.choose(ANNUAL[way.language])
        walker.button("Continue")
        expect(walker.row("Total charge for today")).to_contain_text(WEB_M[way.language])
        # 7 the invoice, and once it is paid the plan by itself
        walker.pay(WEB_M[way.language])
        walker.reads("#headline", "Done. Your plan is now {plan}.", plan="Web M")
        assert hosting.hosted("zone")["plan"] == "web-m"
        # Down is not possible: one ends the service, loses what is in it, and orders another.
        walker.link("Back to your services")
        walker.press(page.get_by_role("link", name="zone"))
        walker.link("Upgrade / Downgrade")
        walker.link("End this service and order {plan} anew", plan="Web S")
        walker.reads(
            ".anew",
            "{old} cannot be changed to {new}. To have {new}, order it anew and end this service.",
            old="Web M",
            new="Web S",
        )
        walker.reads(".anew", ALL_IS_LOST)
        walker.link("Go back and keep it")
        expect(page.get_by_role("heading", level=1)).to_have_text("zone")
