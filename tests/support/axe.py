"""What axe-core finds on a page: all that a screen reader stumbles over, and too little contrast."""

from __future__ import annotations

from functools import cache

from playwright.sync_api import Page

from tests.support.pages import ROOT

# Made by tools/generators.sh.
_AXE = ROOT / "var" / "generators" / "typescript" / "node_modules" / "axe-core" / "axe.min.js"
_RUN = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations.flatMap(
  (rule) => rule.nodes.map((node) => `${rule.id}: ${node.html}`))"""


@cache
def _source() -> str:
    return _AXE.read_text(encoding="utf-8")


def stumbled_over(page: Page) -> list[str]:
    """Each rule that is broken, and where."""
    page.evaluate(_source())
    found: list[str] = page.evaluate(_RUN)
    return found
