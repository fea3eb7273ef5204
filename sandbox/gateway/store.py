"""The gateway's rows. Payments, refunds and events are kept as the JSON that is shown of them."""

import json
import secrets
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.gateway.shapes import GatewayAccountSetup, GatewayKnobs, rfc3339
from sandbox.program import open_database

Row = dict[str, Any]
_SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (name TEXT PRIMARY KEY, setup TEXT, api_key TEXT UNIQUE,
    knobs TEXT NOT NULL DEFAULT '{}', clock TEXT);
CREATE TABLE IF NOT EXISTS objects (id TEXT PRIMARY KEY, account TEXT NOT NULL, reference TEXT,
    body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS objects_reference ON objects (account, reference);
CREATE TABLE IF NOT EXISTS keys (account TEXT, key TEXT, asked TEXT NOT NULL, object TEXT NOT NULL,
    PRIMARY KEY (account, key));
CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, id TEXT UNIQUE, account TEXT NOT NULL,
    payload TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (id INTEGER PRIMARY KEY, event TEXT NOT NULL, account TEXT NOT NULL,
    payload TEXT NOT NULL, due REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'waiting', answer TEXT);
"""
_OVERTAKEN_SECONDS = 1.5


class IdempotencyConflict(Exception):
    """The Idempotency-Key was used before for another request."""


class GatewayStore:
    """One SQLite file. Used from one thread; each public method is one transaction."""

    def __init__(self, folder: Path) -> None:
        self._database = open_database(folder, _SCHEMA)

    def set_account(self, name: str, setup: GatewayAccountSetup) -> None:
        with self._database as database:
            database.execute(
                "INSERT INTO accounts (name, setup, api_key) VALUES (?1, ?2, ?3)"
                " ON CONFLICT (name) DO UPDATE SET setup = ?2, api_key = ?3",
                (name, setup.model_dump_json(), setup.api_key),
            )

    def account(self, name: str) -> GatewayAccountSetup | None:
        row = self._one("SELECT setup FROM accounts WHERE name = ?", name)
        return GatewayAccountSetup.model_validate_json(row["setup"]) if row else None

    def account_of_key(self, api_key: str) -> str | None:
        row = self._one("SELECT name FROM accounts WHERE api_key = ?", api_key)
        return row["name"] if row else None

    def knobs(self, account: str) -> GatewayKnobs:
        row = self._one("SELECT knobs FROM accounts WHERE name = ?", account)
        return GatewayKnobs.model_validate_json(row["knobs"]) if row else GatewayKnobs()

    def set_knobs(self, account: str, knobs: GatewayKnobs) -> None:
        with self._database as database:
            database.execute("UPDATE accounts SET knobs = ? WHERE name = ?", (knobs.model_dump_json(), account))

    def set_clock(self, account: str, now: str | None) -> None:
        with self._database as database:
            database.execute("UPDATE accounts SET clock = ? WHERE name = ?", (now, account))

    def now(self, account: str) -> str:
        """The account's sandbox time where one is set, else real time."""
        row = self._one("SELECT clock FROM accounts WHERE name = ?", account)
        return str(row["clock"]) if row and row["clock"] else rfc3339(datetime.now(UTC))

    def made_with(self, account: str, key: str, asked: Row) -> Row | None:
        """What this key made before. Raises IdempotencyConflict if that was for another request."""
        row = self._one("SELECT asked, object FROM keys WHERE account = ? AND key = ?", account, key)
        if row is None:
            return None
        if row["asked"] != json.dumps(asked, sort_keys=True):
            raise IdempotencyConflict
        found = self.find(row["object"])
        assert found is not None
        return found[1]

    def make(self, account: str, key: str, asked: Row, body: Row) -> Row:
        with self._database as database:
            asked_text = json.dumps(asked, sort_keys=True)
            database.execute("INSERT INTO keys VALUES (?, ?, ?, ?)", (account, key, asked_text, body["id"]))
            values = (body["id"], account, body.get("reference"), json.dumps(body))
            database.execute("INSERT INTO objects VALUES (?, ?, ?, ?)", values)
        return body

    def find(self, object_id: str, account: str | None = None) -> tuple[str, Row] | None:
        """The account and the object; None if there is no such object, or not in `account`."""
        row = self._one(
            "SELECT account, body FROM objects WHERE id = ? AND account = ifnull(?, account)", object_id, account
        )
        return (row["account"], json.loads(row["body"])) if row else None

    def of_reference(self, account: str, reference: str) -> list[Row]:
        rows = self._database.execute(
            "SELECT body FROM objects WHERE account = ? AND reference = ? ORDER BY rowid", (account, reference)
        )
        return [json.loads(row["body"]) for row in rows]

    def refunds_of(self, account: str, payment: str) -> list[Row]:
        """Oldest first."""
        rows = self._database.execute(
            "SELECT body FROM objects WHERE account = ? AND json_extract(body, '$.payment') = ? ORDER BY rowid",
            (account, payment),
        )
        return [json.loads(row["body"]) for row in rows]

    def change(self, account: str, bodies: list[Row], event: str, data: Row) -> None:
        """Write the objects' new states, the event that reports them, and the event's deliveries."""
        knobs = self.knobs(account)
        event_id = new_id("evt")
        text = json.dumps({"id": event_id, "type": event, "occurred_at": self.now(account), "data": data})
        with self._database as database:
            for body in bodies:
                database.execute("UPDATE objects SET body = ? WHERE id = ?", (json.dumps(body), body["id"]))
            cursor = database.execute(
                "INSERT INTO events (id, account, payload) VALUES (?, ?, ?)", (event_id, account, text)
            )
            self._plan_deliveries(knobs, cursor.lastrowid or 0, (event_id, account, text))

    def events_after(self, account: str, event_id: str | None, limit: int = 100) -> list[Row]:
        rows = self._database.execute(
            "SELECT payload FROM events WHERE account = ?1"
            " AND seq > ifnull((SELECT seq FROM events WHERE id = ?2), 0) ORDER BY seq LIMIT ?3",
            (account, event_id, limit),
        )
        return [json.loads(row["payload"]) for row in rows]

    def waiting_deliveries(self) -> list[sqlite3.Row]:
        """All that must still be sent, the one due first in front. `due` is in real seconds since 1970."""
        rows = self._database.execute("SELECT * FROM deliveries WHERE state = 'waiting' ORDER BY due, id")
        return rows.fetchall()

    def deliveries_of(self, account: str) -> list[Row]:
        rows = self._database.execute(
            "SELECT event, state, attempts, answer FROM deliveries WHERE account = ? ORDER BY id", (account,)
        )
        return [dict(row) for row in rows]

    def record_delivery(self, delivery: int, state: str, answer: str, next_due: float) -> None:
        with self._database as database:
            database.execute(
                "UPDATE deliveries SET state = ?, answer = ?, due = ?, attempts = attempts + 1 WHERE id = ?",
                (state, answer, next_due, delivery),
            )

    def _plan_deliveries(self, knobs: GatewayKnobs, number: int, event: tuple[str, str, str]) -> None:
        if not knobs.webhooks:
            return
        overtaken = knobs.reorder and number % 2 == 1
        due = time.time() + knobs.delay_seconds + (_OVERTAKEN_SECONDS if overtaken else 0)
        for _ in range(1 + knobs.duplicates):
            self._database.execute(
                "INSERT INTO deliveries (event, account, payload, due) VALUES (?, ?, ?, ?)", (*event, due)
            )

    def _one(self, statement: str, *values: object) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._database.execute(statement, values).fetchone()
        return row


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"
