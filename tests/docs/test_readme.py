"""The pages against the code: what they name exists, and what they list is complete."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import tomllib
from functools import cache
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import typer.core
import typer.main
from celery import Celery

from cli.main import app
from settings import Settings
from tasks.requests import ChangeMessage
from tests.docs.celery_example import run_celery_example
from tests.support.pages import NAMES, ROOT, anchors, links, shell_lines, spans, table, text_of
from worker.app import QUEUES, ROUTES


def test_the_configuration_table_is_what_settings_read() -> None:
    listed = {row[0]: row[1] for row in table("docs/configuration.md", "variable", "default", "meaning")}
    read = {
        f"PLANSHIFT_{name.upper()}": "–" if field.default is None else str(field.default)
        for name, field in Settings.model_fields.items()
    }
    assert listed == read
    assert list(listed) == list(read), "in the order of settings.py"


def commands_of(name: str) -> list[list[str]]:
    """Every `planshift …` of a page, as words after `planshift`."""
    found = [re.search(r"(?:^|[\s/])planshift ([a-z].*)$", line) for line in shell_lines(name)]
    return [shlex.split(match[1].replace("…", "").split(" #")[0]) for match in found if match]


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_one_that_planshift_has(name: str) -> None:
    for words in commands_of(name):
        check_command(words)


def check_command(words: list[str]) -> None:
    """Groups are followed to their command; its options must exist."""
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while isinstance(command, typer.core.TyperGroup) and rest:
        found = command.get_command(command.make_context("planshift", [], resilient_parsing=True), rest[0])
        assert found, f"there is no planshift {' '.join(words)}"
        command, rest = found, rest[1:]
    options = {option for parameter in command.params for option in parameter.opts}
    unknown = [word for word in rest if word.startswith("--") and word not in options]
    assert not unknown, f"planshift {' '.join(words)} knows no {unknown}"


def test_commands_are_found_on_the_pages() -> None:
    assert ["connect", "gateway"] in [words[:2] for words in commands_of("docs/connecting.md")]
    assert ["changes", "list", "--stuck"] in commands_of("docs/operations.md")
    with pytest.raises(AssertionError, match="frobnicate"):
        check_command(["changes", "frobnicate"])


@cache
def makes(target: str) -> bool:
    """Whether make has a rule for it, and not only a file of that name: it is asked in an empty folder."""
    with TemporaryDirectory() as nothing:
        command = ["make", "--dry-run", "--directory", nothing, "--file", str(ROOT / "Makefile"), target]
        return (
            subprocess.run(command, env={"PATH": os.environ["PATH"]}, capture_output=True, check=False).returncode == 0
        )


def test_make_knows_its_targets_and_no_others() -> None:
    assert makes("test")
    assert not makes("frobnicate")


@pytest.mark.parametrize("name", NAMES)
def test_every_make_target_exists(name: str) -> None:
    for line in shell_lines(name):
        for target in re.findall(r"(?:^|&& )make ([a-z]+)(?=$|\s)", line):
            assert makes(target), line


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    for link in links(name):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        page = (ROOT / name).parent / path if path else ROOT / name
        assert page.exists(), link
        assert not anchor or anchor in anchors(page), link


@pytest.mark.parametrize("name", NAMES)
def test_every_file_that_is_named_exists(name: str) -> None:
    for span in spans(name):
        if re.fullmatch(r"[\w.-]+(/[\w.-]+)*\.(py|md|toml|yml|lock|sh)", span):
            assert (ROOT / span).exists(), span


@cache
def routes() -> list[re.Pattern[str]]:
    """Every path of the API, a parameter being anything but a slash."""
    from web.app import create_api

    return [re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)) for path in create_api().openapi()["paths"]]


@pytest.mark.parametrize("name", NAMES)
def test_every_route_exists(name: str) -> None:
    page = "\n".join([*shell_lines(name), *spans(name)])
    host_routes = {"/v1/services/{ref}/plan", "/v1/services/{ref}/end"}  # the host's, not ours
    for path in set(re.findall(r"(?<![\w.])(/v1/[\w{}/.-]+)", page.replace("$api", ""))) - host_routes:
        # A shell variable completes what ends with a slash.
        assert any(route.fullmatch(re.sub("/$", "/x", path.rstrip(".,"))) for route in routes()), path


def test_the_celery_example_is_a_message_that_the_entry_point_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setenv("PLANSHIFT_BROKER_URL", "redis://127.0.0.1:9/0")
    monkeypatch.setattr(Celery, "send_task", lambda _, name, **given: sent.append((name, given)))
    run_celery_example()
    [(task, given)] = sent
    ChangeMessage.model_validate(given["kwargs"])
    assert task in ROUTES
    assert given["queue"] in QUEUES


def test_the_process_table_names_every_queue_once() -> None:
    commands = [row[1] for row in table("README.md", "process", "command", "what it does")]
    queues = [queue for command in commands for queue in ",".join(re.findall(r"--queues (\S+)", command)).split(",")]
    assert sorted(filter(None, queues)) == sorted(QUEUES)


def test_what_contributing_names_as_a_check_exists() -> None:
    page = text_of("CONTRIBUTING.md")
    pyproject = tomllib.loads(text_of("pyproject.toml"))
    contracts = [contract["name"] for contract in pyproject["tool"]["importlinter"]["contracts"]]
    for named in re.findall(r'[Cc]ontract "([^"]+)"', page):
        assert any(contract.startswith(named) for contract in contracts), named
    functions = {
        node.name
        for file in (ROOT / "tests").rglob("test_*.py")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    tests = {span for span in spans("CONTRIBUTING.md") if re.fullmatch(r"test_\w+", span)}
    assert tests
    assert tests - functions == set()


def test_decisions_are_indexed_and_have_their_parts() -> None:
    folder = ROOT / "docs" / "decisions"
    files = sorted(file.name for file in folder.glob("0*.md"))
    assert files == sorted(link for link in links("docs/decisions/README.md"))
    for number, file in enumerate(files, start=1):
        text = (folder / file).read_text(encoding="utf-8")
        assert file.startswith(f"{number:04d}-")
        assert text.startswith(f"# {number}. ")
        assert all(f"\n**{part}.** " in text for part in ("Context", "Decision", "Consequences")), file
        assert len(text.split()) < 400, f"{file} is longer than half a page"
