"""No row is enqueued for ever: what always fails is given up with its error, and ends once an operator retries it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from celery.canvas import Signature
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from typer.testing import CliRunner

import tasks.story
from cli.main import app
from engine import apply
from engine.audit.checks import audit_books, providers_to_audit
from engine.audit.ledger_checks import OVERDUE
from engine.jobs import sweep, work_kinds
from engine.operators.dead_letter_retry import NotADeadLetter, retry_dead_letter
from engine.operators.dead_letters import dead_letters
from engine.payments.attempts import start_attempt
from gateways.protocol import GatewayError
from gateways.standard import StandardGateway
from local.stack import Stack
from models.audit import Attribution, OperatorAction
from models.customer import Service
from models.database import snapshot, transaction
from models.invoice import document_of
from models.moves import moves_of
from models.outbox import OutboxMessage
from models.payment import PaymentAttempt, live_attempt
from models.pending_work import error_text
from models.plan_change import PlanChange
from tasks.renewals import scan
from tasks.run import local_step
from tasks.sweep import enqueue_due
from tests.conftest import environment
from tests.support.money_play import MoneyPlay, yen
from tests.support.play import AUGUST, NOON_17_JULY, Play
from worker.app import create_app

ATTEMPTS = 3
MANY_ATTEMPTS = 10


class Bug:
    """Stands in for a step, always raises, and counts."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls, self.error = 0, error or RuntimeError("a bug of ours")

    def __call__(self, *_: Any, **__: Any) -> Any:
        self.calls += 1
        raise self.error


@dataclass
class Case:
    """A row that waits for its next step, what must work for that, and whether it is done."""

    play: MoneyPlay
    row_id: str
    needs: tuple[Any, str]
    done: Callable[[Session], bool]


def a_request(servers: Stack) -> Case:
    from engine import quote

    play = MoneyPlay.of(servers)
    row_id = play.request("start")
    return Case(play, row_id, (quote, "quote"), lambda s: s.get_one(PlanChange, row_id).status == "awaiting_payment")


def an_offer_that_is_over(servers: Stack) -> Case:
    from engine import expiry

    play = MoneyPlay.of(servers)
    row_id = play.until_awaiting_payment("start")
    play.set_clock(NOON_17_JULY.replace(day=24))
    return Case(play, row_id, (expiry, "expire_change"), lambda s: s.get_one(PlanChange, row_id).status == "expired")


def a_payment_to_open(servers: Stack) -> Case:
    play = MoneyPlay.of(servers)
    change_id = play.until_awaiting_payment("start")
    play.process(play.report(play.attempts(change_id)[0].id, yen(373), kind="payment.failed"))
    with transaction() as session:
        row_id = start_attempt(session, NOON_17_JULY, change_id).id
    return Case(play, row_id, (StandardGateway, "create"), lambda s: s.get_one(PaymentAttempt, row_id).status == "open")


def a_refund(servers: Stack) -> Case:
    play, _, payment_id = MoneyPlay.overpaid(servers)
    row_id = play.start_refund(payment_id, yen(500))
    return Case(play, row_id, (StandardGateway, "refund"), lambda s: play.refund(row_id).status != "sending")


def a_document(servers: Stack) -> Case:
    from models import storage

    play, row_id = renewed(servers)
    return Case(play, row_id, (storage, "put"), lambda s: document_of(s, row_id, "invoice") is not None)


def a_renewal_to_collect(servers: Stack) -> Case:
    from engine.payments import attempts

    play, row_id = renewed(servers)
    return Case(play, row_id, (attempts, "required_connection"), lambda s: live_attempt(s, row_id) is not None)


def a_renewal(servers: Stack) -> Case:
    from engine import renewal

    play = MoneyPlay.of(servers)
    play.set_clock(AUGUST)
    with transaction() as session:
        row_id = play.service(session).id
    return Case(play, row_id, (renewal, "price_renewal"), lambda s: s.get_one(Service, row_id).period_start == AUGUST)


def a_mail(servers: Stack) -> Case:
    from engine.notifications import mail

    play = MoneyPlay.of(servers)
    change_id = play.until_awaiting_payment("start")
    with transaction() as session:
        row_id = session.scalars(select(OutboxMessage.id).where(OutboxMessage.subject == change_id)).one()
    return Case(play, row_id, (mail, "compose"), lambda s: s.get_one(OutboxMessage, row_id).sent_at is not None)


def an_event(servers: Stack) -> Case:
    from engine.inbox import allocation

    play = MoneyPlay.of(servers)
    change_id = play.until_awaiting_payment("start")
    row_id = play.report(play.attempts(change_id)[0].id, yen(373))
    return Case(play, row_id, (allocation, "allocate_event"), lambda s: play.event(row_id).status == "processed")


CASES = [
    a_request,
    an_offer_that_is_over,
    a_payment_to_open,
    a_refund,
    a_document,
    a_renewal_to_collect,
    a_renewal,
    a_mail,
    an_event,
]


def renewed(servers: Stack) -> tuple[MoneyPlay, str]:
    play = MoneyPlay.of(servers)
    play.set_clock(AUGUST)
    invoice_id = play.renew().invoice_id
    assert invoice_id is not None
    return play, invoice_id


@pytest.fixture
def stack(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """What is enqueued runs at once, as a worker would run it; a task that fails ends its canvas."""

    def run_now(canvas: Signature[Any]) -> None:
        for one in getattr(canvas, "tasks", [canvas]):
            if create_app().tasks[one.task].apply(kwargs=one.kwargs).failed():
                return

    create_app().loader.import_default_modules()
    monkeypatch.setattr(tasks.story, "publish", run_now)
    with environment(dict(os.environ) | {"PLANSHIFT_ATTEMPTS_MAX": str(ATTEMPTS)}):
        yield servers


def let_time_pass(play: Play) -> None:
    """Every pause and every lease of a provider's rows is over; those of other tests' providers are not."""
    with transaction() as session:
        provider_id = play.provider(session).id
        for work in work_kinds.WORK_KINDS:
            mine = update(work.row).where(work.row.provider_id == provider_id)
            others = update(work.row).where(work.row.provider_id != provider_id)
            for rows, minutes in ((mine, -9), (others, 9)):
                at = func.clock_timestamp() + timedelta(minutes=minutes)
                session.execute(rows.where(work.row.next_attempt_at.is_not(None)).values(next_attempt_at=at))
            if hasattr(work.row, "lease_until"):
                session.execute(mine.values(lease_until=None))


def rounds(play: Play, count: int) -> None:
    for _ in range(count):
        let_time_pass(play)
        enqueue_due()
        scan()


def letters(play: Play) -> list[str]:
    with transaction() as session:
        return [letter.id for letter in dead_letters(session, play.provider(session).id)]


def run(*words: str) -> str:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def row_of(row_id: str) -> Any:
    from engine.jobs.work_kinds import work_kind_of

    with transaction() as session:
        return session.get_one(work_kind_of(row_id).row, row_id)


@pytest.mark.parametrize("case", CASES)
def test_what_always_fails_is_given_up_and_finished_after_the_mend(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, case: Callable[[Stack], Case]
) -> None:
    subject = case(stack)
    bug = Bug()
    with monkeypatch.context() as broken:
        broken.setattr(*subject.needs, bug)
        rounds(subject.play, ATTEMPTS)
        assert letters(subject.play) == [], "the last attempt has its pause, too"
        rounds(subject.play, 4)
    assert bug.calls == ATTEMPTS
    row = row_of(subject.row_id)
    assert (row.attempts, row.last_error, row.next_attempt_at) == (ATTEMPTS, "RuntimeError: a bug of ours", None)

    [listed] = json.loads(run("dead-letters", "list", "--provider", subject.play.slug, "--json"))
    assert (listed["id"], listed["error"], listed["attempts"]) == (
        subject.row_id,
        "RuntimeError: a bug of ours",
        ATTEMPTS,
    )
    with snapshot() as session:
        findings = audit_books(session, providers_to_audit(session, subject.play.slug))
    [overdue] = [finding for finding in findings if finding.name == OVERDUE]
    assert [row.row_id for row in overdue.rows if "given up" in row.what] == [subject.row_id]
    about = [one["about"] for one in json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)]
    assert "dead letters" in about

    run("dead-letters", "retry", subject.row_id, "--actor", "ana", "--reason", "mended")
    rounds(subject.play, 4)
    with transaction() as session:
        assert subject.done(session)
        actions = session.scalars(select(OperatorAction).where(OperatorAction.subject == subject.row_id)).all()
        assert [(action.actor, action.reason) for action in actions] == [("ana", "mended")]
        with pytest.raises(NotADeadLetter, match="dead-letters list"):
            retry_dead_letter(session, NOON_17_JULY, subject.row_id, Attribution("ana", "once more"))
    assert letters(subject.play) == []


@pytest.mark.parametrize("case", CASES)
def test_two_sweeps_at_once_enqueue_once_and_give_up_once(stack: Stack, case: Callable[[Stack], Case]) -> None:
    subject = case(stack)

    def both(attempts: int) -> list[tuple[int, int]]:
        """How often each of three sweeps, two of them at once, enqueues the row and gives it up."""
        let_time_pass(subject.play)
        with transaction() as session:
            row: Any = type(row_of(subject.row_id))
            session.execute(update(row).where(row.id == subject.row_id).values(attempts=attempts))
        with transaction() as one, transaction() as other:
            claims = [sweep.claim(session, work_kinds.WORK_KINDS) for session in (one, other)]
        with transaction() as later:
            claims.append(sweep.claim(later, work_kinds.WORK_KINDS))
        return [(claim.overdue_rows.count(subject.row_id), claim.given_up.count(subject.row_id)) for claim in claims]

    # After so many attempts the pause is minutes: the third sweep comes within it on any machine.
    with environment(dict(os.environ) | {"PLANSHIFT_ATTEMPTS_MAX": str(MANY_ATTEMPTS)}):
        assert both(MANY_ATTEMPTS - 1) == [(1, 0), (0, 0), (0, 0)]
        assert both(MANY_ATTEMPTS) == [(0, 1), (0, 0), (0, 0)]


def paid(servers: Stack) -> tuple[MoneyPlay, str]:
    play = MoneyPlay.of(servers)
    change_id = play.until_awaiting_payment("start")
    play.process(play.report(play.attempts(change_id)[0].id, yen(373)))
    assert play.step("settle", change_id) == "paid"
    return play, change_id


def test_a_paid_change_that_cannot_be_begun_is_stuck_and_retried(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    play, change_id = paid(stack)
    bug = Bug()
    with monkeypatch.context() as broken:
        broken.setattr(apply, "host_of", bug)
        rounds(play, ATTEMPTS + 1)
    assert bug.calls == ATTEMPTS
    change = play.change(change_id)
    assert (change.status, change.reason, change.next_attempt_at) == ("stuck", "given_up", None)
    assert change.reason_text == (
        "It was enqueued 4 times, and no step came to its end. The last error: RuntimeError: a bug of ours"
    )
    with transaction() as session:
        last = moves_of(session, PlanChange, change_id)[-1]
        assert (last.event, last.from_status, last.actor, last.reason) == ("give_up", "paid", "system", "given_up")
    assert change_id in run("changes", "list", "--stuck")
    run("changes", "retry", change_id, "--actor", "ana", "--reason", "mended")
    assert play.change(change_id).status == "applied"


def test_a_paid_change_that_cannot_even_be_given_up_is_a_dead_letter(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    play, change_id = paid(stack)
    with monkeypatch.context() as broken:
        broken.setattr(apply, "host_of", Bug())
        broken.setattr(apply, "_stuck", Bug())
        rounds(play, ATTEMPTS + work_kinds.ATTEMPTS_TO_GIVE_UP)
        assert letters(play) == []
        rounds(play, 1)
    assert letters(play) == [change_id]
    run("dead-letters", "retry", change_id, "--actor", "ana", "--reason", "mended")
    assert play.change(change_id).status == "applied"


def test_a_change_whose_outcome_cannot_be_written_is_stuck(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANSHIFT_APPLY_ATTEMPTS_MAX", "2")
    with environment(dict(os.environ)):
        play, change_id = paid(stack)
        bug = Bug()
        with monkeypatch.context() as broken:
            broken.setattr(apply, "_applied", bug)
            rounds(play, 3)
        assert bug.calls == 2
        change = play.change(change_id)
        assert (change.status, change.reason) == ("stuck", "given_up")
        assert "called 2 times" in (change.reason_text or "")
        assert "a bug of ours" in (change.reason_text or "")
        run("changes", "retry", change_id, "--actor", "ana", "--reason", "mended")
        assert play.change(change_id).status == "applied"


def test_a_change_whose_worker_dies_each_time_is_stuck(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANSHIFT_APPLY_ATTEMPTS_MAX", "2")
    with environment(dict(os.environ)):
        play, change_id = paid(stack)
        for _ in range(2):
            assert isinstance(local_step(apply.begin_apply, PlanChange, change_id), apply.ApplyCall)
            let_time_pass(play)
        assert play.step("apply", change_id) == "stuck"
        assert "a process died" in (play.change(change_id).reason_text or "")


def test_a_change_that_was_given_up_is_listed_and_retried(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = a_request(stack)
    with monkeypatch.context() as broken:
        broken.setattr(*subject.needs, Bug())
        rounds(subject.play, ATTEMPTS + 1)
    assert subject.row_id in run("changes", "list", "--stuck")
    run("changes", "retry", subject.row_id, "--actor", "ana", "--reason", "mended")
    assert subject.play.change(subject.row_id).status == "awaiting_payment"


def test_a_gateway_that_is_away_for_an_hour_is_waited_for(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the settings as they are: the pauses that were given add up to more than an hour."""
    subject = a_payment_to_open(servers)
    with monkeypatch.context() as broken:
        broken.setattr(*subject.needs, Bug(GatewayError("away")))
        waited, attempts = timedelta(0), 0
        while waited < timedelta(hours=1):
            let_time_pass(subject.play)
            with transaction() as session:
                assert subject.row_id in sweep.claim(session, work_kinds.SWEPT).overdue_rows
            subject.play.fetch(subject.row_id)
            with transaction() as session:
                at, now = session.execute(
                    select(PaymentAttempt.next_attempt_at, func.clock_timestamp()).where(
                        PaymentAttempt.id == subject.row_id
                    )
                ).one()
            waited, attempts = waited + (at - now), attempts + 1
    assert attempts < 20
    assert letters(subject.play) == []
    let_time_pass(subject.play)
    subject.play.fetch(subject.row_id)
    with transaction() as session:
        assert subject.done(session)


def claimed_renewal(play: Play) -> bool:
    with transaction() as session:
        return play.service(session).id in sweep.claim(session, [work_kinds.RENEWALS]).overdue_rows


def test_a_renewal_waits_for_a_change_without_using_up_its_attempts(servers: Stack) -> None:
    play, change_id = paid(servers)
    with transaction() as session:
        service = play.service(session)
        service.attempts, service.next_attempt_at = 12, func.clock_timestamp() + timedelta(minutes=10)
    play.set_clock(AUGUST)
    let_time_pass(play)
    assert not claimed_renewal(play)
    with transaction() as session:
        service = play.service(session)
        service.next_attempt_at = func.clock_timestamp() + timedelta(minutes=10)
    assert play.step("apply", change_id) == "applied"
    assert claimed_renewal(play), "at once: its attempts are there again"
    with transaction() as session:
        assert play.service(session).attempts == 1


def test_a_clock_that_jumps_makes_a_renewal_due_at_once(servers: Stack) -> None:
    play = Play.of(servers)
    assert not claimed_renewal(play)
    play.set_clock(AUGUST)
    assert claimed_renewal(play)
    assert not claimed_renewal(play), "there is a pause between two attempts"


def test_a_webhook_gives_a_change_its_attempts_back(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    change_id = play.until_awaiting_payment("start")
    with transaction() as session:
        session.execute(
            update(PlanChange)
            .where(PlanChange.id == change_id)
            .values(next_attempt_at=None, attempts=150, last_error="RuntimeError: a bug of ours")
        )
    play.process(play.report(play.attempts(change_id)[0].id, yen(373)))
    change = play.change(change_id)
    assert (change.attempts, change.last_error, change.next_attempt_at is not None) == (0, None, True)


def test_an_error_of_the_database_names_no_customer(servers: Stack) -> None:
    play = Play.of(servers)
    with pytest.raises(IntegrityError) as raised, transaction() as session:
        session.execute(text("UPDATE services SET quantity = 0 WHERE id = :id"), {"id": play.service(session).id})
    assert "zone" in str(raised.value)
    assert error_text(raised.value) == (
        'IntegrityError: new row for relation "services" violates check constraint "ck_services_quantity_positive"'
    )
