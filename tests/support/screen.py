"""Pages as pictures in var/screens/, by day and in the dark: what `make screens` takes them with."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from playwright.sync_api import Browser, Page

from cli.stack import start
from local.folders import temporary_folder
from local.stack import Stack
from tests.conftest import environment
from tests.support.browser import open_browser
from tests.support.pages import ROOT

FOLDER = ROOT / "var" / "screens"


@contextmanager
def studio() -> Iterator[tuple[dict[str, Any], Stack, Browser]]:
    """The whole stack, with what `planshift up` prints of it, and a browser."""
    with temporary_folder("screens") as folder, Stack(folder) as stack, environment({}):
        ready = start(stack, secrets.token_urlsafe(32))
        with open_browser() as browser:
            yield ready, stack, browser


def picture(page: Page, url: str, folder: str, device: str, name: str) -> None:
    """The whole page, with all that can be unfolded on it."""
    page.emulate_media(color_scheme="light")
    page.goto(url)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=FOLDER / folder / f"{device}-{scheme}" / f"{name}.png", full_page=True)
