"""What does not need a library does not import it: a command begins sooner, and a process is smaller."""

from __future__ import annotations

import subprocess
import sys

import pytest

_PAGES = {"pdf", "reportlab", "PIL", "uharfbuzz"}
_ROWS = {"sqlalchemy", "models", "psycopg"}
_MESSAGES = {"celery", "kombu", "redis"}
_HTTP = {"httpx", "fastapi", "starlette"}


@pytest.mark.parametrize(
    ("modules", "unwanted"),
    [
        pytest.param("cli.main", _PAGES | _ROWS | _MESSAGES | _HTTP | {"pydantic", "babel"}, id="planshift --help"),
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
