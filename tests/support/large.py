"""A provider of real size: services with years of renewals behind them, written by the database itself.

Of a provider with one customer: `services` of them, each with `renewals` paid ones and all that came with them. Each
hundredth service has an unpaid offer, each hundred-and-first a downgrade that is scheduled; each fiftieth is past due.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

_STATEMENTS = (Path(__file__).parent / "large.sql").read_text(encoding="utf-8").split(";\n")


def write_history(session: Session, values: dict[str, Any]) -> None:
    """`values`: provider, customer, connection (ids), clock, services, renewals, mark (of the ids)."""
    session.execute(text("SET LOCAL statement_timeout = '20min'"))
    for statement in _STATEMENTS:
        if statement.strip():
            names = {name: value for name, value in values.items() if f":{name}" in statement}
            session.execute(text(statement), names)
