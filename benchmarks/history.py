"""A provider with three years behind it, ten million rows of history, ledger and events, beside one with five months.

Two databases of one server, filled with the renewals of as many services and all that came with them. What is asked
of both in turns, A B A B: the steps of an upgrade that credit covers, without a queue; what beat asks every few
seconds; what `planshift doctor` asks; the lists and pages of the API, of the portal and of the staff. Of `planshift
audit`, in a process of its own: how long it takes, and the most memory that it had. Run: python -m benchmarks.history
"""

from __future__ import annotations

import json
import os
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, make_url, text
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from benchmarks.history_reads import MARK, paths
from benchmarks.night import BEATS_LOOKS, in_the_night
from benchmarks.steps import STEPS, run_step
from benchmarks.throughput import ROOT, request_changes, servers
from engine.accounts.access import create_key
from engine.audit.watch import troubles
from engine.operators.dead_letters import count_dead_letters
from engine.payments import reconciliation
from local.stack import Stack
from models import storage
from models.database import transaction
from models.migrate import migrate
from models.provider import SCOPES
from settings import settings
from tests.conftest import environment
from tests.support.forms import form_of
from tests.support.large import unhurried, write_history
from tests.support.play import NOON_17_JULY, Play
from web.app import create_app

SERVICES = 28_000
RENEWALS = {"short": 5, "long": 36}
TURNS, WARM_UP = 40, 3
DOCUMENT_BYTES = 30_000  # of the one page that all invoices have
# What a provider has most of; the ten million are counted in these.
GROWING = (
    *("plan_change_moves", "payment_attempt_moves", "ledger_transactions", "ledger_entries"),
    *("inbox_events", "outbox_messages"),
)

_FOREIGN_KEYS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'f' AND connamespace = 'public'::regnamespace
"""
_INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
WHERE relnamespace = 'public'::regnamespace AND NOT indisprimary
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""


@dataclass
class History:
    """A database with its provider, and somebody who has all keys, is signed in to the staff pages, and to the portal
    as the customer of one service."""

    variables: dict[str, str]
    play: Play
    client: TestClient = field(init=False)
    paths: dict[str, str] = field(default_factory=dict)  # what is read, by its name
    changes: list[str] = field(default_factory=list)  # to be applied

    @contextmanager
    def here(self) -> Iterator[Session]:
        with environment(self.variables), transaction() as session:
            yield session

    def enter(self, clients: ExitStack) -> None:
        with self.here() as session:
            key = create_key(session, self.play.provider(session), list(SCOPES))[1]
        with environment(self.variables):
            self.client = clients.enter_context(
                TestClient(create_app(), base_url=settings().public_url, follow_redirects=False)
            )
            self.client.post("/staff/sign-in", data={"key": key, "actor": "Ana", "next": "/"})
            self.client.headers["Authorization"] = f"Bearer {key}"
            link = self.client.post("/v1/portal-sessions", json={"customer": "customer-17"}).raise_for_status()
            form = form_of(self.client.get(link.json()["url"]), "/enter")
            self.client.post(form.action, data=form.values)


@dataclass
class Spent:
    """Milliseconds, of which so many until the database had answered."""

    all: float = 0.0
    database: float = 0.0


def run() -> dict[str, Any]:
    """{"rows": {name: rows of GROWING}, "gigabytes": {name: …}, "filled_in_seconds", "asked": {what: {"short_ms",
    "long_ms", "ratio", "database_ratio"}}, "audit": {name: {"seconds", "memory_mb", "violated"}}}"""
    with servers() as stack, ExitStack() as clients:
        begun = time.monotonic()
        histories = {name: _filled(stack, name, renewals) for name, renewals in RENEWALS.items()}
        filled = time.monotonic() - begun
        for history in histories.values():
            history.enter(clients)
        sizes = {name: _size(history) for name, history in histories.items()}
        return {
            "filled_in_seconds": round(filled),
            "rows": {name: rows for name, (rows, _) in sizes.items()},
            "gigabytes": {name: gigabytes for name, (_, gigabytes) in sizes.items()},
            "asked": _in_turns(histories),
            "audit": {name: _audit(history) for name, history in histories.items()},
        }


def _filled(stack: Stack, name: str, renewals: int) -> History:
    url = make_url(stack.addresses.database).set(database=name)
    unhurried(f"CREATE DATABASE {name}")
    variables = dict(os.environ) | {"PLANSHIFT_DATABASE_URL": url.render_as_string(hide_password=False)}
    with environment(variables):
        migrate()
        play = Play.of(stack)
        with transaction() as session:
            values = {
                "provider": play.provider(session).id,
                "connection": play.gateway(session).id,
                "clock": NOON_17_JULY,
                "services": SERVICES,
                "renewals": renewals,
                "mark": MARK,
                "sha256": storage.put(secrets.token_bytes(DOCUMENT_BYTES)),
            }
            # It would read each transaction again for each of its entries. The audit looks at them all.
            session.execute(text("ALTER TABLE ledger_entries DISABLE TRIGGER ledger_entries_balance"))
            with _built_at_the_end(session):
                write_history(session, values)
            session.execute(text("ALTER TABLE ledger_entries ENABLE TRIGGER ledger_entries_balance"))
        unhurried("VACUUM ANALYZE")
    return History(variables, play)


@contextmanager
def _built_at_the_end(session: Session) -> Iterator[None]:
    """Indexes and foreign keys, which take three times as long row by row. Those that statements need stay."""
    keys = session.execute(text(_FOREIGN_KEYS)).all()
    indexes = session.execute(text(_INDEXES)).all()
    for table, name, _ in keys:
        session.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
    for name, _ in indexes:
        session.execute(text(f"DROP INDEX {name}"))
    yield
    session.execute(text("SET LOCAL maintenance_work_mem = '1GB'"))
    for _, definition in indexes:
        session.execute(text(definition))
    for table, name, definition in keys:
        session.execute(text(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"))


def _size(history: History) -> tuple[int, float]:
    with history.here() as session:
        rows = "SELECT sum(reltuples)::bigint FROM pg_class WHERE relname = ANY(:tables)"
        bytes_ = session.scalar(text("SELECT pg_database_size(current_database())")) or 0
        return session.scalar(text(rows), {"tables": list(GROWING)}) or 0, round(bytes_ / 1e9, 2)


def _in_turns(histories: dict[str, History]) -> dict[str, dict[str, float]]:
    """The middle of TURNS, each asked of both databases one after the other."""
    for name, history in histories.items():
        with environment(history.variables):
            refs = [f"{history.play.slug}-{name}-{number}" for number in range(TURNS + WARM_UP)]
            history.changes = request_changes(history.play.slug, refs)
            history.paths = paths(RENEWALS[name])
    asked = {**_without_http(), **{what: _reading(what) for what in histories["short"].paths}}
    spent: dict[str, dict[str, list[Spent]]] = {what: {name: [] for name in RENEWALS} for what in asked}
    with _noting_waits() as waits:
        for turn in range(WARM_UP + TURNS):
            for what, ask in asked.items():
                for name, history in histories.items():
                    found = _spent(history, ask, waits)
                    if turn >= WARM_UP:
                        spent[what][name].append(found)
    return {what: _told(found["short"], found["long"]) for what, found in spent.items()}


def _told(short: list[Spent], long: list[Spent]) -> dict[str, float]:
    whole = [statistics.median(one.all for one in found) for found in (short, long)]
    database = [statistics.median(one.database for one in found) for found in (short, long)]
    return {
        "short_ms": round(whole[0], 2),
        "long_ms": round(whole[1], 2),
        "ratio": round(whole[1] / whole[0], 2),
        "database_ratio": round(database[1] / database[0], 2),
    }


Ask = Callable[[History], None]


def _spent(history: History, ask: Ask, waits: list[float]) -> Spent:
    with environment(history.variables):
        settings()
        waits.clear()
        begun = time.perf_counter()
        ask(history)
        return Spent(1000 * (time.perf_counter() - begun), 1000 * sum(waits))


@contextmanager
def _noting_waits() -> Iterator[list[float]]:
    """How long each statement takes, in seconds."""
    waits, begun = list[float](), list[float]()

    def before(*_: Any) -> None:
        begun.append(time.perf_counter())

    def after(*_: Any) -> None:
        waits.append(time.perf_counter() - begun.pop())

    event.listen(Engine, "before_cursor_execute", before)
    event.listen(Engine, "after_cursor_execute", after)
    try:
        yield waits
    finally:
        event.remove(Engine, "before_cursor_execute", before)
        event.remove(Engine, "after_cursor_execute", after)


def _without_http() -> dict[str, Ask]:
    def upgrade(history: History) -> None:
        change_id = history.changes.pop()
        for name in STEPS:
            run_step(name, change_id)

    def doctor(history: History) -> None:
        with transaction() as session:
            troubles(session, ["core"])
            count_dead_letters(session)

    def in_the_night_of(look: Callable[[Session], Any]) -> Ask:
        def ask(history: History) -> None:
            with in_the_night(history.play) as session:
                look(session)

        return ask

    looks = {**BEATS_LOOKS, "attempts to fetch": reconciliation.claim_due}
    beat = {f"beat: {name}": in_the_night_of(look) for name, look in looks.items()}
    return {"an upgrade that credit covers": upgrade, **beat, "doctor": doctor}


def _reading(name: str) -> Ask:
    def ask(history: History) -> None:
        answer = history.client.get(history.paths[name])
        if answer.status_code != 200:
            raise RuntimeError(f"{history.paths[name]} answered {answer.status_code}: {answer.text[:300]}")

    return ask


def _audit(history: History) -> dict[str, Any]:
    command = [str(Path(sys.executable).with_name("planshift")), "audit", "--no-hosts", "--json"]
    begun = time.monotonic()
    with subprocess.Popen(command, cwd=ROOT, env=history.variables, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = json.loads(process.stdout.read())
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0  # of a process that was waited for
    violated = {one["name"]: one["count"] for one in found["invariants"] if one["count"]}
    seconds = round(time.monotonic() - begun, 1)
    return {"seconds": seconds, "memory_mb": round(usage.ru_maxrss / 1000), "violated": violated}


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
