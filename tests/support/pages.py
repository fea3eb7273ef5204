"""The pages of documentation, taken apart."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return [content for fence, content in _FENCE.findall(text_of(name)) if fence == language]


def spans(name: str) -> list[str]:
    """Inline code outside of fenced blocks; a span may run over one line's end."""
    return [" ".join(span.split()) for span in _SPAN.findall(_FENCE.sub("", text_of(name)))]


def shell_lines(name: str) -> list[str]:
    """The commands of `sh` blocks, continued lines joined, and inline code."""
    joined = [block.replace("\\\n", " ") for block in blocks(name, "sh")]
    return [line.strip() for block in joined for line in block.splitlines()] + spans(name)


def links(name: str) -> list[str]:
    return _LINK.findall(_FENCE.sub("", text_of(name)))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as they are commonly made: lower case, hyphens for spaces."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def table(name: str, *headings: str) -> list[list[str]]:
    """The rows, without code marks, of the page's tables that have these headings."""
    rows: list[list[str]] = []
    inside = False
    for line in text_of(name).splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if cells == list(headings):
            inside = True
        elif not cells:
            inside = False
        elif inside and set(line) - set("|-: "):
            rows.append([cell.replace("`", "") for cell in cells])
    assert rows, f"{name} has no table {headings}"
    return rows
