"""The host's rows: who may order, what each service has, which orders were answered how."""

import json
import sqlite3
from pathlib import Path
from typing import Any

from sandbox.host.shapes import EndOrderBody, HostAccountSetup, HostKnobs, PlanOrderBody, ServiceSetup
from sandbox.program import open_database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (name TEXT PRIMARY KEY, setup TEXT, knobs TEXT NOT NULL DEFAULT '{}');
CREATE TABLE IF NOT EXISTS services (account TEXT, ref TEXT, plan TEXT NOT NULL, limits TEXT NOT NULL,
    usage TEXT NOT NULL DEFAULT '{}', generation INTEGER NOT NULL DEFAULT 0, changed INTEGER NOT NULL,
    ended INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account, ref));
CREATE TABLE IF NOT EXISTS answers (account TEXT, key TEXT, asked TEXT NOT NULL, status INTEGER NOT NULL,
    body TEXT NOT NULL, PRIMARY KEY (account, key));
CREATE TABLE IF NOT EXISTS orders (number INTEGER PRIMARY KEY, account TEXT, ref TEXT, key TEXT, body TEXT,
    status INTEGER);
"""
_NEWEST = "(SELECT ifnull(max(changed), 0) + 1 FROM services)"
Answer = tuple[int, dict[str, Any]]


class HostStore:
    """One SQLite file. Used from one thread; each public method is one transaction."""

    def __init__(self, folder: Path) -> None:
        self._database = open_database(folder, _SCHEMA)

    def set_account(self, name: str, setup: HostAccountSetup) -> None:
        with self._database as database:
            database.execute(
                "INSERT INTO accounts (name, setup) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET setup = ?2",
                (name, setup.model_dump_json()),
            )

    def secrets(self, account: str) -> list[str]:
        row = self._one("SELECT setup FROM accounts WHERE name = ?", account)
        return HostAccountSetup.model_validate_json(row["setup"]).secrets if row else []

    def knobs(self, account: str) -> HostKnobs:
        row = self._one("SELECT knobs FROM accounts WHERE name = ?", account)
        return HostKnobs.model_validate_json(row["knobs"]) if row else HostKnobs()

    def set_knobs(self, account: str, knobs: HostKnobs) -> None:
        with self._database as database:
            database.execute("UPDATE accounts SET knobs = ? WHERE name = ?", (knobs.model_dump_json(), account))

    def set_service(self, ref: str, setup: ServiceSetup) -> None:
        values = (setup.account, ref, setup.plan, json.dumps(setup.limits), json.dumps(setup.usage))
        with self._database as database:
            database.execute(
                "INSERT INTO services (account, ref, plan, limits, usage, changed)"
                f" VALUES (?1, ?2, ?3, ?4, ?5, {_NEWEST}) ON CONFLICT (account, ref)"
                f" DO UPDATE SET ended = 0, plan = ?3, limits = ?4, usage = ?5, changed = {_NEWEST}",
                values,
            )

    def service(self, ref: str, account: str | None) -> dict[str, Any] | None:
        """What the service has; without `account` the most recently changed one of that name."""
        row = self._one(
            "SELECT * FROM services WHERE ref = ?1 AND account = ifnull(?2, account) ORDER BY changed DESC LIMIT 1",
            ref,
            account,
        )
        if row is None:
            return None
        usage: dict[str, int] = json.loads(row["usage"])
        for name, more in self.knobs(row["account"]).usage.items():
            usage[name] = usage.get(name, 0) + more
        limits = json.loads(row["limits"])
        found = {"plan": row["plan"], "limits": limits, "usage": usage, "generation": row["generation"]}
        return found | {"ended": True} if row["ended"] else found

    def answered(self, account: str, key: str) -> tuple[str, Answer] | None:
        """What was asked with this key and how it was answered."""
        row = self._one("SELECT * FROM answers WHERE account = ? AND key = ?", account, key)
        return (row["asked"], (row["status"], json.loads(row["body"]))) if row else None

    def keep_answer(self, account: str, key: str, asked: str, answer: Answer) -> None:
        with self._database as database:
            database.execute(
                "INSERT INTO answers VALUES (?, ?, ?, ?, ?)", (account, key, asked, answer[0], json.dumps(answer[1]))
            )

    def carry_out(self, order: PlanOrderBody) -> None:
        with self._database as database:
            database.execute(
                "INSERT INTO services (account, ref, plan, limits, generation, changed)"
                f" VALUES (?1, ?2, ?3, ?4, ?5, {_NEWEST}) ON CONFLICT (account, ref)"
                f" DO UPDATE SET plan = ?3, limits = ?4, generation = ?5, changed = {_NEWEST}",
                (order.account, order.service, order.plan, json.dumps(order.limits), order.generation),
            )

    def end(self, order: EndOrderBody) -> None:
        with self._database as database:
            database.execute(
                f"UPDATE services SET ended = 1, generation = ?3, changed = {_NEWEST} WHERE account = ?1 AND ref = ?2",
                (order.account, order.service, order.generation),
            )

    def log_order(self, order: PlanOrderBody | EndOrderBody, key: str, status: int) -> None:
        with self._database as database:
            database.execute(
                "INSERT INTO orders (account, ref, key, body, status) VALUES (?, ?, ?, ?, ?)",
                (order.account, order.service, key, order.model_dump_json(), status),
            )

    def orders_of(self, account: str) -> list[dict[str, Any]]:
        """Every order that came, in order, with the answer it got: repetitions too."""
        rows = self._database.execute("SELECT * FROM orders WHERE account = ? ORDER BY number", (account,))
        return [
            {"service": row["ref"], "key": row["key"], "status": row["status"], "order": json.loads(row["body"])}
            for row in rows
        ]

    def _one(self, statement: str, *values: object) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._database.execute(statement, values).fetchone()
        return row
