"""A restored database does not know the newest documents. Their numbers are given to nobody again, the gap is written
down, and the audit knows it; every other gap it still names."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text
from typer.testing import CliRunner, Result

from cli.main import app
from domain.money import Money
from engine.audit import after_restore
from engine.audit.checks import audit_books, providers_to_audit
from local.stack import Stack
from models import storage
from models.audit import BY_A_PROGRAM, OperatorAction
from models.database import snapshot, transaction
from models.invoice import NumberGap, NumberSeries
from models.provider import Connection, connection_of
from pdf import Kind, render
from pdf.samples.documents import build
from tests.conftest import environment
from tests.support.play import Play

JULY_20 = date(2027, 7, 20)
PAID = Money(1331, "JPY")


@pytest.fixture
def restored(own_database: tuple[Stack, dict[str, str]], tmp_path: Path) -> Iterator[Stack]:
    """With a document store of its own, which holds what the database of this test knows, and more."""
    stack, variables = own_database
    with environment(variables | {"PLANSHIFT_DOCUMENT_URL": str(tmp_path)}):
        yield stack
        with transaction() as session:
            session.execute(text("ALTER TABLE documents DISABLE TRIGGER USER"))
            session.execute(text("DELETE FROM documents"))
            session.execute(text("ALTER TABLE documents ENABLE TRIGGER USER"))


def lose(play: Play, kind: Kind, number: str, on: date = JULY_20, invoice: str = "inv_lost") -> str:
    """A document goes out, and its rows are lost; returns its digest."""
    with transaction() as session:
        provider_id = play.provider(session).id
    sample = build("ja", kind)
    return storage.put(render(replace(sample, provider=provider_id, number=number, issued_on=on, reference=invoice)))


def run(*more: str) -> Result:
    return CliRunner().invoke(app, ["after-restore", "--actor", "ana", "--reason", "disk lost", *more])


def report(*more: str) -> dict[str, Any]:
    result = run("--json", *more)
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def paid(play: Play, plan: str = "business", amount: Money = PAID) -> str:
    change_id = play.until_awaiting_payment(plan)
    play.process(play.report(play.attempts(change_id)[-1].id, amount))
    assert play.steps("settle apply print", change_id) == "applied"
    return change_id


def violations(play: Play) -> set[str]:
    with snapshot() as session:
        findings = audit_books(session, providers_to_audit(session, play.slug), patience=timedelta(hours=1))
    return {finding.name for finding in findings if not finding.holds}


def rows() -> list[Any]:
    """Everything that the command may write."""
    with transaction() as session:
        tables = (NumberSeries, NumberGap, OperatorAction, Connection)
        return [
            session.execute(select(table.__table__).order_by(*table.__table__.primary_key)).all() for table in tables
        ]


def actions(play: Play) -> list[tuple[str, str, str]]:
    with transaction() as session:
        query = select(OperatorAction).where(OperatorAction.provider_id == play.provider(session).id)
        query = query.where(OperatorAction.actor != BY_A_PROGRAM.actor)
        return [
            (action.action, action.actor, action.reason)
            for action in session.scalars(query.order_by(OperatorAction.id))
        ]


def test_two_series_of_two_providers(restored: Stack) -> None:
    one, other = Play.of(restored), Play.of(restored)
    paid(one)
    lost = [lose(one, Kind.INVOICE, f"DNS-2027-{number:06d}") for number in (2, 4)]
    note = lose(one, Kind.CREDIT_NOTE, "DNS-CN-2027-000001", invoice="inv_note")
    far = lose(other, Kind.INVOICE, "V12027-000012", invoice="inv_far")
    lose(other, Kind.PROFORMA, "")

    gaps = {(gap.pop("provider"), gap.pop("kind"), gap.pop("year")): gap for gap in report()["gaps"]}
    day = JULY_20.isoformat()
    numbered = [
        {"number": f"DNS-2027-{number:06d}", "issued_on": day, "invoice": "inv_lost", "sha256": sha256}
        for number, sha256 in zip((2, 4), lost, strict=True)
    ]
    noted = {"number": "DNS-CN-2027-000001", "issued_on": day, "invoice": "inv_note", "sha256": note}
    farther = {"number": "V12027-000012", "issued_on": day, "invoice": "inv_far", "sha256": far}
    assert gaps == {
        (one.slug, "invoice", 2027): {"first": 2, "last": 4, "documents": numbered},
        (one.slug, "credit_note", 2027): {"first": 1, "last": 1, "documents": [noted]},
        (other.slug, "invoice", 2027): {"first": 1, "last": 12, "documents": [farther]},
    }
    assert actions(one) == [("numbers.skip", "ana", "disk lost")] * 2
    with transaction() as session:
        provider_id = one.provider(session).id
        stored = session.scalars(select(NumberGap).where(NumberGap.provider_id == provider_id)).all()
        series = session.get_one(NumberSeries, (provider_id, "invoice", 2027))
    assert {gap.kind: gap.documents for gap in stored} == {"invoice": lost, "credit_note": [note]}
    assert (series.last_number, series.last_on) == (4, JULY_20), "it stood at 17 July"
    assert violations(one) == violations(other) == set()
    # The next number has today's prefix. Today is 17 July; a series never goes back behind what it has printed.
    invoice = other.invoice(paid(other))
    assert (invoice.number, invoice.numbered_on) == ("DNS-2027-000013", JULY_20)
    assert violations(other) == set()


def test_a_second_run_changes_nothing(restored: Stack) -> None:
    play = Play.of(restored)
    lose(play, Kind.INVOICE, "DNS-2027-000003")
    assert len(report()["gaps"]) == 1
    before = rows()
    again = report()
    assert (again["gaps"], again["given_twice"], again["gateways_listed_again"]) == ([], [], [])
    assert rows() == before


def test_a_later_loss_is_a_gap_of_its_own(restored: Stack) -> None:
    play = Play.of(restored)
    paid(play)
    for number, first in ((3, 2), (5, 4)):
        lose(play, Kind.INVOICE, f"DNS-2027-{number:06d}", on=date(2027, 7, 16))
        assert [(gap["first"], gap["last"]) for gap in report()["gaps"]] == [(first, number)]
    assert violations(play) == set()
    with transaction() as session:
        series = session.get_one(NumberSeries, (play.provider(session).id, "invoice", 2027))
    assert series.last_on == date(2027, 7, 17), "the day of the invoice before: dates never go back"


def test_a_dry_run_says_the_same_and_changes_nothing(restored: Stack) -> None:
    play = Play.of(restored)
    lose(play, Kind.INVOICE, "DNS-2027-000003")
    put_off_listing(play)
    before = rows()
    dry = report("--dry-run")
    assert rows() == before
    assert dry["dry_run"]
    assert report() == dry | {"dry_run": False}


def put_off_listing(play: Play) -> None:
    with transaction() as session:
        play.gateway(session).list_at = func.clock_timestamp() + timedelta(hours=1)


def test_gateways_are_listed_again_at_once(restored: Stack) -> None:
    play = Play.of(restored)
    put_off_listing(play)
    with transaction() as session:
        host = connection_of(session, play.provider(session).id, "host")
        assert host is not None
        host.list_at = later = play.gateway(session).list_at
    assert play.slug in report()["gateways_listed_again"]
    with transaction() as session:
        assert session.get_one(Connection, host.id).list_at == later, "a host has no list of events"
    with transaction() as session:
        machine_now = session.scalar(select(func.clock_timestamp()))
        list_at = play.gateway(session).list_at
    assert list_at is not None
    assert machine_now is not None
    assert list_at <= machine_now
    assert actions(play) == [("gateway.list", "ana", "disk lost")]


def test_what_is_not_ours_is_named_and_skipped(restored: Stack, tmp_path: Path) -> None:
    play = Play.of(restored)
    (tmp_path / "notes.txt").write_text("not a document")
    foreign = storage.put(b"%PDF-1.7 a scan")
    elsewhere = storage.put(render(build("en")))
    odd = lose(play, Kind.INVOICE, "of no series")
    lose(play, Kind.INVOICE, "DNS-2027-000002")
    result = report()
    assert {file["path"]: file["reason"] for file in result["skipped"]} == {
        "notes.txt": "it is not named by a digest, as documents are",
        path_of(foreign): "it is no document of Planshift",
        path_of(elsewhere): "it is of prv_0192f3a1b6d2, a provider that this database does not know",
        path_of(odd): "its number of no series is of no series",
    }
    assert [(gap["first"], gap["last"]) for gap in result["gaps"]] == [(1, 2)]
    assert result["files"] == 5


def path_of(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256}.pdf"


def test_a_document_that_cannot_be_read_may_hide_a_number(restored: Stack, tmp_path: Path) -> None:
    path = tmp_path / path_of(lose(Play.of(restored), Kind.INVOICE, "DNS-2027-000001"))
    path.write_bytes(path.read_bytes() + b"x")
    result = run()
    assert result.exit_code == 1
    assert f"COULD NOT READ {path.relative_to(tmp_path)}, which may bear a number" in result.stdout


def test_a_store_without_the_known_documents_is_not_believed(restored: Stack, tmp_path: Path) -> None:
    paid(Play.of(restored))
    with environment(dict(os.environ) | {"PLANSHIFT_DOCUMENT_URL": str(tmp_path / "elsewhere")}):
        assert isinstance(run().exception, storage.NoStore)
        (tmp_path / "elsewhere").mkdir()
        result = run()
    assert result.exit_code == 1
    assert "MISSING: the store lacks 2 documents" in result.stdout


def test_a_number_that_was_given_again_before_is_named(restored: Stack) -> None:
    play = Play.of(restored)
    invoice = play.invoice(paid(play))
    lost = lose(play, Kind.INVOICE, "DNS-2027-000001", invoice="inv_lost")
    lose(play, Kind.INVOICE, "DNS-2027-000001", on=date(2027, 7, 18), invoice=invoice.id)
    for _ in range(2):
        result = run()
        assert result.exit_code == 1
        [line] = [line for line in result.stdout.splitlines() if line.startswith("GIVEN TWICE")]
        named = f"{play.slug} DNS-2027-000001 is on document {lost} for inv_lost, and {invoice.id} got it"
        assert named in line
    assert violations(play) == set(), "the series itself has no gap"


def test_the_page_says_what_was_done_and_what_comes_next(restored: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    play = Play.of(restored)
    sha256 = lose(play, Kind.CREDIT_NOTE, "DNS-CN-2027-000002")
    monkeypatch.setattr(after_restore, "PROGRESS_EVERY", 1)
    result = run()
    assert result.exit_code == 0
    assert result.stderr == "1 files looked at, 0 numbers found that the database does not know …\n"
    assert result.stdout.splitlines() == [
        f"{play.slug}, credit notes of 2027: 1 to 2 were given before the loss; the next is 3.",
        f"    DNS-CN-2027-000002 of 2027-07-20, invoice inv_lost, document {sha256}",
        "1 files looked at, 1 gaps written down, 0 gateways to be listed again.",
        "Next: write to the customers of the documents above, start everything, then run `planshift audit`.",
    ]


FAULTS = {
    "a gap that nobody wrote down": "UPDATE number_series SET last_number = last_number + 1 WHERE provider_id = :p",
    "the row of the gap is gone": "DELETE FROM number_gaps WHERE provider_id = :p",
    "the gap is longer than the counter": "UPDATE number_gaps SET last = last + 1 WHERE provider_id = :p",
    "the gap covers a number that was given": "UPDATE number_gaps SET first = 1 WHERE provider_id = :p",
    "the gap begins late": "UPDATE number_gaps SET first = first + 1 WHERE provider_id = :p",
    "the number before the gap is gone": "UPDATE invoices SET number = NULL, numbered_on = NULL WHERE provider_id = :p",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_other_gap_is_still_a_violation(restored: Stack, fault: str) -> None:
    play = Play.of(restored)
    paid(play)
    lose(play, Kind.INVOICE, "DNS-2027-000003")
    assert [(gap["first"], gap["last"]) for gap in report()["gaps"]] == [(2, 3)]
    assert violations(play) == set()
    with transaction() as session:
        session.execute(text("ALTER TABLE number_gaps DISABLE TRIGGER USER"))
        session.execute(text(FAULTS[fault]), {"p": play.provider(session).id})
        findings = audit_books(session, providers_to_audit(session, play.slug), patience=timedelta(hours=1))
        session.rollback()
    assert "numbers_have_no_gap" in {finding.name for finding in findings if not finding.holds}


def test_what_the_database_knows_is_not_opened(restored: Stack, tmp_path: Path) -> None:
    paid(Play.of(restored))
    with snapshot() as session:
        known = after_restore.known_here(session)
    assert len(known.documents) == 2, "the proforma and the invoice"
    for sha256 in known.documents:
        (tmp_path / path_of(sha256)).write_bytes(b"would be damaged, if it were read")
    read = after_restore.read_store(known, lambda _: None)
    assert (read.files, read.missing, read.unreadable, dict(read.lost)) == (2, 0, [], {})
