"""Money that goes back twice, or after what it paid was undone: nobody has it twice, and nobody else pays for it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.money import Money
from engine.operators.manual_payments import match_payment
from engine.operators.recovery import compensation
from engine.operators.returned_money import decide_returned
from local.stack import Stack
from models.base import new_id
from models.database import transaction
from models.payment import latest_attempt
from models.plan_change import PlanChange
from tasks.run import external_step
from tests.money.test_manual_payments import record
from tests.money.test_returns import TOTAL, applied, awaiting, newest_change, service
from tests.support import loopback
from tests.support.at_once import waits_for
from tests.support.ending_play import EndingPlay
from tests.support.money_play import DECISION, MoneyPlay, yen
from tests.support.play import AUGUST, NOON_17_JULY

SOLD = {"sales": -339, "tax:jp-10": -34}


def renewed(servers: Stack, **policies: str) -> tuple[EndingPlay, str]:
    """Business for August, ¥3,300, five seconds later; the invoice's id."""
    play = EndingPlay.of(servers, plan="business")
    play.load_policies(**policies)
    invoice_id = play.renew_at(AUGUST)
    assert invoice_id is not None
    play.set_clock(AUGUST + timedelta(seconds=5))
    return play, invoice_id


def knobs(play: MoneyPlay, **values: str) -> None:
    loopback.put(f"{play.stack.addresses.host}/_knobs/{play.slug}", json=values).raise_for_status()


def dollars(amount: int) -> Money:
    return Money(amount, "USD")


def unmatched(play: MoneyPlay) -> str:
    """373 dollars came for 373 yen; the attempt's id."""
    attempt_id = play.attempts(play.until_awaiting_payment("start"))[0].id
    play.process(play.report(attempt_id, dollars(TOTAL)))
    return attempt_id


def test_what_belongs_to_nothing_and_goes_back_twice_is_not_taken_from_others(servers: Stack) -> None:
    """The bank returned the payment; then the payer's other bank asks for it, too, and in the end gives it again."""
    play = MoneyPlay.of(servers)
    attempt_id = unmatched(play)
    unmatched(play.beside("b"))
    play.process(play.report_late_failure(attempt_id, TOTAL, "USD"))
    play.process(play.report_dispute(attempt_id, "opened", TOTAL, "USD"))
    assert play.ledger() == {"losses": 373, "unmatched:standard": -373}
    other = next(payment for payment in play.payments() if payment.attempt_id != attempt_id)
    with transaction() as session:
        assert session.merge(other, load=False).refundable == dollars(373)
    play.process(play.report_dispute(attempt_id, "won", TOTAL, "USD"))
    assert play.ledger() == {"clearing:standard": 373, "unmatched:standard": -373}


def test_our_refund_that_fails_after_the_bank_took_the_money_makes_the_loss_good(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    attempt_id = unmatched(play)
    refund_id = play.start_refund(play.payments()[0].id)
    play.process(play.report_late_failure(attempt_id, TOTAL, "USD"))
    assert play.ledger() == {"losses": 373, "refunding": -373}
    assert play.send_refund(refund_id) == "failed"  # the gateway has nothing left of it
    assert play.ledger() == {}


def test_what_is_held_and_goes_back_twice_is_lost(servers: Stack) -> None:
    play, change_id, attempt_id = awaiting(servers)
    play.process(play.report(attempt_id, yen(TOTAL)))
    play.process(play.report_refund(attempt_id, TOTAL, of=TOTAL))
    play.process(play.report_dispute(attempt_id, "opened", TOTAL))
    assert play.ledger() == {"clearing:standard": -373, "losses": 373}
    play.process(play.report_dispute(attempt_id, "won", TOTAL))
    assert play.ledger() == {}
    assert play.step("settle", change_id) == "awaiting_payment"


def test_a_dispute_in_another_currency_than_the_bills_is_lost_like_any(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    attempt_id = unmatched(play)
    for what in ("opened", "lost"):
        event_id = play.report_dispute(attempt_id, what, TOTAL, "USD")
        play.process(event_id)
        assert play.event(event_id).status == "processed"
    assert play.ledger() == {}


def test_what_was_lost_of_a_sale_is_no_credit_when_it_is_undone(servers: Stack) -> None:
    """100 are refunded and borne; then the other 273 go back too, and the plan with them."""
    play, change_id, attempt_id = applied(servers)
    play.process(play.report_refund(attempt_id, 100, of=TOTAL))
    with transaction() as session:
        assert decide_returned(session, NOON_17_JULY, change_id, "keep", DECISION) == yen(100)
    assert play.ledger() == {"clearing:standard": 273, "losses": 100, **SOLD}
    play.process(play.report_refund(attempt_id, TOTAL, of=TOTAL))
    back = newest_change(play)
    assert play.step("apply", back.id) == "applied"
    assert play.change(change_id).status == "reversed"
    assert play.ledger() == {}


def test_what_a_note_has_answered_goes_back_from_the_credit_that_it_became(servers: Stack) -> None:
    """3,300 of a renewal came after its service had ended; the debit fails."""
    play, invoice_id = renewed(servers)
    attempt_id = play.request_renewal(invoice_id)
    play.report_status("canceled")
    play.process(play.report(attempt_id, yen(3300), at="2027-08-01T00:01:00Z"))
    assert play.ledger() == {"clearing:standard": 3300, "credit": -3300}
    play.process(play.report_late_failure(attempt_id, 3300))
    assert play.ledger() == {}


def test_what_a_note_has_paid_of_a_bill_was_too_much(servers: Stack) -> None:
    """The service ends on 17 August: 1,597 of the unpaid 3,300 are credit, and 3,300 are paid all the same."""
    play, invoice_id = renewed(servers, ending_credit="by_day")
    attempt_id = play.request_renewal(invoice_id)
    play.set_clock(NOON_17_JULY.replace(month=8))
    play.run_ending(play.end("now"))
    play.process(play.report(attempt_id, yen(3300), at="2027-08-17T03:01:00Z"))
    assert (play.ledger()["credit"], play.ledger().get("receivable", 0)) == (-1597, 0)
    play.process(play.report_refund(attempt_id, 1597, of=3300))
    assert play.ledger() == {"clearing:standard": 1703, "sales": -1548, "tax:jp-10": -155}


@pytest.mark.parametrize(
    ("what", "ledger"), [("lost", {"losses": 373, **SOLD}), ("won", {"clearing:standard": 373, **SOLD})]
)
def test_a_dispute_that_runs_when_the_plan_is_applied_is_decided_when_it_ends(
    servers: Stack, what: str, ledger: dict[str, int]
) -> None:
    play, change_id, attempt_id = awaiting(servers, money_returned="keep")
    play.process(play.report(attempt_id, yen(TOTAL)))
    assert play.step("settle", change_id) == "paid"
    play.process(play.report_dispute(attempt_id, "opened", TOTAL))
    assert play.step("apply", change_id) == "applied"
    assert play.ledger() == {"returned": 373, **SOLD}
    play.process(play.report_dispute(attempt_id, what, TOTAL))
    assert play.ledger() == ledger


def test_what_else_goes_back_while_a_dispute_runs_is_decided_after_it(servers: Stack) -> None:
    """100 are disputed, the other 273 refunded; the 100 are won."""
    play, change_id, attempt_id = applied(servers, money_returned="keep")
    play.process(play.report_dispute(attempt_id, "opened", 100))
    play.process(play.report_refund(attempt_id, 273, of=TOTAL))
    assert play.ledger() == {"returned": 373, **SOLD}
    assert "money_returned" not in play.notices(change_id)
    play.process(play.report_dispute(attempt_id, "won", 100))
    assert play.ledger() == {"clearing:standard": 100, "returned": 273, **SOLD}
    assert "money_returned" in play.notices(change_id)


def test_a_dispute_that_is_won_after_it_was_lost_makes_the_loss_good(servers: Stack) -> None:
    play, _, attempt_id = applied(servers, money_returned="keep")
    play.process(play.report_dispute(attempt_id, "lost", TOTAL))
    assert play.ledger() == {"losses": 373, **SOLD}
    play.process(play.report_dispute(attempt_id, "won", TOTAL))
    assert play.ledger() == {"clearing:standard": 373, **SOLD}
    # Nothing is open: a second payment is credit, and what goes back is answered.
    play.process(play.report_second(attempt_id, TOTAL))
    assert play.ledger() == {"clearing:standard": 746, "credit": -373, **SOLD}


def test_what_goes_back_after_a_dispute_was_lost_and_won_is_answered(servers: Stack) -> None:
    play, change_id, attempt_id = applied(servers, money_returned="suspend")
    for what in ("lost", "won"):
        play.process(play.report_dispute(attempt_id, what, TOTAL))
    assert play.ledger() == {"clearing:standard": 373, **SOLD}
    play.process(play.report_late_failure(attempt_id, TOTAL))
    assert (play.ledger()["returned"], service(play).status) == (373, "suspended")
    assert "money_returned" in play.notices(change_id)


def test_what_goes_back_of_a_bill_that_is_open_is_owed_with_the_rest(servers: Stack) -> None:
    """1,000 of 3,300 were paid, and fail; staff ask for all of it in one sum."""
    play, invoice_id = renewed(servers)
    attempt_id = play.request_renewal(invoice_id)
    play.process(play.report(attempt_id, yen(1000)))
    play.process(play.report_late_failure(attempt_id, 1000))
    assert (play.ledger()["receivable"], play.ledger()["returned"]) == (2300, 1000)
    with transaction() as session:
        assert decide_returned(session, NOON_17_JULY, invoice_id, "owe", DECISION) == yen(1000)
        asked = latest_attempt(session, invoice_id)
        assert asked is not None
        assert (asked.amount, asked.id != attempt_id) == (yen(3300), True)


def test_a_renewals_dispute_that_runs_suspends_nobody(servers: Stack) -> None:
    play, invoice_id = renewed(servers)
    attempt_id = play.request_renewal(invoice_id)
    play.process(play.report(attempt_id, yen(3300)))
    play.process(play.report_dispute(attempt_id, "opened", 1300))
    play.process(play.report_refund(attempt_id, 2000, of=3300))
    assert service(play).status == "active"
    play.process(play.report_dispute(attempt_id, "lost", 1300))
    assert service(play).status == "suspended"


def test_a_plan_that_could_not_be_taken_back_is_not_taken_back_again(servers: Stack) -> None:
    """The host refused it, the customer owed the money, paid, and that goes back as well."""
    play, change_id, attempt_id = applied(servers)
    play.process(play.report_late_failure(attempt_id, TOTAL))
    back = newest_change(play).id
    knobs(play, refuse="the rack is full")
    assert play.step("apply", back) == "stuck"
    knobs(play)
    assert external_step(compensation(DECISION), PlanChange, back) == "compensated"
    with transaction() as session:
        assert decide_returned(session, NOON_17_JULY, change_id, "owe", DECISION) == yen(373)
    again = play.attempts(change_id)[-1].id
    play.process(play.report(again, yen(TOTAL)))
    assert play.ledger() == {"clearing:standard": 373, **SOLD}
    event_id = play.report_late_failure(again, TOTAL)
    play.process(event_id)
    assert play.event(event_id).status == "processed"
    assert play.ledger() == {"returned": 373, **SOLD}
    assert service(play).status == "suspended"


def test_a_return_that_waits_for_a_match_under_way_comes_again(servers: Stack) -> None:
    """It was unmatched money when the return came, and is held for a change when it has the lock."""
    play = MoneyPlay.of(servers)
    change_id = play.until_awaiting_payment("start")
    unknown = new_id("pay")  # of a restored database
    came = play.report(unknown, yen(TOTAL))
    while play.event(came).status != "processed":
        play.process(came)
    returned = play.report_late_failure(unknown, TOTAL)
    paid, invoice = play.payments()[0], play.invoice(change_id)
    with transaction() as session:
        match_payment(session, NOON_17_JULY, play.provider(session), paid.id, invoice.id, DECISION)
        with waits_for(session, lambda: str(play.process(returned))):
            pass
    assert play.event(returned).status == "parked"
    assert play.process(returned) is None
    assert play.event(returned).status == "processed"
    assert play.ledger() == {}
    assert play.step("settle", change_id) == "awaiting_payment"


def test_who_pays_again_what_went_back_of_a_renewal_owes_nothing(servers: Stack) -> None:
    """The debit failed; the 3,300 come by bank, and 200 too much."""
    play, invoice_id = renewed(servers)
    attempt_id = play.request_renewal(invoice_id)
    play.process(play.report(attempt_id, yen(3300)))
    play.process(play.report_late_failure(attempt_id, 3300))
    assert play.ledger()["returned"] == 3300
    assert play.notices(invoice_id).count("money_returned") == 1
    record(play, "5/8", yen(3500), invoice_id)
    assert play.ledger() == {"clearing:manual": 3500, "credit": -200, "sales": -3000, "tax:jp-10": -300}


def test_who_pays_while_a_dispute_runs_pays_once(servers: Stack) -> None:
    """What comes meanwhile is credit, and pays if the dispute is lost."""
    play, invoice_id = renewed(servers)
    attempt_id = play.request_renewal(invoice_id)
    play.process(play.report(attempt_id, yen(3300)))
    play.process(play.report_dispute(attempt_id, "opened", 3300))
    record(play, "5/8", yen(3300), invoice_id)
    assert (play.ledger()["returned"], play.ledger()["credit"]) == (3300, -3300)
    play.process(play.report_dispute(attempt_id, "lost", 3300))
    assert play.ledger() == {"clearing:manual": 3300, "sales": -3000, "tax:jp-10": -300}


def test_staff_hear_of_spent_money_that_goes_back_of_an_ended_change(servers: Stack) -> None:
    """373 came late and are credit; they are on their way back to the customer, and the bank takes them as well."""
    play, change_id, attempt_id = awaiting(servers)
    play.set_clock(NOON_17_JULY.replace(day=25))
    play.step("expire", change_id)
    play.fetch(attempt_id)
    play.process_all()
    assert play.step("expire", change_id) == "expired"
    play.process(play.report(attempt_id, yen(TOTAL), at="2027-07-25T03:05:00Z"))
    play.start_refund(play.payments()[0].id)
    play.process(play.report_late_failure(attempt_id, TOTAL))
    assert play.ledger() == {"refunding": -373, "returned": 373}
    assert "money_returned" in play.notices(change_id)
