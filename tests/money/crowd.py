"""A thousand invoices that await payment, made from one that went the real way: its rows again, under other ids."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from models import metadata
from models.base import new_id
from models.billed_item import open_items_of
from models.database import transaction
from tests.support.money_play import MoneyPlay
from tests.support.play import NOON_17_JULY


@dataclass(frozen=True, slots=True)
class Awaiting:
    """One of the crowd: the ids of its change and of the attempt that asks for 373 yen."""

    change_id: str
    attempt_id: str


def crowd(play: MoneyPlay, count: int) -> list[Awaiting]:
    """So many changes that await payment, each of a service of its own."""
    change_id = play.until_awaiting_payment("start")
    attempt = play.attempts(change_id)[0]
    invoice = play.invoice(change_id)
    with transaction() as session:
        service_id = play.change(change_id).service_id
        [(item, _, _)] = open_items_of(session, service_id, NOON_17_JULY)
        rows = {
            "services": _row(session, "services", service_id),
            "billed_items": _row(session, "billed_items", item.id),
            "plan_changes": _row(session, "plan_changes", change_id),
            "invoices": _row(session, "invoices", invoice.id),
            "payment_attempts": _row(session, "payment_attempts", attempt.id),
        }
        copies: dict[str, list[dict[str, Any]]] = {name: [] for name in rows}
        for number in range(count):
            for name, row in _copied(rows, number).items():
                copies[name].append(row)
        for name, new_rows in copies.items():
            session.execute(insert(_table(name)), new_rows)
    changes, attempts = copies["plan_changes"], copies["payment_attempts"]
    return [Awaiting(change["id"], attempt["id"]) for change, attempt in zip(changes, attempts, strict=True)]


def _copied(rows: dict[str, dict[str, Any]], number: int) -> dict[str, dict[str, Any]]:
    ids = {name: new_id(row["id"].split("_")[0]) for name, row in rows.items()}
    # What the change takes back is its own service's.
    quote = json.dumps(rows["plan_changes"]["quote"]).replace(rows["billed_items"]["id"], ids["billed_items"])
    more = {
        "services": {"ref": f"zone-{number}"},
        "billed_items": {"service_id": ids["services"]},
        "plan_changes": {
            "service_id": ids["services"],
            "idempotency_key": f"crowd-{number}",
            "quote": json.loads(quote),
        },
        "invoices": {"service_id": ids["services"], "change_id": ids["plan_changes"]},
        "payment_attempts": {"invoice_id": ids["invoices"], "gateway_ref": f"gw_{ids['payment_attempts']}"},
    }
    return {name: row | {"id": ids[name]} | more[name] for name, row in rows.items()}


def _row(session: Session, name: str, row_id: str) -> dict[str, Any]:
    table = _table(name)
    return dict(session.execute(select(table).where(table.c.id == row_id)).mappings().one())


def _table(name: str) -> Table:
    return metadata.tables[name]
