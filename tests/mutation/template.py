"""One PostgreSQL for a whole run: each mutant gets the database as it was, and nothing is flushed to the disk."""

from __future__ import annotations

import psycopg
from psycopg import sql
from sqlalchemy import make_url

_TEMPLATE = "mutants_template"
# Of our own role: an autovacuum worker is the superuser's, and dropping or copying a database ends it by itself.
_CUT_OFF = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY(%s) AND usename = current_user"


class Template:
    def __init__(self, url: str) -> None:
        """The database of `url` as it is now is what `restore` brings back. Who is connected to it is cut off."""
        address = make_url(url)
        self._name = str(address.database)
        self._connection = psycopg.connect(
            address.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False),
            autocommit=True,
        )
        self._copy(self._name, _TEMPLATE)

    def restore(self) -> None:
        self._copy(_TEMPLATE, self._name)

    def _copy(self, old: str, new: str) -> None:
        self._connection.execute(_CUT_OFF, [[old, new]])
        self._run("DROP DATABASE IF EXISTS {}", new)
        self._run("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", new, old)

    def _run(self, statement: str, *names: str) -> None:
        self._connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
