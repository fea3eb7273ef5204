"""The provider's colour, logo and help on every page, by day and in the dark."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from domain.contrast import READABLE, WHITE, contrast, readable_on
from tests.conftest import catalog_named
from tests.portal.visitor import visitor
from tests.support.client import ApiClient
from web.portal.branding import DARK_GROUND, LIGHT_GROUND
from web.portal.overview import SERVICES_ON_A_PAGE
from web.portal.pages import STATIC

LOGO = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><path fill="#0b5394" d="M0 0h20v20h-20z"/></svg>'


@pytest.mark.parametrize("colour", ["#0b5394", "#38761d", "#767676", "#ffe600", "#000000", "#ffffff", "#d10000"])
def test_a_colour_is_made_readable_on_any_ground(colour: str) -> None:
    for ground in (WHITE, LIGHT_GROUND, DARK_GROUND, "#1a212d"):
        assert contrast(readable_on(colour, ground), ground) >= READABLE


def test_what_is_readable_already_stays() -> None:
    assert readable_on("#0b5394", WHITE) == "#0b5394"


def test_the_grounds_are_those_of_the_stylesheet() -> None:
    grounds = re.findall(r"--busy-ground: (#[0-9a-f]{6});", (STATIC / "portal.css").read_text())
    assert grounds == [LIGHT_GROUND, DARK_GROUND]


def test_every_pair_of_text_and_ground_is_read_by_day_and_in_the_dark() -> None:
    sheet = (STATIC / "portal.css").read_text()
    day, dark = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", block)) for block in sheet.split(":root {")[1:3])
    pairs = [(text, ground) for text in ("ink", "muted", "accent", "good") for ground in ("paper", "ground", "faint")]
    pairs += [(kind, f"{kind}-ground") for kind in ("good", "warn", "bad", "busy", "plain")]
    pairs += [("ink", f"{kind}-ground") for kind in ("good", "bad", "busy")]
    pairs += [("on-accent", "accent"), ("on-accent", "accent-dark"), ("on-bad", "bad"), ("on-bad", "bad-dark")]
    for colours in (day, dark):
        for text, ground in pairs:
            assert contrast(_full(colours[text]), _full(colours[ground])) >= READABLE, (text, ground)


def _full(colour: str) -> str:
    return colour if len(colour) == 7 else "#" + "".join(2 * digit for digit in colour[1:])


def test_the_provider_is_on_its_pages(frontend: Callable[..., ApiClient]) -> None:
    catalog = catalog_named("dns", "dns")
    branded: dict[str, Any] = {
        "invoice": catalog.invoice.model_copy(update={"colour": "#9c2a4f", "logo": LOGO}),
        "web": catalog.web.model_copy(update={"support_url": "https://help.example/billing"}),
    }
    customer = visitor(frontend("dns", **branded))
    page = customer.get("/portal/services").text
    [sheet] = re.findall(r'href="(/portal/static/colours/[^"]*)"', page)
    colours = customer.get(sheet)
    assert (colours.headers["content-type"], "max-age" in colours.headers["cache-control"]) == (
        "text/css; charset=utf-8",
        True,
    )
    assert f"--accent: {readable_on('#9c2a4f', LIGHT_GROUND)};" in colours.text
    assert f"--accent: {readable_on('#9c2a4f', DARK_GROUND)};" in colours.text
    [logo] = re.findall(r'<img src="([^"]*)" alt="DNS Service">', page)
    picture = customer.get(logo)
    assert (picture.headers["content-type"], picture.text) == ("image/svg+xml", LOGO)
    assert picture.headers["content-security-policy"].startswith("default-src 'self'")
    # 60 kB at most for a page with all that it brings, compressed by nobody; of services as many as a list has.
    beside = sum(path.stat().st_size for path in STATIC.iterdir()) + len(colours.content) + len(picture.content)
    row = page.partition("<tbody")[2].partition("</tbody>")[0]
    assert beside + len(page.encode()) + SERVICES_ON_A_PAGE * len(row.encode()) * 1.5 < 60_000
    service = f"/portal/services/{customer.service_id()}"
    pages = [customer.get(service + rest) for rest in ("", "/change", "/change/start", "/end")]
    pages.append(customer.review("start"))
    pages.append(customer.submit(pages[-1], "/accept"))
    assert max(beside + len(one.content) for one in pages) < 60_000
    # Wherever a page says that one may ask, it says whom, and where.
    plans = customer.get(f"/portal/services/{customer.service_id()}/change").text
    for text in (page, plans):
        assert '<a href="https://help.example/billing">Ask DNS Service</a>' in text
        assert "mailto:billing@dns.example" in text


def test_without_a_logo_there_is_the_name_and_nothing_else_is_served(frontend: Callable[..., ApiClient]) -> None:
    customer = visitor(frontend("dns"))
    page = customer.get("/portal/services").text
    assert "<img" not in page
    assert "Ask DNS Service" not in page
    for path in ("colours/red.css", "colours/0b5394", "colours/0b5394ff.css", "logos/cat_0", "logos/prv_0"):
        assert customer.get(f"/portal/static/{path}").status_code == 404
