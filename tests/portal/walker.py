"""A person with a real browser, who walks through the portal in one language, with mouse, finger or keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

from domain.words import translate
from tests.portal.visitor import AUGUST, JULY, NOON_17_JULY
from tests.support.axe import stumbled_over
from tests.support.browser import PHONE, new_page
from tests.support.client import ApiClient

# Midnights in Buenos Aires, and a noon in the middle of the year.
YEAR = ("2027-01-01T03:00:00Z", "2028-01-01T03:00:00Z")
NOON_1_JULY = "2027-07-01T15:00:00Z"
TABS_MAX = 40


@dataclass(frozen=True, slots=True)
class Way:
    """How somebody reads the pages: a phone in the dark, a desk by day, some of them looked over by axe."""

    language: str
    device: str
    javascript: bool
    keyboard: bool = False
    axe: bool = False

    def __str__(self) -> str:
        hands = "keyboard" if self.keyboard else self.device
        return f"{self.language}, {hands}, {'with' if self.javascript else 'without'} JavaScript"


class Walker:
    """Finds what it presses by the words of its language, and looks at every page that it comes to."""

    def __init__(self, page: Page, way: Way) -> None:
        self.page = page
        self.way = way

    def words(self, english: str, **values: str) -> str:
        """The text of what the page says."""
        return re.sub("<.*?>", "", translate(self.way.language, english)).format(**values)

    def look(self) -> None:
        """Every page is in one's language, and needs no scrolling to the side."""
        expect(self.page.locator("html")).to_have_attribute("lang", self.way.language)
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{self.page.url} is {wide} pixels too wide"
        if self.way.axe:
            assert stumbled_over(self.page) == [], self.page.url

    def press(self, target: Locator) -> None:
        """A link or a button."""
        self.look()
        if not self.way.keyboard:
            target.click()
            return
        self.reach(target)
        self.page.keyboard.press("Enter")

    def reach(self, target: Locator) -> None:
        """With the Tab key alone, from wherever the focus is; and one sees that it is there."""
        for _ in range(TABS_MAX):
            self.page.keyboard.press("Tab")
            # It is looked for anew each time: a page that follows what happens puts another in its place.
            if target.evaluate("it => it === document.activeElement"):
                assert target.evaluate("it => getComputedStyle(it).outlineStyle") != "none", "the focus is not seen"
                return
        raise AssertionError(f"{TABS_MAX} tabs do not lead to {target}")

    def link(self, english: str, more: str = "", **values: str) -> None:
        self.press(self.page.get_by_role("link", name=self.words(english, **values) + more, exact=True).first)

    def button(self, english: str, **values: str) -> None:
        self.press(self.page.get_by_role("button", name=self.words(english, **values), exact=True))

    def choose(self, radio: str) -> None:
        target = self.page.get_by_role("radio", name=radio)
        if not self.way.keyboard:
            target.check()
            return
        # Tab leads to the one of the group that is chosen; the arrows choose another.
        self.reach(self.page.locator("input[type=radio]:checked"))
        while not target.is_checked():
            self.page.keyboard.press("ArrowDown")

    def row(self, english: str) -> Locator:
        return self.page.get_by_role("row", name=self.words(english))

    def reads(self, where: str, english: str, **values: str) -> None:
        """Waits until it is said there."""
        expect(self.page.locator(where)).to_contain_text(self.words(english, **values))

    def pay(self, amount: str) -> None:
        """From the review to the invoice and back from the checkout, which opens by itself, once."""
        self.button("Submit and pay {amount}", amount=amount)
        self.page.wait_for_url("**/checkout/**")
        self.page.go_back()
        expect(self.page.locator("h1")).to_have_text(self.words("Proforma invoice"))
        expect(self.page.locator("#headline")).to_contain_text(amount)
        with self.page.expect_download() as download:
            self.link("Download PDF")
        assert download.value.suggested_filename.endswith("-proforma.pdf")
        self.link("Pay {amount}", amount=amount)
        self.page.get_by_role("button", name="Pay", exact=True).click()


@contextmanager
def walking(browser: Browser, way: Way, frontend: ApiClient) -> Iterator[Walker]:
    """Comes by a signed link, and leaves with nothing in the console."""
    options: dict[str, Any] = {"java_script_enabled": way.javascript}
    if way.device == "phone":
        options |= {"viewport": PHONE, "is_mobile": True, "has_touch": True, "color_scheme": "dark"}
    page = new_page(browser, **options)
    problems: list[str] = []

    def keep(message: ConsoleMessage) -> None:
        if message.type == "error" and "/portal" in message.location["url"]:
            problems.append(message.text)

    page.on("console", keep)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(frontend.call("POST", "/v1/portal-sessions", {"customer": "zone"}, scope="host")["url"])
    walker = Walker(page, way)
    if not way.javascript:  # with it, nobody has to press
        walker.button("Continue")
    yield walker
    walker.look()
    page.context.close()
    assert problems == []


def reported(frontend: ApiClient, plan: str, language: str) -> ApiClient:
    """The customer `zone`, who reads this language, with a service that is paid in dollars."""
    dns = frontend.provider.startswith("dns")
    period, cycle, country, now = (
        ((JULY, AUGUST), "monthly", "JP", NOON_17_JULY) if dns else (YEAR, "annual", "AR", NOON_1_JULY)
    )
    frontend.new_service("zone", plan, "USD", country, period, cycle)
    person = {"name": "Ana Núñez", "email": "ana@example.invalid", "country": country, "locale": language}
    frontend.call("PUT", "/v1/customers/zone", person | {"address": ["1 Example Street"]}, scope="host")
    frontend.set_clock(now)
    return frontend
