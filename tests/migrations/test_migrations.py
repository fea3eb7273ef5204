"""A database that an earlier version wrote comes up under this one: no row is lost, and every invariant holds.

`rows_of_0002.json` holds the rows of two sandbox providers as version 0002 of the schema wrote them: changes in most
statuses, payments, refunds, a dispute, a renewal that is being collected, an event without its payment.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, text

from domain.money import Money
from engine.audit.checks import audit_books, providers_to_audit
from local.stack import Stack
from models.base import Base
from models.billed_item import StoredItemBalance, items_of_invoice, take_backs_of_invoice
from models.database import snapshot, transaction
from models.migrate import migrate
from tests.migrations.conftest import ROWS
from tests.support.play import AUGUST, NOON_17_JULY, Play

# The rows were written long ago.
PATIENCE = timedelta(days=36_500)

# Histories that are kept since; each begins with one row.
HISTORIES = {"payment_attempt_moves": "payment_attempts", "refund_moves": "refunds", "service_moves": "services"}


def test_no_row_is_lost_and_every_invariant_holds(before: None) -> None:
    migrate()
    with snapshot() as session:
        found = {mapper.local_table.name: len(session.scalars(select(mapper.class_)).all()) for mapper in mappers()}
        broken = [result for result in audit_books(session, providers_to_audit(session), PATIENCE) if not result.holds]
    counts = {table: len(rows) for table, rows in ROWS.items()}
    begun = {history: counts[table] for history, table in HISTORIES.items()}
    made = {"billed_items": counts["services"], "billed_item_balances": counts["services"]}
    assert {table: count for table, count in found.items() if count} == counts | begun | made
    assert broken == []


def mappers() -> list[Any]:
    return list(Base.registry.mappers)


def test_what_was_written_in_other_words_reads_in_ours(before: None) -> None:
    migrate()
    changes = {row["id"]: row for row in ROWS["plan_changes"]}
    words = {"http": "api", "late_money": "system"}
    refunds = {row["id"]: (row["who"], row["why"], row["rings"]) for row in ROWS["refunds"]}
    with transaction() as session:
        channels = session.execute(text("SELECT id, channel, attempts, next_attempt_at IS NULL FROM plan_changes"))
        assert {row[0]: tuple(row[1:]) for row in channels} == {
            change_id: (words.get(row["door"], row["door"]), row["rings"], row["next_ring_at"] is None)
            for change_id, row in changes.items()
        }
        reasons = session.execute(text("SELECT id, actor, reason, attempts FROM refunds"))
        assert {row[0]: tuple(row[1:]) for row in reasons} == refunds
        statuses = session.execute(text("SELECT id, status FROM refunds"))
        assert {row[0]: row[1] for row in statuses} == {
            row["id"]: row["status"].replace("sent", "pending") for row in ROWS["refunds"]
        }
        outcome = session.scalar(text("SELECT outcome FROM payments WHERE id = 'mny_given_back'"))
        assert outcome == "credit_refund"
        tried = text("SELECT sum(match_attempts) FROM inbox_events")
        assert session.scalar(tried) == sum(row["attempts"] for row in ROWS["inbox_events"])
        assert session.scalar(select(func.count()).select_from(text("documents"))) == len(ROWS["documents"])


def test_an_offer_that_stood_is_paid_and_billed_as_it_was_shown(before: None, servers: Stack) -> None:
    """Basic → Start of 17 July, ¥373, asked of the gateway before there were billed items: paid after it, it
    takes ¥242 and ¥24 of tax of what the service was known to have paid, and is billed ¥581 and ¥58."""
    with transaction() as session:  # the clock stands where the offer was made
        session.execute(text("UPDATE providers SET clock_at = :noon"), {"noon": NOON_17_JULY})
    migrate()
    [change] = [
        row
        for row in ROWS["plan_changes"]
        if row["status"] == "awaiting_payment" and _attempt_of(row)["status"] == "open"
    ]
    [provider] = [row for row in ROWS["providers"] if row["id"] == change["provider_id"]]
    play = Play(servers, provider["slug"])
    play.process(play.report(_attempt_of(change)["id"], Money(373, "JPY")))
    assert play.step("settle", change["id"]) == "paid"
    invoice = play.invoice(change["id"])
    assert (invoice.net_minor, invoice.tax_minor, invoice.total_minor) == (339, 34, 373)
    with transaction() as session:
        [made] = items_of_invoice(session, invoice.id)
        [taken] = take_backs_of_invoice(session, invoice.id)
        assert (made.plan, made.units, made.net_minor, made.tax_minor) == ("start", 1, 581, 58)
        assert (made.unit_price_minor, made.covers_start, made.covers_end) == (1200, NOON_17_JULY, AUGUST)
        assert (taken.units, taken.net_minor, taken.tax_minor, taken.from_at) == (1, 242, 24, NOON_17_JULY)
        was, left = taken.item, session.get_one(StoredItemBalance, taken.item_id)
        assert (was.kind, was.plan, was.net_minor, was.tax_minor) == ("import", "basic", 500, 50)
        assert (left.units_left, left.net_left_minor, left.tax_left_minor) == (0, 258, 26)
    with snapshot() as session:
        broken = [result for result in audit_books(session, [provider["id"]], PATIENCE) if not result.holds]
    assert broken == []


def _attempt_of(change: dict[str, Any]) -> dict[str, Any]:
    [invoice] = [row for row in ROWS["invoices"] if row["change_id"] == change["id"]]
    return [row for row in ROWS["payment_attempts"] if row["invoice_id"] == invoice["id"]][-1]
