"""A page as a picture in var/screens/, by day and in the dark."""

from __future__ import annotations

from typing import Literal

from playwright.sync_api import Page

from tests.support.pages import ROOT

FOLDER = ROOT / "var" / "screens"


def picture(page: Page, url: str, folder: str, device: str, name: str) -> None:
    """The whole page, with all that can be unfolded on it."""
    page.emulate_media(color_scheme="light")
    page.goto(url)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=FOLDER / folder / f"{device}-{scheme}" / f"{name}.png", full_page=True)
