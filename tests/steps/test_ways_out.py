"""Whatever became of the host, the credit or the service meanwhile: a stuck change has a way out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from engine.host_reports import ServiceReport, put_service
from engine.operators.recovery import CompensateCall, begin_compensation, compensation
from local.stack import Stack
from models.database import transaction
from models.invoice import Invoice
from models.plan_change import PlanChange
from models.provider import business_now
from provisioners.http import HttpProvisioner
from provisioners.registry import PROVISIONERS
from settings import settings
from tasks.run import local_step
from tests.conftest import catalog_named
from tests.steps.test_recovery import ANA, compensate, do_retry, hosted, keys, knobs, stuck, violations
from tests.support.host import report
from tests.support.money_play import MoneyPlay, yen
from tests.support.play import AUGUST, JULY, NOON_17_JULY, Play


def ordered_back(change_id: str) -> CompensateCall:
    """A compensation that has begun, in which the host may be read."""
    call = local_step(begin_compensation, PlanChange, change_id)
    assert isinstance(call, CompensateCall)
    return replace(call, may_read=True)


def compensate_later(change_id: str) -> str:
    """As if it had been stuck for longer than a lease."""
    call, step = ordered_back(change_id), compensation(ANA)
    outcome = step.perform(call)
    with transaction() as session:
        return step.finish(session, business_now(session, PlanChange, change_id), call, outcome).value


def bills(play: Play) -> list[tuple[str, int]]:
    with transaction() as session:
        query = select(Invoice.kind, Invoice.total_minor).where(Invoice.provider_id == play.provider(session).id)
        return [(kind, total) for kind, total in session.execute(query.order_by(Invoice.id))]


def credited(servers: Stack) -> tuple[Play, str]:
    """Business to Basic at once, on 17 July: 1452 less 242 and 121 of tax, ¥1,331, are credit, and the host refuses."""
    rules = catalog_named("credited", "dns").as_json()["rules"]
    at_once = [rule for rule in rules if rule["direction"] != "downgrade"]
    play = Play.of(servers, plan="business", catalog={"rules": at_once})
    knobs(play, refuse="the rack is full")
    change_id = play.request("basic")
    assert play.steps("quote issue settle apply", change_id) == "stuck"
    assert play.ledger() == {"credit": -1331, "sales": 1210, "tax:jp-10": 121}
    knobs(play)
    return play, change_id


def spend(play: Play) -> None:
    """The customer's other service is upgraded for ¥373, which the credit pays."""
    with transaction() as session:
        basic = ServiceReport("customer", "basic", "monthly", "JPY", "active", JULY, AUGUST, 1, True)
        put_service(session, NOON_17_JULY, play.provider(session), "other", basic)
    other = replace(play, service_ref="other")
    assert other.steps("quote issue settle", other.request("start")) == "paid"


def test_the_host_is_not_ordered_back_for_credit_that_is_spent(servers: Stack) -> None:
    play, change_id = credited(servers)
    spend(play)
    assert compensate(change_id) == "stuck"
    assert "spent: 373 JPY are missing" in (play.change(change_id).reason_text or "")
    assert keys(play) == ["apply:1"]
    assert do_retry(change_id) == "applying"
    assert play.step("apply", change_id) == "applied"
    assert (hosted(play)["plan"], hosted(play)["generation"]) == ("basic", 1)


def unanswered(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> tuple[Play, str]:
    """Paid; the host has set Start, and no answer of it came."""
    play = Play.of(servers)
    change_id = play.until_paid()
    with transaction() as session:
        session.get_one(PlanChange, change_id).apply_attempts = settings().apply_attempts_max - 1
    with monkeypatch.context() as short:
        short.setitem(PROVISIONERS, "http", HttpProvisioner(timeout_seconds=0.5, total_seconds=1))
        knobs(play, lose_answers=10)
        assert play.step("apply", change_id) == "stuck"
    knobs(play)
    assert play.change(change_id).reason == "host_unreachable"
    assert (hosted(play)["plan"], hosted(play)["generation"]) == ("start", 1)
    return play, change_id


def test_a_retry_after_the_host_was_ordered_back_is_a_newer_order(
    servers: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compensation has set Basic again, and its process died."""
    play, change_id = unanswered(servers, monkeypatch)
    compensation(ANA).perform(ordered_back(change_id))
    assert (hosted(play)["plan"], hosted(play)["generation"]) == ("basic", 2)
    assert do_retry(change_id) == "applying"
    assert play.step("apply", change_id) == "applied"
    assert (hosted(play)["plan"], hosted(play)["generation"]) == ("start", 3)
    assert keys(play)[-2:] == ["compensate:2", "apply:2"]


def test_a_retry_after_a_no_to_both_orders_is_newer_than_both(servers: Stack) -> None:
    """The host refuses Start, and takes the order to keep Basic, of which nobody reads the answer."""
    play = Play.of(servers)
    change_id = stuck(play)
    knobs(play)
    compensation(ANA).perform(ordered_back(change_id))
    assert do_retry(change_id) == "applying"
    assert play.step("apply", change_id) == "applied"
    assert (hosted(play)["plan"], hosted(play)["generation"]) == ("start", 3)
    assert keys(play) == ["apply:1", "compensate:2", "apply:2"]


def test_what_its_host_does_not_know_is_compensated_once_it_is_over(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_paid()
    knobs(play, fail_times=10, fail_status=404)
    assert play.step("apply", change_id) == "stuck"
    assert compensate_later(change_id) == "stuck"
    assert "Report it as canceled or terminated first" in (play.change(change_id).reason_text or "")
    report(play, "terminated")
    assert compensate_later(change_id) == "compensated"
    assert play.ledger() == {"clearing:standard": 373, "credit": -373}
    assert bills(play) == [("invoice", 373), ("credit_note", -373)]
    assert violations(play) == {}


def renewed(servers: Stack, **catalog: Any) -> tuple[MoneyPlay, str, str | None]:
    """Start is renewed as Basic on 1 August, and the host refuses Basic; with the renewal's invoice."""
    play = MoneyPlay.of(servers, plan="start", catalog=catalog)
    change_id = play.request("basic")
    assert play.step("quote", change_id) == "scheduled"
    play.set_clock(AUGUST)
    invoice_id = play.renew().invoice_id
    knobs(play, refuse="no")
    assert play.step("apply", change_id) == "stuck"
    knobs(play)
    return play, change_id, invoice_id


def free(plan: str) -> dict[str, Any]:
    """The sample's catalogue, in which this plan costs nothing in yen, and what costs nothing has no invoice."""
    sample = catalog_named("free", "dns").as_json()
    for one in sample["plans"]:
        if one["id"] == plan:
            one["prices"]["monthly"]["JPY"] = 0
    return {"plans": sample["plans"], "policies": sample["policies"] | {"zero_renewals": "silent"}}


def test_a_renewal_without_an_invoice_is_billed_for_the_plan_that_it_has(servers: Stack) -> None:
    play, change_id, invoice_id = renewed(servers, **free("basic"))
    assert (invoice_id, play.ledger()) == (None, {})
    assert compensate(change_id) == "compensated"
    assert play.ledger() == {"receivable": 1320, "sales": -1200, "tax:jp-10": -120}
    assert (bills(play), play.items()) == ([("invoice", 1320)], [("start", 1, 1200, 120)])
    assert violations(play) == {}


def test_a_renewal_whose_bill_is_void_since_the_service_is_over_is_answered_once(servers: Stack) -> None:
    play, change_id, _ = renewed(servers)
    report(play, "canceled")
    assert bills(play) == [("invoice", 550), ("credit_note", -550)]
    assert compensate(change_id) == "compensated"
    assert (play.ledger(), play.items()) == ({}, [])
    assert bills(play) == [("invoice", 550), ("credit_note", -550)]
    assert violations(play) == {}


def test_for_a_service_that_is_over_no_period_is_billed_anew(servers: Stack) -> None:
    """The ¥550 that were paid for Basic are credit."""
    play, change_id, invoice_id = renewed(servers)
    assert invoice_id is not None
    play.process(play.report(play.request_renewal(invoice_id), yen(550)))
    report(play, "canceled")
    assert bills(play) == [("invoice", 550)]
    assert compensate(change_id) == "compensated"
    assert (play.ledger(), play.items()) == ({"clearing:standard": 550, "credit": -550}, [])
    assert bills(play) == [("invoice", 550), ("credit_note", -550)]
    assert violations(play) == {}
