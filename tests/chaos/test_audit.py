"""Each invariant is violated on purpose, and the audit names the row. The faults are planted in a transaction that is
rolled back, past the triggers that would refuse them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import delete, text
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from cli.main import app
from domain.money import Money
from engine.audit.checks import CREDITS, HISTORY, InvariantResult, audit_books, providers_to_audit
from engine.audit.documents import audit_documents, documents_to_read
from engine.audit.ledger_checks import CHECKS, OVERDUE
from local.stack import Stack
from models.database import snapshot, transaction
from tests.conftest import environment
from tests.support import loopback
from tests.support.play import AUGUST, Play

OVER = "period_start = '2027-07-01', period_end = '2027-07-31'"
LINE = """jsonb_set(content, '{lines,0,amount,amount}', '1'::jsonb)"""


@pytest.fixture(scope="module")
def _finished(_servers: tuple[Stack, dict[str, str]]) -> Iterator[tuple[Play, dict[str, str]]]:
    """A paid upgrade, and a downgrade that was applied at the renewal."""
    stack, variables = _servers
    with environment(variables):
        play = Play.of(stack)
        change_id = play.until_awaiting_payment("business")
        play.process(play.report(play.attempts(change_id)[-1].id, Money(1331, "JPY")))
        play.steps("settle apply print", change_id)
        play.deliver_mails(change_id)
        downgrade = play.request("start")
        play.step("quote", downgrade)
        play.set_clock(AUGUST)
        renewed = play.renew()
        play.step("apply", downgrade)
        play.deliver_mails(downgrade)
        _print(renewed.invoice_id)
        yield play, variables


def _print(invoice_id: str | None) -> None:
    from engine.invoicing.printing import print_invoice
    from models.invoice import Invoice
    from tasks.run import external_step

    assert invoice_id is not None
    external_step(print_invoice, Invoice, invoice_id)


@pytest.fixture
def finished(_finished: tuple[Play, dict[str, str]]) -> Iterator[Play]:
    play, variables = _finished
    with environment(variables):
        yield play


def violations(session: Session, play: Play) -> dict[str, int]:
    findings = audit_books(session, providers_to_audit(session, play.slug), patience=timedelta(minutes=15))
    return {finding.name: finding.count for finding in findings if not finding.holds}


def test_a_finished_story_violates_no_invariant(finished: Play) -> None:
    with snapshot() as session:
        assert violations(session, finished) == {}


FAULTS = [
    (
        "ledger_transactions_balance trial_balance balances_are_their_entries nothing_stays_held",
        """INSERT INTO ledger_entries (transaction_id, provider_id, account, owner, currency, amount_minor)
        SELECT t.id, t.provider_id, 'sales', '', 'JPY', -7 FROM ledger_transactions t WHERE t.provider_id = :p
        ORDER BY t.id LIMIT 1;
        UPDATE ledger_balances SET balance_minor = balance_minor + 5 WHERE provider_id = :p AND account = 'held'""",
    ),
    ("payments_are_posted", "UPDATE payments SET amount_minor = amount_minor + 1 WHERE provider_id = :p"),
    (
        "refunds_are_posted",
        """INSERT INTO refunds (id, provider_id, payment_id, amount_minor, currency, source, owner, status, actor,
            reason, fence, attempts)
        SELECT 'ref_unposted', provider_id, id, 100, currency, 'credit', 'nobody', 'succeeded', 'ana', 'why', 0, 0
        FROM payments WHERE provider_id = :p LIMIT 1""",
    ),
    ("invoices_add_up", f"UPDATE invoices SET content = {LINE} WHERE provider_id = :p AND change_id IS NOT NULL"),
    (
        "numbered_invoices_are_printed",
        "DELETE FROM documents WHERE kind = 'invoice' AND invoice_id IN (SELECT id FROM i)",
    ),
    ("numbers_have_no_gap", "UPDATE number_series SET last_number = last_number + 1 WHERE provider_id = :p"),
    (
        "numbers_have_no_gap",
        """UPDATE invoices SET number = replace(number, '000002', '000003') WHERE provider_id = :p;
        UPDATE number_series SET last_number = 3 WHERE provider_id = :p""",
    ),
    (
        "numbers_have_no_gap",
        "UPDATE invoices SET numbered_on = '2027-07-01' WHERE provider_id = :p AND number LIKE '%000002'",
    ),
    (
        "paid_and_invoiced_agree",
        "UPDATE invoices SET settled_at = NULL WHERE provider_id = :p AND change_id IS NOT NULL",
    ),
    (
        "settled_invoices_are_earned",
        """UPDATE ledger_transactions SET source_id = 'elsewhere' WHERE provider_id = :p AND source_kind = 'settle'""",
    ),
    (
        "one_open_change",
        """DROP INDEX uq_plan_changes_one_active;
        UPDATE plan_changes SET status = 'awaiting_payment' WHERE provider_id = :p""",
    ),
    ("plan_is_the_last_applied", "UPDATE services SET plan = 'basic' WHERE provider_id = :p"),
    (
        "renewals_follow_each_other",
        """UPDATE invoices SET renewal_id = NULL, change_id = (SELECT id FROM plan_changes WHERE provider_id = :p
        AND target_plan = 'start') WHERE provider_id = :p AND renewal_id IS NOT NULL""",
    ),
    (
        "nothing_is_overdue",
        """UPDATE plan_changes SET status = 'paid', next_attempt_at = clock_timestamp() - interval '1 hour'
        WHERE provider_id = :p AND target_plan = 'start'""",
    ),
    ("nothing_is_overdue", "UPDATE outbox_messages SET sent_at = NULL WHERE provider_id = :p"),
    (
        "nothing_is_overdue",
        f"UPDATE services SET {OVER}, next_attempt_at = NULL WHERE provider_id = :p",
    ),
    (
        "nothing_is_overdue",
        f"UPDATE services SET {OVER}, attempts = 13 WHERE provider_id = :p",
    ),
    ("nothing_is_overdue", "UPDATE inbox_events SET status = 'dead' WHERE provider_id = :p"),
    (
        "no_more_is_taken_back_than_was_billed",
        "UPDATE billed_item_balances SET net_left_minor = net_left_minor + 1 WHERE item_id IN"
        " (SELECT id FROM billed_items WHERE provider_id = :p)",
    ),
    (
        f"bills_are_their_items {CREDITS}",
        "UPDATE billed_items SET net_minor = net_minor + 1, gross_minor = gross_minor + 1 WHERE provider_id = :p",
    ),
    (CREDITS, "UPDATE take_backs SET net_minor = net_minor - 1 WHERE provider_id = :p"),
    (HISTORY, "UPDATE plan_changes SET status = 'stuck' WHERE provider_id = :p AND target_plan = 'start'"),
    (
        HISTORY,
        """DELETE FROM plan_change_moves WHERE to_status = 'paid'
        AND change_id IN (SELECT id FROM plan_changes WHERE provider_id = :p)""",
    ),
]


@pytest.mark.parametrize(("names", "fault"), FAULTS)
def test_a_planted_fault_is_named(finished: Play, names: str, fault: str) -> None:
    with transaction() as session:
        provider = {"p": finished.provider(session).id}
        history = ("documents", "ledger_entries", "ledger_transactions", "plan_change_moves")
        for table in (*history, "billed_items", "take_backs"):
            session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        session.execute(
            text("CREATE TEMPORARY TABLE i ON COMMIT DROP AS SELECT id FROM invoices WHERE provider_id = :p"), provider
        )
        session.execute(text("UPDATE plan_change_moves SET recorded_at = recorded_at - interval '1 hour'"))
        for statement in fault.split(";"):
            session.execute(text(statement), provider)
        found = violations(session, finished)
        session.rollback()
    assert set(names.split()) <= set(found), found


def test_every_check_has_its_fault() -> None:
    planted = {name for names, _ in FAULTS for name in names.split()}
    assert planted == {check.name for check in CHECKS} | {HISTORY, OVERDUE, CREDITS}


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("jsonb_set(content, '{buyer,name}', '\"Another\"'::jsonb)", "printed again it has other bytes"),
        (LINE, "cannot be printed again"),
    ],
)
def test_a_document_that_is_not_what_was_printed_is_named(finished: Play, content: str, what: str) -> None:
    """Also where its row does not make a document any more: one damaged row must not end the audit of all others."""
    with transaction() as session:
        provider = finished.provider(session)
        session.execute(
            text(f"UPDATE invoices SET content = {content} WHERE provider_id = :p AND renewal_id IS NOT NULL"),
            {"p": provider.id},
        )
        stored = documents_to_read(session, [provider.id])
        session.rollback()
    [finding] = [finding for finding in audit_documents(stored) if not finding.holds]
    assert finding.name == "documents_print_again"
    assert what in finding.rows[0].what


def test_the_command_compares_with_the_host(finished: Play) -> None:
    result = CliRunner().invoke(app, ["audit", finished.slug, "--json"])
    assert result.exit_code == 0, result.stdout
    assert json.loads(result.stdout)["services_compared"] == 1

    url = f"{finished.stack.addresses.host}/services/zone"
    was = loopback.get(url, params={"account": finished.slug}).json()
    other = {"account": finished.slug, "plan": "basic", "limits": was["limits"], "usage": {}}
    loopback.put(url, json=other).raise_for_status()
    result = CliRunner().invoke(app, ["audit", finished.slug])
    assert result.exit_code == 1
    assert "VIOLATED  the host gives each service the plan that stands here" in result.stdout
    assert "the host says basic" in result.stdout
    loopback.put(url, json=other | {"plan": was["plan"]}).raise_for_status()


def test_the_nightly_audit_leaves_a_heartbeat_and_an_alert(finished: Play, caplog: pytest.LogCaptureFixture) -> None:
    from models.heartbeat import Heartbeat
    from tasks.audit import books, hosts

    with transaction() as session:
        session.execute(
            text("UPDATE services SET plan = 'basic' WHERE provider_id = :p"), {"p": finished.provider(session).id}
        )
    assert "plan_is_the_last_applied: 1, first svc_" in books()
    assert "found violations" in caplog.text
    assert "hosts_have_the_plan" in hosts("0")
    with transaction() as session:
        assert "plan_is_the_last_applied" in session.get_one(Heartbeat, "audit").details["alert"]
        session.execute(
            text("UPDATE services SET plan = 'start' WHERE provider_id = :p"), {"p": finished.provider(session).id}
        )
    assert finished.slug


def test_a_second_copy_of_the_nightly_audit_returns_at_once(finished: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its message comes back while it runs, as it may take longer than a broker waits for it."""
    from tasks import audit

    begun = list[str]()

    def long_audit(*_: object) -> list[InvariantResult]:
        begun.append("books")
        if len(begun) == 1:
            assert audit.books() == ""
        return []

    monkeypatch.setattr(audit, "audit_books", long_audit)
    audit.books()
    assert begun == ["books"]
    audit.books()
    assert begun == ["books", "books"], "the next night it runs again"


def test_the_finding_of_the_books_waits_for_no_document(finished: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store does not answer: what the database says is written down, and hosts are compared all the same."""
    from models.heartbeat import Heartbeat
    from tasks import audit

    def away(*_: object) -> None:
        raise OSError("the store is away")

    enqueued = list[tuple[str, str]]()
    monkeypatch.setattr(audit, "enqueue_task", lambda name, **ids: enqueued.append((name, *ids.values())))
    monkeypatch.setattr(audit, "documents_to_read", away)
    with transaction() as session:
        session.execute(delete(Heartbeat).where(Heartbeat.name == "audit"))
    audit.books()
    assert enqueued == [("audit.documents", "newest"), ("audit.hosts", "0")]
    with transaction() as session:
        assert session.get(Heartbeat, "audit") is not None
