"""A change is stuck: an operator retries it or compensates it, and the books show both."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from domain.money import Money
from engine.audit.checks import audit_books, providers_to_audit
from engine.audit.watch import troubles
from engine.operators.recovery import CompensateCall, NotStuck, begin_compensation, cancel, compensation, retry
from local.stack import Stack
from models.audit import Attribution, OperatorAction
from models.database import snapshot, transaction
from models.invoice import Invoice
from models.ledger import LedgerTransaction
from models.moves import moves_of
from models.outbox import OutboxMessage
from models.plan_change import ChangeMove, PlanChange
from models.provider import business_now
from provisioners.registry import PROVISIONERS
from tasks.run import external_step, local_step
from tests.support import loopback
from tests.support.play import AUGUST, Play

ANA = Attribution("ana", "the rack was full")


def knobs(play: Play, **values: object) -> None:
    url = f"{play.stack.addresses.host}/_knobs/{play.slug}"
    loopback.put(url, json=values).raise_for_status()


def hosted(play: Play) -> dict[str, object]:
    url = f"{play.stack.addresses.host}/services/zone"
    document: dict[str, object] = loopback.get(url, params={"account": play.slug}).json()
    return document


def keys(play: Play) -> list[str]:
    answer = loopback.get(f"{play.stack.addresses.host}/_orders/{play.slug}")
    return [order["key"].split(":", 1)[1] for order in answer.json()["orders"]]


def stuck(play: Play, plan: str = "start", amount: int = 373) -> str:
    """Paid, and refused by the host."""
    url = f"{play.stack.addresses.host}/services/zone"
    basic = {"account": play.slug, "plan": "basic", "limits": {"zones": 3, "records": 100}, "usage": {}}
    loopback.put(url, json=basic).raise_for_status()
    change_id = play.until_awaiting_payment(plan)
    play.process(play.report(play.attempts(change_id)[-1].id, Money(amount, "JPY")))
    play.step("settle", change_id)
    knobs(play, refuse="the rack is full")
    assert play.step("apply", change_id) == "stuck"
    return change_id


def do_retry(change_id: str, attribution: Attribution = ANA) -> str:
    with transaction() as session:
        return retry(session, business_now(session, PlanChange, change_id), change_id, attribution).value


def compensate(change_id: str) -> str:
    return external_step(compensation(ANA), PlanChange, change_id).value


def print_all(play: Play) -> None:
    from engine.invoicing.printing import print_invoice

    with transaction() as session:
        ids = session.scalars(select(Invoice.id).where(Invoice.provider_id == play.provider(session).id)).all()
    for invoice_id in ids:
        external_step(print_invoice, Invoice, invoice_id)


def violations(play: Play) -> dict[str, object]:
    print_all(play)
    with snapshot() as session:
        findings = audit_books(session, providers_to_audit(session, play.slug))
    return {finding.name: finding.rows for finding in findings if not finding.holds}


def last_move(change_id: str) -> ChangeMove:
    with transaction() as session:
        last: ChangeMove = moves_of(session, PlanChange, change_id)[-1]
        return last


def test_a_retry_after_a_definite_no_is_a_new_round(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = stuck(play)
    knobs(play)
    assert do_retry(change_id) == "applying"
    move = last_move(change_id)
    assert (move.event, move.actor, move.reason) == ("retry", "operator:ana", "the rack was full")
    assert play.step("apply", change_id) == "applied"
    assert keys(play) == ["apply:1", "apply:2"]
    assert play.ledger() == {"clearing:standard": 373, "sales": -339, "tax:jp-10": -34}
    assert violations(play) == {}


def test_a_retry_reads_first_and_repeats_nothing_that_was_done(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = stuck(play)
    with transaction() as session:
        change = session.get_one(PlanChange, change_id)
        change.reason = "host_unreachable"  # the answer was lost, and the host had done it
        generation = change.generation
    limits = {"zones": 10, "records": 1000}
    order: dict[str, Any] = {"service_ref": "zone", "plan": "start", "limits": limits, "generation": generation}
    knobs(play)
    _order_directly(play, change_id, order)
    do_retry(change_id)
    made = len(keys(play))
    assert play.step("apply", change_id) == "applied"
    assert len(keys(play)) == made, "it was only read"


def _order_directly(play: Play, change_id: str, order: dict[str, Any]) -> None:
    from engine.accounts.providers import host_of
    from provisioners.protocol import PlanOrder

    with transaction() as session:
        name, host = host_of(session, play.provider(session).id)
    PROVISIONERS[name].apply(host, PlanOrder(**order, key=f"{change_id}:apply:other"))


def test_a_change_that_a_person_cancels_names_them_and_why(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_awaiting_payment("start")
    with transaction() as session:
        assert cancel(session, business_now(session, PlanChange, change_id), change_id, ANA) == "canceled"
        [action] = session.scalars(select(OperatorAction).where(OperatorAction.subject == change_id)).all()
        assert (action.action, action.actor, action.reason) == ("change.cancel", "ana", "the rack was full")
    assert last_move(change_id).actor == "operator"


def test_whose_changes_are_stuck_is_told(servers: Stack) -> None:
    play, other = Play.of(servers), Play.of(servers)
    stuck(play)
    other.request("start")
    with transaction() as session:
        told = [one.sentence for one in troubles(session, ()) if one.kind == "stuck" and one.subject == play.slug]
        subjects = {one.subject for one in troubles(session, ()) if one.kind == "stuck"}
    assert told == ["1 changes are stuck. See `planshift changes list --stuck`."]
    assert other.slug not in subjects


def test_only_what_is_stuck(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.request("start")
    with pytest.raises(NotStuck, match="is requested"):
        do_retry(change_id)
    with pytest.raises(NotStuck):
        compensate(change_id)


def test_compensation_gives_credit_a_credit_note_and_the_old_plan(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = stuck(play)
    knobs(play)
    assert compensate(change_id) == "compensated"
    assert compensate(change_id) == "compensated"
    # Paid 373, which is credit now; nothing was earned.
    assert play.ledger() == {"clearing:standard": 373, "credit": -373}
    assert play.postings() == ["payment", "settle", "correction"]
    assert (hosted(play)["plan"], hosted(play)["generation"]) == ("basic", 2)
    with transaction() as session:
        note = session.execute(
            select(Invoice).where(Invoice.corrects_id.is_not(None), Invoice.provider_id == play.provider(session).id)
        ).scalar_one()
        assert (note.kind, note.net_minor, note.tax_minor, note.total_minor) == ("credit_note", -339, -34, -373)
        assert "CN-2027-000001" in (note.number or "")
        assert note.content["corrects"] == play.invoice(change_id).number
        assert play.service(session).plan == "basic"
        events = session.scalars(select(OutboxMessage.event).where(OutboxMessage.subject == change_id)).all()
    assert {"compensated", "plan_changed"} & set(events) == {"compensated"}
    move = last_move(change_id)
    assert (move.to_status, move.actor, move.reason) == ("compensated", "operator:ana", "the rack was full")
    assert violations(play) == {}


def test_a_call_that_wakes_up_after_the_compensation_is_refused_by_the_host(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = stuck(play)
    knobs(play)
    with transaction() as session:
        generation = session.get_one(PlanChange, change_id).generation
    assert compensate(change_id) == "compensated"
    order: dict[str, Any] = {
        "service_ref": "zone",
        "plan": "start",
        "limits": {"zones": 10, "records": 1000},
        "generation": generation,
    }
    with pytest.raises(Exception, match="older than"):
        _order_directly(play, change_id, order)
    assert hosted(play)["plan"] == "basic"


def test_a_host_that_takes_no_order_may_show_the_old_plan_once_no_call_can_be_under_way(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = stuck(play)
    assert compensate(change_id) == "stuck"
    assert "an earlier call may be under way" in (play.change(change_id).reason_text or "")
    call = local_step(begin_compensation, PlanChange, change_id)
    assert isinstance(call, CompensateCall)
    later = CompensateCall(call.change_id, call.fence, call.provisioner, call.host, call.order, may_read=True)
    step = compensation(ANA)
    with transaction() as session:
        now = business_now(session, PlanChange, change_id)
        assert step.finish(session, now, later, step.perform(later)) == "compensated"
    assert violations(play) == {}


def test_a_host_with_the_new_plan_is_not_compensated(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = stuck(play)
    knobs(play, deaf=True)
    other = {"account": play.slug, "plan": "start", "limits": {"zones": 10, "records": 1000}, "usage": {}}
    loopback.put(f"{play.stack.addresses.host}/services/zone", json=other).raise_for_status()
    assert compensate(change_id) == "stuck"
    assert "does not show the old plan" in (play.change(change_id).reason_text or "")


def test_a_downgrade_at_renewal_that_the_host_refuses_is_billed_at_the_old_price(servers: Stack) -> None:
    play = Play.of(servers, plan="start")
    change_id = play.request("basic")
    play.step("quote", change_id)
    play.set_clock(AUGUST)
    play.renew()
    knobs(play, refuse="no")
    assert play.step("apply", change_id) == "stuck"
    assert play.ledger() == {"receivable": 550, "sales": -500, "tax:jp-10": -50}
    knobs(play)
    assert compensate(change_id) == "compensated"
    # 500 and 10 % taken back, 1200 and 10 % owed instead.
    assert play.ledger() == {"receivable": 1320, "sales": -1200, "tax:jp-10": -120}
    with transaction() as session:
        kinds = session.execute(
            select(Invoice.kind, Invoice.total_minor, Invoice.due_minor)
            .where(Invoice.provider_id == play.provider(session).id)
            .order_by(Invoice.id)
        ).all()
    assert [tuple(row) for row in kinds] == [("invoice", 550, 550), ("credit_note", -550, 0), ("invoice", 1320, 1320)]
    assert violations(play) == {}


def make_it_a_credit(play: Play, change_id: str) -> None:
    """The change's invoice reads as if the change had given credit at once."""
    with transaction() as session:
        invoice = session.get_one(Invoice, play.invoice(change_id).id)
        taxes = [tax | {"amount": tax["amount"] | {"amount": -34}} for tax in invoice.content["taxes"]]
        invoice.content = invoice.content | {"taxes": taxes}
        invoice.net_minor, invoice.tax_minor, invoice.total_minor, invoice.due_minor = -339, -34, -373, 0


def test_credit_that_is_spent_cannot_be_taken_back(servers: Stack) -> None:
    """A change that gives credit at once (a negative total) and is stuck: the credit went into another service."""
    play = Play.of(servers)
    change_id = stuck(play)
    make_it_a_credit(play, change_id)
    knobs(play)
    assert compensate(change_id) == "stuck"
    assert "spent: 373 JPY are missing" in (play.change(change_id).reason_text or "")
    with transaction() as session:
        query = select(LedgerTransaction.source_kind).where(LedgerTransaction.source_kind == "correction")
        assert not session.scalars(query.where(LedgerTransaction.provider_id == play.provider(session).id)).all()


def test_credit_that_is_there_is_taken_back_by_an_invoice_that_it_pays(servers: Stack) -> None:
    play = Play.of(servers)
    # Paid 746 for 373: 373 stay as credit.
    change_id = stuck(play, amount=746)
    make_it_a_credit(play, change_id)
    knobs(play)
    assert compensate(change_id) == "compensated"
    with transaction() as session:
        back = session.execute(select(Invoice).where(Invoice.corrects_id == play.invoice(change_id).id)).scalar_one()
        assert (back.kind, back.net_minor, back.tax_minor, back.total_minor) == ("invoice", 339, 34, 373)
        assert (back.credit_applied_minor, back.due_minor, back.status) == (373, 0, "settled")
    assert play.ledger() == {"clearing:standard": 746, "sales": -678, "tax:jp-10": -68}
