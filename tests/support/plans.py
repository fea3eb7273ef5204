"""What was asked of the database, and which of its tables would be read from end to end for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.orm import Session

from models.database import engine

# What it costs to read a table or an index from end to end, to the planner: as if history were so many times as long.
LONGER = 50
# Of these there are as many as providers, not as they have history.
SMALL = {"providers", "connections", "catalogs", "heartbeats", "refused_webhooks"}

Asked = list[tuple[str, Any]]


@contextmanager
def asked() -> Iterator[Asked]:
    """Every statement that is executed, with its values."""
    statements: Asked = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:
        statements.append((statement, values))

    event.listen(engine(), "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine(), "before_cursor_execute", note)


def read_whole(session: Session, statements: Asked) -> set[str]:
    """The large tables that one of the statements reads from its first to its last row, in order or by an index."""
    found = set[str]()
    session.execute(text(f"SET LOCAL seq_page_cost = {LONGER}"))
    session.execute(text(f"SET LOCAL cpu_index_tuple_cost = {0.005 * LONGER}"))
    partial = set(session.scalars(text("SELECT indexrelid::regclass::text FROM pg_index WHERE indpred IS NOT NULL")))
    for statement, values in statements:
        plan = session.connection().exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar_one()
        found |= {f"{table} by {statement}" for table in _whole(plan, partial) if table.split()[0] not in SMALL}
    return found


def _whole(plan: Any, partial: set[str]) -> Iterator[str]:
    if isinstance(plan, list):
        for one in plan:
            yield from _whole(one, partial)
    elif isinstance(plan, dict):
        by_index = "Index Cond" in plan or plan.get("Index Name") in partial
        if plan.get("Node Type") in ("Seq Scan", "Index Scan", "Index Only Scan") and not by_index:
            yield f"{plan['Relation Name']} ({plan['Node Type']}, {plan['Plan Rows']} rows)"
        for value in plan.values():
            yield from _whole(value, partial)


def most_rows_read(session: Session, statements: Asked) -> dict[str, int]:
    """Of each statement that only reads, how many rows of tables and indexes it looked at, those that it did not want
    among them."""
    session.execute(text(f"SET LOCAL seq_page_cost = {LONGER}"))
    found: dict[str, int] = {}
    for statement, values in statements:
        if statement.startswith("SELECT"):
            asked = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}"
            plan = session.connection().exec_driver_sql(asked, values).scalar_one()
            found[statement] = max(found.get(statement, 0), sum(_read(plan)))
    return found


def _read(plan: Any) -> Iterator[int]:
    if isinstance(plan, list):
        for one in plan:
            yield from _read(one)
    elif isinstance(plan, dict):
        if "Scan" in plan.get("Node Type", ""):
            unwanted = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
            yield round((plan["Actual Rows"] + unwanted) * plan["Actual Loops"])
        for value in plan.values():
            yield from _read(value)
