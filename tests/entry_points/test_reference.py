"""The reference at /docs works without a network."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.conftest import Running
from tests.support.browser import new_page, open_browser


def test_the_reference_asks_nobody_else_for_anything(running: Running) -> None:
    api = running.ready["api"]
    asked: list[str] = []
    problems: list[str] = []
    with open_browser() as browser:
        page = new_page(browser)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.goto(f"{api}/docs")
        # Rendered from the document, not only loaded.
        expect(page.get_by_role("heading", level=1, name="Planshift")).to_be_visible()
        expect(page.locator(".opblock-summary-path").first).to_be_visible()
    assert f"{api}/openapi.json" in asked
    assert f"{api}/docs/assets/swagger-ui-bundle.js" in asked
    assert [url for url in asked if not url.startswith((api, "data:"))] == []
    assert problems == []
