"""A command begins at once, and a process is small: what only another one needs is not imported."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from cli.main import GROUPS

_PAGES = {"pdf", "reportlab", "PIL", "uharfbuzz"}
_ROWS = {"sqlalchemy", "models", "psycopg"}
_MESSAGES = {"celery", "kombu", "redis"}
_HTTP = {"httpx", "fastapi", "starlette"}

IMPORT = "import json, sys, cli.main; print(json.dumps([name for name in sys.modules]))"


def test_help_imports_no_group_of_commands_and_none_of_what_they_stand_on() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True, timeout=60)
    imported = set(json.loads(done.stdout))
    assert not imported & {module for module, _ in GROUPS.values()}
    packages = {name.partition(".")[0] for name in imported}
    assert not packages & {"sqlalchemy", "pydantic", "httpx", "celery", "domain", "engine", "models", "local", "web"}


@pytest.mark.parametrize(
    ("modules", "unwanted"),
    [
        pytest.param("cli.catalog, cli.lint", _PAGES | _ROWS | _MESSAGES | _HTTP, id="catalog lint"),
        pytest.param("cli.simulate, cli.prorate", _PAGES | _ROWS | _MESSAGES | _HTTP, id="prices"),
        pytest.param(
            "engine.accounts.providers, engine.operators.dead_letters, models.schema_version",
            _PAGES | _MESSAGES | _HTTP | {"babel", "alembic", "structlog"},
            id="a look at rows",
        ),
        pytest.param(
            "engine.operators.ended_invoices, engine.operators.recovery, engine.operators.manual_payments,"
            " engine.review, engine.operators.dead_letter_retry, tasks.story",
            _PAGES | {"alembic", "structlog", "fastapi"},
            id="a decision",
        ),
        pytest.param("worker.app, worker.logs, worker.beat", _PAGES | _ROWS | _HTTP, id="beat and Flower"),
    ],
)
def test_only_what_it_needs(modules: str, unwanted: set[str]) -> None:
    told = subprocess.run(
        [sys.executable, "-c", f"import sys, {modules}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert unwanted & set(told.stdout.split()) == set()
