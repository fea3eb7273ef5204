"""What the database itself refuses, whatever the code does."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from domain.money import Money
from local.stack import Stack
from models.base import new_id
from models.database import transaction
from models.ledger import Entry, LedgerEntry, LedgerTransaction, UnbalancedTransaction, credit, debit, post
from models.plan_change import ChangeMove, PlanChange
from models.schema_version import version_of, wanted_version
from tests.support.play import NOON_17_JULY, Play

YEN_100 = Money(100, "JPY")


def test_an_unbalanced_ledger_transaction(servers: Stack) -> None:
    play = Play.of(servers)
    with pytest.raises(DBAPIError, match="does not balance"):
        write_one_sided(play)
    with pytest.raises(UnbalancedTransaction):
        post_as(play, [debit("sales", "", YEN_100)])


def write_one_sided(play: Play) -> None:
    """Past the code's own check."""
    with transaction() as session:
        provider_id = play.provider(session).id
        row = LedgerTransaction(provider_id=provider_id, source_kind="test", source_id=new_id("x"), at=NOON_17_JULY)
        session.add(row)
        session.flush()
        entry = {"account": "sales", "owner": "", "currency": "JPY", "amount_minor": -100}
        session.add(LedgerEntry(transaction_id=row.id, provider_id=provider_id, **entry))


def post_as(play: Play, entries: list[Entry]) -> None:
    with transaction() as session:
        post(session, play.provider(session).id, ("test", new_id("x")), NOON_17_JULY, entries)


def test_an_overdrawn_credit(servers: Stack) -> None:
    play = Play.of(servers)
    with pytest.raises(IntegrityError, match="never_overdrawn"):
        post_as(play, [debit("credit", "somebody", YEN_100), credit("held", "something", YEN_100)])


def test_the_same_business_event_posted_twice_is_posted_once(servers: Stack) -> None:
    play = Play.of(servers)
    entries = [debit("clearing:standard", "", YEN_100), credit("held", "somebody", YEN_100)]
    source = ("test", new_id("x"))
    for expected in (True, False):
        with transaction() as session:
            assert post(session, play.provider(session).id, source, NOON_17_JULY, entries) is expected
    assert play.ledger() == {"clearing:standard": 100, "held": -100}


def test_a_second_active_change_for_one_service(servers: Stack) -> None:
    play = Play.of(servers)
    change = play.change(play.request("start"))
    with pytest.raises(IntegrityError, match="one_active"), transaction() as session:
        session.add(
            PlanChange(
                provider_id=change.provider_id,
                service_id=change.service_id,
                customer_id=change.customer_id,
                status="requested",
                idempotency_key="another",
                request_sha256="",
                channel="test",
                received_at=NOON_17_JULY,
                from_plan="basic",
                from_cycle="monthly",
                target_plan="business",
                target_cycle="monthly",
            )
        )


def test_a_second_settlement_of_one_invoice(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_awaiting_payment("start")
    [attempt] = play.attempts(change_id)
    play.process(play.report(attempt.id, Money(373, "JPY")))
    play.step("settle", change_id)
    with pytest.raises(IntegrityError, match="source_kind"), transaction() as session:
        session.add(
            LedgerTransaction(
                provider_id=play.provider(session).id,
                source_kind="settle",
                source_id=play.invoice(change_id).id,
                at=NOON_17_JULY,
            )
        )


@pytest.mark.parametrize("table", [ChangeMove, LedgerEntry, LedgerTransaction])
def test_history_cannot_be_rewritten(servers: Stack, table: type) -> None:
    play = Play.of(servers)
    play.request("start")
    with pytest.raises(DBAPIError, match="append-only"), transaction() as session:
        session.execute(delete(table))
    with pytest.raises(DBAPIError, match="append-only"), transaction() as session:
        session.execute(update(table).values(id=table.id))  # type: ignore[attr-defined]


def test_the_schema_is_what_the_models_say(servers: Stack) -> None:
    from alembic import command

    from models.migrate import alembic_config

    command.check(alembic_config())


def test_the_schema_has_the_version_that_the_code_wants(servers: Stack) -> None:
    from alembic.script import ScriptDirectory

    from models.migrate import alembic_config

    assert wanted_version() == ScriptDirectory.from_config(alembic_config()).get_current_head()
    with transaction() as session:
        assert version_of(session) == wanted_version()
        session.execute(text("SET LOCAL search_path TO pg_temp"))
        assert version_of(session) is None, "nothing was migrated here"


def test_a_statement_cannot_run_for_ever(servers: Stack) -> None:
    with pytest.raises(DBAPIError, match="statement timeout"), transaction() as session:
        session.execute(text("SELECT pg_sleep(6)"))
