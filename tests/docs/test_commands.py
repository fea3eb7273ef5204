"""Somebody with a fresh stack reads the README and docs/, page by page, and types every command that stands there."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from local.folders import is_in_use, temporary_folder
from local.ports import free_port
from tests.support.browser import new_page, open_browser
from tests.support.pages import ROOT, text_of
from tests.support.waiting import until

# The first one waits for `make up`.
pytestmark = pytest.mark.timeout(600)

PAGES = ["README.md", *sorted(f"docs/{file.name}" for file in (ROOT / "docs").glob("*.md"))]
# What is typed into no stack of ours, by the page's own words.
NOT_RUN = {
    "README.md": {"it is the whole stack once more": 1, "they are the tests": 1},
    "docs/adding-a-gateway.md": {"it needs the adapter that this page is about": 1},
    "docs/backups.md": {"it needs a server with an archive, as tests/chaos/test_restore.py has one": 4},
    "docs/broker-acl.md": {"it needs a container engine": 1, "it needs a RabbitMQ that runs as a service": 1},
    "docs/operations.md": {
        "it needs a container engine": 2,
        "it needs money that a gateway took back": 1,
        "it is about a payment of yours": 1,
    },
    "docs/production.md": {"it needs a container engine": 1},
}
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_REASON = re.compile(r"\*Not run by the tests: ([^*]+)\.\*\s*\Z")


@dataclass(frozen=True, slots=True)
class Block:
    """Commands of a page; `shown` is what the page says that they print, `not_run` why they are only read."""

    code: str
    shown: str | None
    not_run: str | None


def command_blocks(name: str) -> list[Block]:
    text = text_of(name)
    fences = list(_FENCE.finditer(text))
    found = []
    for number, fence in enumerate(fences):
        if fence[2] != "sh":
            continue
        reason = _REASON.search(text[: fence.start()])
        following = fences[number + 1] if number + 1 < len(fences) else None
        is_shown = following and following[2] == "text" and not text[fence.end() : following.start()].strip()
        code = re.sub(rf"^{fence[1]}", "", fence[3], flags=re.MULTILINE)
        why = " ".join(reason[1].split()) if reason else None
        found.append(Block(code, following[3] if following and is_shown else None, why))
    return found


def test_what_is_not_run_says_why() -> None:
    reasons: dict[str, dict[str, int]] = {}
    for name in PAGES:
        for block in command_blocks(name):
            if block.not_run:
                of_page = reasons.setdefault(name, {})
                of_page[block.not_run] = of_page.get(block.not_run, 0) + 1
    assert reasons == NOT_RUN


@dataclass(frozen=True, slots=True)
class Up:
    """A running `make up`, its folder, and what it says of itself."""

    folder: Path
    ready: dict[str, Any]


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    """A checkout with everything of ours but its `var`, in which the README's first command was given."""
    [first, *_] = command_blocks("README.md")
    assert first.code == "make up\n"
    with temporary_folder("commands") as folder:
        for entry in ROOT.iterdir():
            if entry.name != "var":
                (folder / entry.name).symlink_to(entry)
        # The links would have `.venv` made anew: make takes it as it is.
        ports = [f"PORT={free_port()}", f"FLOWER_PORT={free_port()}"]
        with _given(["make", "--old-file=venv", "up", *ports], folder) as said:
            until(lambda: "12 sample customers are there" in said() or None, "make up and its customers", seconds=300)
            [line] = [line for line in said().splitlines() if line.startswith("{")]
            yield Up(folder, json.loads(line))
        assert not is_in_use(folder / "var" / "up"), "Ctrl-C has stopped everything"


@contextmanager
def _given(command: list[str], folder: Path) -> Iterator[Any]:
    """A command that runs on, until Ctrl-C at the end; yields what it has said."""
    log = folder / "said.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=_environment(), stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )

    def said() -> str:
        text = log.read_text(encoding="utf-8")
        assert process.poll() is None, f"it has ended: {text}"
        return text

    try:
        yield said
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        process.wait(60)


def _environment() -> dict[str, str]:
    """As in a new terminal, with the command of this checkout in the path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PLANSHIFT_", "MAKE"))}
    return kept | {"PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}", "NO_PROXY": "127.0.0.1"}


class Counted:
    """Counts what a person presses."""

    def __init__(self) -> None:
        self.clicks = 0

    def press(self, what: Locator) -> None:
        self.clicks += 1
        what.click()


def test_three_clicks_to_an_upgraded_service(up: Up) -> None:
    """As the README says: Upgrade to Business, Submit, Pay. (3,000 - 500) × 15/31 days and 10 % tax."""
    assert "**Upgrade to Business**, **Submit** and **Pay**" in text_of("README.md")
    hand = Counted()
    with open_browser() as browser:
        page: Page = new_page(browser)
        page.goto(up.ready["api"])
        hand.press(page.get_by_role("button", name="Upgrade Harbor Books to Business"))
        expect(page.get_by_role("row", name="Total charge for today")).to_contain_text("¥1,331")
        hand.press(page.get_by_role("button", name="Submit"))
        hand.press(page.get_by_role("button", name="Pay", exact=True))
        expect(page.locator("#headline")).to_contain_text("Done. Your plan is now Business.", timeout=60_000)
    assert hand.clicks == 3


@pytest.mark.parametrize("name", [name for name in PAGES if any(not one.not_run for one in command_blocks(name))])
def test_the_page_word_for_word(up: Up, name: str) -> None:
    """Each block in the same shell as the one before; the first error ends it."""
    typed = [block for block in command_blocks(name) if not block.not_run and block.code != "make up\n"]
    with Shell(up.folder) as shell:
        for block in typed:
            printed = shell.type(block.code)
            if block.shown is not None:
                assert printed == block.shown, block.code


class Shell:
    """A terminal in the stack's folder."""

    def __init__(self, folder: Path) -> None:
        self._script = folder / "block.sh"
        self._shell = subprocess.Popen(
            ["bash", "-eo", "pipefail"],
            cwd=folder,
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        self._shell.communicate(timeout=60)

    def type(self, code: str) -> str:
        """What it prints. Raises AssertionError where a command fails."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._script.write_text(code, encoding="utf-8")
        self._shell.stdin.write(f"source {self._script} </dev/null; echo END OF BLOCK\n")
        self._shell.stdin.flush()
        lines: list[str] = []
        for line in self._shell.stdout:
            if line == "END OF BLOCK\n":
                return "".join(lines)
            lines.append(line)
        raise AssertionError(f"this failed:\n{code}\nand had said:\n{''.join(lines)}")


@pytest.mark.parametrize("name", ["celery_frontend.py", "upgrade.py"])
def test_the_readme_shows_the_examples_as_they_are(name: str) -> None:
    assert f"```python\n{(ROOT / 'docs' / 'examples' / name).read_text(encoding='utf-8')}```" in text_of("README.md")
