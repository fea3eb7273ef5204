"""A provider of real size: services with years of renewals behind them, written by the database itself.

Of a provider: `services` of them, each with `renewals` paid ones and all that came with them, and a downgrade for every
four of them. Each hundredth service has an unpaid offer, each hundred-and-first a downgrade that is scheduled; each
fiftieth is past due. The audit finds nothing wrong with them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.database import engine

_STATEMENTS = (Path(__file__).parent / "large.sql").read_text(encoding="utf-8").split(";\n")


def write_history(session: Session, values: dict[str, Any]) -> None:
    """`values`: provider, connection (ids), clock, services, renewals, mark (of the ids); `customer` (id), unless each
    service has one of its own; `sha256` of the one document that was printed, unless there is none."""
    session.execute(text("SET LOCAL statement_timeout = '2h'"))
    values = {"customer": None, "sha256": ""} | values
    for statement in _STATEMENTS:
        if statement.strip():
            names = {name: value for name, value in values.items() if f":{name}" in statement}
            session.execute(text(statement), names)


def unhurried(statement: str) -> None:
    """Outside of a transaction, and for as long as it takes."""
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text(statement))
        connection.invalidate()  # its settings go with it


def large_id(kind: str, mark: str) -> str:
    """The id of a row: `a17` for a service or customer, `a17k0` for the newest change of that service."""
    return f"{kind}_{mark:x<26}"
