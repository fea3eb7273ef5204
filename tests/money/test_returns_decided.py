"""Staff decide about money that went back where the policy cannot: it is lost, or owed again. Dates and yen."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from cli.main import app
from domain.catalog import Outcome, Rule
from domain.errors import OpenInvoice
from domain.lifecycle import AttemptStatus, ServiceStatus
from domain.pricing.modes import Fraction, Proration
from engine.audit.checks import PATIENCE, audit_books
from engine.notifications import notices
from engine.notifications.bill_links import invoice_of
from engine.notifications.letter import letter_of
from engine.offers import price_for
from engine.operators import waiting
from engine.operators.dead_letter_retry import retry_dead_letter
from engine.operators.dead_letters import dead_letters
from engine.operators.manual_payments import StatementLine, record_payment
from engine.operators.returned_money import NothingReturned, decide_returned
from engine.payments import arrived_credit
from engine.payments.attempts import AttemptOpen, PaymentRefused, start_attempt
from local.stack import Stack
from models.arrived_credit import ArrivedCredit
from models.audit import Attribution, OperatorAction
from models.database import snapshot, transaction
from models.invoice import Invoice
from models.ledger import credit, debit, post
from models.moves import move
from models.outbox import OutboxMessage
from models.payment import PaymentAttempt
from tasks.run import local_step
from tests.support import loopback
from tests.support.money_play import DECISION, MoneyPlay, yen
from tests.support.play import AUGUST, NOON_17_JULY
from web.api.views import change_view

BY_DAY = Rule(cycle="same", outcome=Outcome.NOW, proration=Proration(fraction=Fraction.DAYS))


def upgraded(play: MoneyPlay, plan: str) -> str:
    change_id = play.request(plan)
    if play.steps("quote issue print request_payment", change_id) == "awaiting_payment":
        play.process(play.report(play.attempts(change_id)[-1].id, yen(play.invoice(change_id).due_minor)))
    assert play.steps("settle apply print", change_id) == "applied"
    return change_id


def closed(servers: Stack) -> tuple[MoneyPlay, str]:
    """Start on 17 July for ¥373, Business the same day: the second bill took the first one's Start back, and now the
    first one's money goes back. The policy says reverse, and it cannot be."""
    play = MoneyPlay.of(servers, catalog={"rules": (BY_DAY,)})
    first = upgraded(play, "start")
    upgraded(play, "business")
    play.process(play.report_refund(play.attempts(first)[0].id, 373, of=373))
    assert play.ledger()["returned"] == 373
    return play, first


def decide(change_id: str, decision: str, actor: str = "ana") -> str:
    arguments = ["returns", "decide", change_id, decision, "--actor", actor, "--reason", "agreed"]
    return CliRunner().invoke(app, arguments, catch_exceptions=False).stdout


def test_what_is_kept_is_lost_once(servers: Stack) -> None:
    play, first = closed(servers)
    for _ in range(2):
        assert decide(first, "keep") == f"{first}: 373 JPY is lost.\n"
    ledger = play.ledger()
    assert (ledger["losses"], ledger.get("returned", 0)) == (373, 0)
    with transaction() as session:
        action = session.scalars(select(OperatorAction).where(OperatorAction.subject == first)).one()
        assert (action.actor, action.reason, action.details["decision"]) == ("ana", "agreed", "keep")
        with pytest.raises(NothingReturned, match="decided already"):
            decide_returned(session, NOON_17_JULY, first, "owe", Attribution("bo", "no"))


def test_what_is_owed_again_is_paid_before_the_plan_changes(servers: Stack) -> None:
    play, first = closed(servers)
    with transaction() as session:
        move(session, play.service(session), "report", ServiceStatus.ACTIVE, NOON_17_JULY, actor="host")
    assert decide(first, "owe") == f"{first}: 373 JPY is owed again.\n"
    assert play.ledger()["receivable"] == 373
    with transaction() as session, pytest.raises(OpenInvoice) as refused:
        price_for(session, NOON_17_JULY, play.service(session), "basic", "monthly")
    assert (refused.value.details["invoice"], refused.value.details["amount_due"]) == (
        play.invoice(first).id, yen(373).as_json())  # fmt: skip
    with transaction() as session:
        line = StatementLine("line-1", yen(400), NOON_17_JULY, play.invoice(first).id)
        event, _ = record_payment(session, NOON_17_JULY, play.provider(session), line, DECISION)
    play.process(event.id)
    ledger = play.ledger()
    assert (ledger.get("receivable", 0), ledger["credit"], ledger["clearing:manual"]) == (0, -27, 400)
    with transaction() as session:
        price_for(session, NOON_17_JULY, play.service(session), "basic", "monthly")
    check_books(play)


def owed_again(servers: Stack) -> tuple[MoneyPlay, str, PaymentAttempt]:
    """Start for ¥373, of which the policy leaves what goes back to staff: ¥373 are owed again, by a payment that is
    open."""
    play, first = closed(servers)
    with transaction() as session:
        move(session, play.service(session), "report", ServiceStatus.ACTIVE, NOON_17_JULY, actor="host")
    decide(first, "owe")
    asked = play.attempts(first)[-1]
    assert (asked.status, asked.amount, len(play.attempts(first))) == ("creating", yen(373), 2)
    play.fetch(asked.id)
    asked = play.attempts(first)[-1]
    assert (asked.status, asked.checkout_url is None) == ("open", False)
    return play, first, asked


def test_who_owes_again_is_told_where_to_pay_and_pays(servers: Stack) -> None:
    play, first, asked = owed_again(servers)
    with transaction() as session:
        bill = play.invoice(first)
        mail = session.scalars(select(OutboxMessage).where(OutboxMessage.subject == bill.id)).one()
        assert (mail.event, mail.recipient, mail.values["owed"]) == ("owed_again", f"zone@{play.slug}.invalid", "¥373")
        assert invoice_of(mail.values["link"].rpartition("/")[2]) == bill.id
        view = change_view(session, session.merge(play.change(first), load=False))
        assert view.payment is not None
        assert (view.next_actions, view.payment.checkout_url) == (["pay"], asked.checkout_url)
        assert view.invoice is not None
        assert (view.invoice.status, view.invoice.amount_due.amount) == ("settled", 373)
        with pytest.raises(OpenInvoice) as refused:
            price_for(session, NOON_17_JULY, play.service(session), "basic", "monthly")
        assert refused.value.details["checkout_url"] == asked.checkout_url
    play.deliver_mails(bill.id)
    play.press_pay(first)
    play.fetch(asked.id)
    play.process_all()
    assert (play.attempts(first)[-1].status, play.ledger().get("receivable", 0)) == ("succeeded", 0)
    with transaction() as session:
        view = change_view(session, session.merge(play.change(first), load=False))
        assert (view.next_actions, view.invoice and view.invoice.amount_due.amount) == ([], 0)
        price_for(session, NOON_17_JULY, play.service(session), "basic", "monthly")


def test_what_ran_out_is_asked_for_again_by_the_customer(servers: Stack) -> None:
    play, first, asked = owed_again(servers)
    with transaction() as session:
        with pytest.raises(AttemptOpen):
            start_attempt(session, NOON_17_JULY, first)
        move(session, session.merge(asked, load=False), "expire", AttemptStatus.EXPIRED, NOON_17_JULY)
        session.flush()
        another = start_attempt(session, NOON_17_JULY, first).id
    play.fetch(another)
    play.press_pay(first)
    play.fetch(another)
    play.process_all()
    assert play.ledger().get("receivable", 0) == 0


def test_what_is_owed_again_and_refused_waits_for_a_person(servers: Stack) -> None:
    """The gateway takes no payment below ¥374 any more: nobody asks it for ¥373 again until a person says so."""
    play, first = closed(servers)
    play.turn(minimum=374)
    decide(first, "owe")
    refused = play.attempts(first)[-1]
    play.fetch(refused.id)
    assert play.attempts(first)[-1].status == "failed"
    with transaction() as session:
        [letter] = dead_letters(session, play.provider(session).id)
        assert (letter.id, letter.kind, letter.what) == (refused.id, "payment", "failed: 373 JPY")
        view = change_view(session, session.merge(play.change(first), load=False))
        assert (view.reason, view.next_actions) == ("payment_refused", [])
        with pytest.raises(PaymentRefused, match=r"The smallest payment is 374\..*operator"):
            start_attempt(session, NOON_17_JULY, first)
    play.turn()
    with transaction() as session:
        asked_again = retry_dead_letter(session, NOON_17_JULY, refused.id, DECISION)
    play.fetch(asked_again)
    assert play.attempts(first)[-1].amount == yen(373)
    play.press_pay(first)
    play.fetch(asked_again)
    play.process_all()
    assert play.ledger().get("receivable", 0) == 0
    with transaction() as session:
        assert dead_letters(session, play.provider(session).id) == []


@pytest.mark.parametrize(
    ("reported", "event"),
    [(("payment.failed",), "payment_declined"), (("payment.pending", "payment.failed"), "payment_did_not_come")],
)
def test_what_is_owed_again_and_not_paid_is_told(servers: Stack, reported: tuple[str, ...], event: str) -> None:
    """¥100 of ¥373 went back; the mail says ¥100, and where to pay it again."""
    play = MoneyPlay.of(servers)
    first = upgraded(play, "start")
    play.process(play.report_refund(play.attempts(first)[0].id, 100, of=373))
    decide(first, "owe")
    asked = play.attempts(first)[-1]
    for kind in reported:
        play.process(play.report(asked.id, yen(100), kind))
    with transaction() as session:
        mails = select(OutboxMessage).where(OutboxMessage.subject == play.invoice(first).id)
        [mail] = session.scalars(mails.where(OutboxMessage.event == event))
        assert mail.values["due"] == "¥100"
        assert start_attempt(session, NOON_17_JULY, first).amount == yen(100)


def test_a_bank_transfer_pays_it_and_the_open_payment_is_closed(servers: Stack) -> None:
    play, first, asked = owed_again(servers)
    with transaction() as session:
        line = StatementLine("line-2", yen(373), NOON_17_JULY, play.invoice(first).id)
        event, _ = record_payment(session, NOON_17_JULY, play.provider(session), line, DECISION)
    play.process(event.id)
    assert play.attempts(first)[-1].status == "canceling"
    play.fetch(asked.id)
    play.process_all()
    assert (play.attempts(first)[-1].status, play.ledger().get("receivable", 0)) == ("canceled", 0)


def test_parts_that_are_owed_again_are_asked_for_in_one_sum(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    first = upgraded(play, "start")
    for so_far in (100, 150):
        play.process(play.report_refund(play.attempts(first)[0].id, so_far, of=373))
        decide(first, "owe")
    assert [(one.status, one.amount_minor) for one in play.attempts(first)] == [
        ("succeeded", 373), ("canceling", 100), ("creating", 150)]  # fmt: skip
    with transaction() as session:
        mails = select(OutboxMessage).where(OutboxMessage.subject == play.invoice(first).id)
        assert [mail.values["owed"] for mail in session.scalars(mails.order_by(OutboxMessage.id))] == ["¥100", "¥150"]


def test_a_credit_pays_what_is_owed_again_first(servers: Stack) -> None:
    """¥100 of ¥373 went back and are owed; down to Basic the same day, ¥373 come back, 273 can be spent."""
    play = MoneyPlay.of(servers, catalog={"rules": (BY_DAY,)})
    first = upgraded(play, "start")
    play.process(play.report_refund(play.attempts(first)[0].id, 100, of=373))
    upgraded(play, "basic")
    assert (play.ledger()["credit"], play.ledger().get("returned", 0)) == (-273, 0)


def test_parts_are_decided_one_by_one(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    first = upgraded(play, "start")
    play.process(play.report_refund(play.attempts(first)[0].id, 100, of=373))
    assert decide(first, "keep") == f"{first}: 100 JPY is lost.\n"
    play.process(play.report_refund(play.attempts(first)[0].id, 150, of=373))
    assert decide(first, "owe") == f"{first}: 50 JPY is owed again.\n"
    assert (play.ledger()["losses"], play.ledger()["receivable"]) == (100, 50)


def test_a_running_dispute_is_not_decided(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    first = upgraded(play, "start")
    with transaction() as session, pytest.raises(NothingReturned, match="no money of it went back"):
        decide_returned(session, NOON_17_JULY, first, "keep", DECISION)
    play.process(play.report_dispute(play.attempts(first)[0].id, "opened", 373))
    with transaction() as session, pytest.raises(NothingReturned, match="a dispute runs"):
        decide_returned(session, NOON_17_JULY, first, "keep", DECISION)


def test_what_is_being_reversed_is_not_decided(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    first = upgraded(play, "start")
    assert play.process(play.report_refund(play.attempts(first)[0].id, 373, of=373)) is not None
    with transaction() as session, pytest.raises(NothingReturned, match="on its way"):
        decide_returned(session, NOON_17_JULY, first, "owe", DECISION)


def renewed(servers: Stack) -> tuple[MoneyPlay, str]:
    """Start's August, ¥1,320, was paid by debit, which failed weeks later; the service is suspended."""
    play = MoneyPlay.of(servers, plan="start")
    play.set_clock(AUGUST)
    invoice_id = play.renew().invoice_id
    assert invoice_id is not None
    attempt_id = play.request_renewal(invoice_id)
    play.process(play.report(attempt_id, yen(1320)))
    play.process(play.report_late_failure(attempt_id, 1320))
    assert play.ledger() == {"returned": 1320, "sales": -1200, "tax:jp-10": -120}
    return play, invoice_id


def allocate_credit(play: MoneyPlay) -> None:
    """As the task does it, where credit has arrived."""
    with transaction() as session:
        query = select(ArrivedCredit.id).where(ArrivedCredit.provider_id == play.provider(session).id)
        credit_id = session.scalars(query).one()
    bills = local_step(arrived_credit.open_bills, ArrivedCredit, credit_id)
    for one in bills.invoices:
        local_step(arrived_credit.pay_from_credit(one), ArrivedCredit, credit_id)
    local_step(arrived_credit.end_allocation(bills), ArrivedCredit, credit_id)


def attempts_at(invoice_id: str) -> list[PaymentAttempt]:
    with transaction() as session:
        query = select(PaymentAttempt).where(PaymentAttempt.invoice_id == invoice_id).order_by(PaymentAttempt.id)
        return list(session.scalars(query))


def pay_anew(play: MoneyPlay, invoice_id: str) -> None:
    """The customer pays at the checkout page of the newest payment."""
    asked = attempts_at(invoice_id)[-1]
    play.fetch(asked.id)
    checkout_url = attempts_at(invoice_id)[-1].checkout_url
    assert checkout_url
    loopback.post(checkout_url, data={"outcome": "pay"}).raise_for_status()
    play.fetch(asked.id)
    play.process_all()
    assert attempts_at(invoice_id)[-1].status == "succeeded"


def check_books(play: MoneyPlay) -> None:
    with snapshot() as session:
        results = audit_books(session, [play.provider(session).id], PATIENCE)
    assert [result.name for result in results if not result.holds and result.name != "nothing_is_overdue"] == []


def test_a_renewals_money_is_kept_as_a_loss_once(servers: Stack) -> None:
    play, invoice_id = renewed(servers)
    for _ in range(2):
        assert decide(invoice_id, "keep") == f"{invoice_id}: 1320 JPY is lost.\n"
    assert play.ledger() == {"losses": 1320, "sales": -1200, "tax:jp-10": -120}
    with transaction() as session:
        action = session.scalars(select(OperatorAction).where(OperatorAction.subject == invoice_id)).one()
        assert (action.action, action.details["decision"]) == ("returns.decide", "keep")
        with pytest.raises(NothingReturned, match="decided already"):
            decide_returned(session, AUGUST, invoice_id, "owe", DECISION)
        assert waiting.waiting_for_a_person(session, play.provider(session).id) == []


def test_a_renewal_that_is_owed_again_is_told_and_paid(servers: Stack) -> None:
    """The host lets the service run on; its plan changes once the ¥1,320 are there."""
    play, invoice_id = renewed(servers)
    with transaction() as session:
        move(session, play.service(session), "report", ServiceStatus.ACTIVE, AUGUST, actor="host")
    assert decide(invoice_id, "owe") == f"{invoice_id}: 1320 JPY is owed again.\n"
    assert play.ledger()["receivable"] == 1320
    assert [(one.status, one.amount_minor) for one in attempts_at(invoice_id)] == [
        ("succeeded", 1320), ("creating", 1320)]  # fmt: skip
    with transaction() as session:
        query = select(OutboxMessage).where(OutboxMessage.subject == invoice_id, OutboxMessage.event == "owed_again")
        assert session.scalars(query).one().values["owed"] == "¥1,320"
        with pytest.raises(OpenInvoice) as refused:
            price_for(session, AUGUST, play.service(session), "business", "monthly")
        assert refused.value.details["invoice"] == invoice_id
    pay_anew(play, invoice_id)
    assert play.ledger() == {"clearing:standard": 1320, "sales": -1200, "tax:jp-10": -120}
    with transaction() as session:
        price_for(session, AUGUST, play.service(session), "business", "monthly")
    check_books(play)


def test_staff_can_be_told_of_a_renewals_money(servers: Stack) -> None:
    _, invoice_id = renewed(servers)
    with transaction() as session:
        invoice = session.get_one(Invoice, invoice_id)
        notices.write(session, invoice, "money_returned")
        query = select(OutboxMessage).where(OutboxMessage.subject == invoice_id)
        mail = session.scalars(query.where(OutboxMessage.event == "money_returned")).one()
        letter = letter_of(mail.event, mail.locale, mail.values, for_staff=True)
    assert mail.values["link"].endswith(f"/staff/invoices/{invoice_id}")
    assert f"A payment of invoice {invoice.number} for zone went back, in part or whole." in letter.text


def test_credit_that_is_there_pays_what_is_owed_again_of_a_renewal(servers: Stack) -> None:
    """The customer has ¥1,320 of another sale; nobody is asked."""
    play, invoice_id = renewed(servers)
    with transaction() as session:
        service = play.service(session)
        credited = [debit("clearing:manual", "", yen(1320)), credit("credit", service.customer_id, yen(1320))]
        post(session, service.provider_id, ("test", invoice_id), AUGUST, credited)
    allocate_credit(play)
    decide(invoice_id, "owe")
    allocate_credit(play)
    assert play.ledger() == {"clearing:manual": 1320, "sales": -1200, "tax:jp-10": -120}
    assert attempts_at(invoice_id)[-1].status == "canceling"


def late_and_disputed(servers: Stack) -> tuple[MoneyPlay, str]:
    """Start was not paid in time and has expired; ¥1,000 came for it all the same, were credit, and ¥620 of it paid for
    Business: 7 of 31 days, 677 - 113 = 564, and 10 %, 56. Then the dispute about the ¥1,000 is lost: ¥380 are still
    there."""
    play = MoneyPlay.of(servers, catalog={"rules": (BY_DAY,)})
    first = play.until_awaiting_payment("start")
    attempt_id = play.attempts(first)[0].id
    play.set_clock(NOON_17_JULY.replace(day=25))
    play.step("expire", first)
    play.fetch(attempt_id)
    play.process_all()
    assert play.step("expire", first) == "expired"
    play.process(play.report(attempt_id, yen(1000), at="2027-07-25T03:00:00Z"))
    assert play.ledger() == {"clearing:standard": 1000, "credit": -1000}
    upgraded(play, "business")
    assert play.ledger()["credit"] == -380
    for what in ("opened", "lost"):
        play.process(play.report_dispute(attempt_id, what, 1000))
    assert play.ledger() == {"returned": 620, "sales": -564, "tax:jp-10": -56}
    return play, first


def test_late_money_of_a_change_that_has_expired_is_kept_as_a_loss(servers: Stack) -> None:
    play, first = late_and_disputed(servers)
    assert decide(first, "keep") == f"{first}: 620 JPY is lost.\n"
    assert (play.ledger()["losses"], play.ledger().get("returned", 0)) == (620, 0)


def test_late_money_of_a_change_that_has_expired_is_owed_and_paid_again(servers: Stack) -> None:
    play, first = late_and_disputed(servers)
    bill = play.invoice(first).id
    assert decide(bill, "owe") == f"{bill}: 620 JPY is owed again.\n"
    with transaction() as session:
        action = session.scalars(select(OperatorAction).where(OperatorAction.action == "returns.decide")
                                 .where(OperatorAction.subject == first)).one()  # fmt: skip
        assert action.details["amount"] == yen(620).as_json()
        view = change_view(session, session.merge(play.change(first), load=False))
        assert (view.status, view.next_actions) == ("expired", ["pay"])
        assert view.invoice is not None
        assert (view.invoice.status, view.invoice.amount_due.amount) == ("void", 620)
    pay_anew(play, bill)
    assert play.ledger() == {"clearing:standard": 620, "sales": -564, "tax:jp-10": -56}
    check_books(play)


def test_what_is_owed_of_a_change_that_has_expired_waits_where_the_gateway_refuses(servers: Stack) -> None:
    play, first = late_and_disputed(servers)
    play.turn(minimum=621)
    decide(first, "owe")
    refused = play.attempts(first)[-1]
    play.fetch(refused.id)
    with transaction() as session:
        assert [one.id for one in dead_letters(session, play.provider(session).id)] == [refused.id]


def test_a_paid_change_is_decided_when_it_is_applied(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    first = play.until_paid()
    play.process(play.report_refund(play.attempts(first)[0].id, 100, of=373))
    for row_id in (first, play.invoice(first).id):
        with transaction() as session, pytest.raises(NothingReturned, match=f"{row_id}: its plan is on its way"):
            decide_returned(session, NOON_17_JULY, row_id, "keep", DECISION)
    assert play.step("apply", first) == "applied"
    assert decide(first, "keep") == f"{first}: 100 JPY is lost.\n"


def test_the_oldest_of_what_went_back_is_listed_first(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is listed is what went back first, whichever was sold first."""
    play = MoneyPlay.of(servers)
    places = [play.beside(ref) for ref in "abcd"]
    bills = [(place, place.until_paid()) for place in places]
    monkeypatch.setattr(waiting, "LISTED_MAX", 1)
    for place, change_id in reversed(bills):
        place.process(place.report_refund(place.attempts(change_id)[0].id, 100, of=373))
        with transaction() as session:
            found = waiting.waiting_for_a_person(session, play.provider(session).id)
        assert [one.row.id for one in found if one.kind == "returned"] == [play.invoice(bills[-1][1]).id]
