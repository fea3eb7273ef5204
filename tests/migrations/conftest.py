"""A database as an earlier version of the schema had it, with its rows: see test_migrations.py."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from sqlalchemy import MetaData, text
from sqlalchemy.orm import Session

from local.stack import Stack
from models.database import engine, transaction
from models.migrate import alembic_config
from tests.conftest import environment

BEFORE = json.loads((Path(__file__).parent / "rows_of_0002.json").read_text(encoding="utf-8"))
ROWS: dict[str, list[dict[str, Any]]] = BEFORE["rows"]


@pytest.fixture
def before(servers: Stack) -> Iterator[None]:
    """A database of its own at version 0002, with those rows; this version's code is not yet migrated to."""
    server, name = os.environ["PLANSHIFT_DATABASE_URL"].rpartition("/")[0], f"before_{secrets.token_hex(6)}"
    admin = os.environ["PLANSHIFT_DATABASE_URL"].replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    variables = {**os.environ, "PLANSHIFT_DATABASE_URL": f"{server}/{name}"}
    with environment(variables | {"PLANSHIFT_SECRET_KEY": BEFORE["secret_key"]}):
        command.upgrade(alembic_config(), "0002")
        with transaction() as session:
            _load(session)
        yield
        engine().dispose()


def _load(session: Session) -> None:
    """In the order in which the tables of that time stand on each other."""
    tables = MetaData()
    tables.reflect(session.connection())
    for table in [table.name for table in tables.sorted_tables if table.name in ROWS]:
        rows = ROWS[table]
        values = {"rows": json.dumps(rows)}
        session.execute(
            text(f"INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, :rows)"), values
        )
        if isinstance(rows[0].get("id"), int):
            sequence = f"pg_get_serial_sequence('{table}', 'id')"
            session.execute(text(f"SELECT setval({sequence}, max(id)) FROM {table}"))
