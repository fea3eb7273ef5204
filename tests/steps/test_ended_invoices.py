"""The renewal's invoice of a service that ended: void by policy where nothing was paid, or as staff decide.

Business was renewed on 1 August 2027 for ¥3,300, tax of ¥300 in it.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.lifecycle import ServiceStatus
from engine.dunning import mark_past_due
from engine.ledger.billed_items import LaterBill
from engine.operators.ended_invoices import decide
from engine.operators.manual_payments import UnknownInvoice
from engine.payments.ended_invoices import Decision, NotDecidable
from local.stack import Stack
from models.audit import Attribution
from models.database import transaction
from models.payment import PaymentAttempt
from tests.steps.test_ending import audited
from tests.support.ending_play import EndingPlay
from tests.support.money_play import yen
from tests.support.play import AUGUST

ANA = Attribution("ana", "the customer wrote on the same day")
SECONDS_LATER = AUGUST + timedelta(seconds=5)


def renewed(servers: Stack, **policies: object) -> tuple[EndingPlay, str]:
    """A service that was renewed, five seconds later; its invoice's id."""
    play = EndingPlay.of(servers, plan="business")
    if policies:
        play.load_policies(**policies)
    invoice_id = play.renew_at(AUGUST)
    assert invoice_id is not None
    play.set_clock(SECONDS_LATER)
    return play, invoice_id


def decided(play: EndingPlay, invoice_id: str, decision: Decision) -> str | None:
    with transaction() as session:
        provider = play.provider(session)
        note = decide(session, SECONDS_LATER, provider, invoice_id, decision, ANA)
        return note.number if note else None


def test_a_service_that_ends_seconds_after_its_renewal_owes_nothing(servers: Stack) -> None:
    """Its checkout is closed; ¥3,300 that come all the same are credit. Nothing becomes past due."""
    play, invoice_id = renewed(servers)
    attempt_id = play.request_renewal(invoice_id)
    play.report_status("canceled")
    note = play.note_on(invoice_id)
    assert note is not None
    assert (note.kind, note.total_minor, note.content["corrects"]) == ("credit_note", -3300, play.numbers()[0])
    assert play.service_invoice(invoice_id).status == "settled"
    with transaction() as session:
        assert session.get_one(PaymentAttempt, attempt_id).status == "canceling"
    assert (play.ledger(), play.items()) == ({}, [])
    play.report_status("canceled")
    assert len(play.numbers()) == 2
    play.set_clock(AUGUST + timedelta(days=30))
    with transaction() as session:
        mark_past_due(session)
        assert play.service(session).status == ServiceStatus.CANCELED
    play.process(play.report(attempt_id, yen(3300), at="2027-08-01T00:01:00Z"))
    assert play.ledger() == {"clearing:standard": 3300, "credit": -3300}
    audited(play)


@pytest.mark.parametrize("status", ["canceled", "terminated"])
def test_by_policy_it_is_kept(servers: Stack, status: str) -> None:
    play, invoice_id = renewed(servers, ended_invoice="keep")
    play.report_status(status)
    assert (play.service_invoice(invoice_id).status, play.note_on(invoice_id)) == ("open", None)
    assert play.ledger()["receivable"] == 3300


def test_where_something_was_paid_it_is_left_to_staff(servers: Stack) -> None:
    """¥1,000 of ¥3,300 came. Void is refused; a credit note gives the ¥1,000 back as credit and asks for no more."""
    play, invoice_id = renewed(servers)
    attempt_id = play.request_renewal(invoice_id)
    play.process(play.report(attempt_id, yen(1000), at="2027-08-01T00:00:00Z"))
    play.report_status("canceled")
    assert play.note_on(invoice_id) is None
    with pytest.raises(NotDecidable, match="credit"):
        decided(play, invoice_id, "void")
    assert "CN-2027-" in str(decided(play, invoice_id, "credit"))
    assert play.ledger() == {"clearing:standard": 1000, "credit": -1000}
    with pytest.raises(NotDecidable, match="already"):
        decided(play, invoice_id, "credit")
    audited(play)


def test_a_paid_invoice_can_be_credited(servers: Stack) -> None:
    play, invoice_id = renewed(servers)
    play.process(play.report(play.request_renewal(invoice_id), yen(3300), at="2027-08-01T00:00:00Z"))
    play.report_status("canceled")
    decided(play, invoice_id, "credit")
    assert play.ledger() == {"clearing:standard": 3300, "credit": -3300}


def test_staff_void_what_the_policy_kept_or_say_why_it_stays(servers: Stack) -> None:
    play, invoice_id = renewed(servers, ended_invoice="keep")
    with pytest.raises(NotDecidable, match="has not ended"):
        decided(play, invoice_id, "void")
    play.report_status("canceled")
    assert decided(play, invoice_id, "keep") is None
    assert play.ledger()["receivable"] == 3300
    assert "CN-2027-" in str(decided(play, invoice_id, "void"))
    assert play.ledger() == {}


def test_a_period_that_was_over_was_supplied_and_stays_owed(servers: Stack) -> None:
    """August was had, and the service ended at its end."""
    play, invoice_id = renewed(servers)
    ending_id = play.end()
    play.set_clock(AUGUST + timedelta(days=31))
    assert play.run_ending(ending_id) == "ending"
    assert (play.service_invoice(invoice_id).status, play.ledger()["receivable"]) == ("open", 3300)


def test_an_ending_at_once_on_the_first_day_takes_all_of_it_back(servers: Stack) -> None:
    """31 of 31 days are unused: the credit note of the ending pays the whole invoice, and no second note is written."""
    play, invoice_id = renewed(servers)
    ending_id = play.end("now")
    assert play.credit_note_of(ending_id).total_minor == -3300
    assert (play.service_invoice(invoice_id).status, play.note_on(invoice_id), play.ledger()) == ("settled", None, {})
    with pytest.raises(LaterBill):
        decided(play, invoice_id, "credit")


def test_where_an_ending_gives_nothing_back_an_unpaid_invoice_is_void(servers: Stack) -> None:
    """The items stay open until the invoice is answered: it is taken back whole."""
    play, invoice_id = renewed(servers, ending_credit="nothing")
    ending_id = play.end("now")
    assert play.note_on(invoice_id) is not None
    assert (play.ending(ending_id).lost_minor, play.ledger(), play.items()) == (0, {}, [])
    audited(play)


def test_an_invoice_is_decided_by_its_own_provider(servers: Stack) -> None:
    play, invoice_id = renewed(servers, ended_invoice="keep")
    play.report_status("canceled")
    other = EndingPlay.of(servers)
    for player, name in ((other, invoice_id), (play, "inv_unknown")):
        with pytest.raises(UnknownInvoice):
            decided(player, name, "void")
    assert play.ledger()["receivable"] == 3300
