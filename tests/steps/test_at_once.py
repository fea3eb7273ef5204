"""Two steps at once, on connections of their own: who waits for a lock decides by what the winner has left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain.money import Money
from engine.host_reports import ServiceReport, put_service
from engine.quote import quote
from local.stack import Stack
from models.base import new_id
from models.customer import lock_and_clock
from models.database import transaction
from models.ledger import credit, debit, post
from models.plan_change import PlanChange, lock_change
from tests.support.at_once import waits_for
from tests.support.play import AUGUST, JULY, NOON_17_JULY, Play

YEN_373 = Money(373, "JPY")  # 15 of 31 days of Start for Basic, with the tax


def put_money(play: Play, session: Session, account: str, owner: str) -> None:
    with_it = [debit("clearing:standard", "", YEN_373), credit(account, owner, YEN_373)]
    post(session, play.provider(session).id, ("payment", new_id("pay")), NOON_17_JULY, with_it)


def with_another_service(play: Play) -> Play:
    """Of the same customer, on the same plan."""
    report: dict[str, Any] = {"customer": "customer", "plan": "basic", "cycle": "monthly", "currency": "JPY"}
    report |= {"status": "active", "period_start": JULY, "period_end": AUGUST, "quantity": 1, "paid": True}
    with transaction() as session:
        put_service(session, NOON_17_JULY, play.provider(session), "other", ServiceReport(**report))
    return replace(play, service_ref="other")


def test_credit_is_spent_once_by_two_services_at_once(servers: Stack) -> None:
    play = Play.of(servers)
    other = with_another_service(play)
    with transaction() as session:
        put_money(play, session, "credit", play.service(session).customer_id)
    first, second = play.request("start"), other.request("start")
    with transaction() as session:
        assert quote(session, lock_and_clock(session, PlanChange, first), first) == "quoted"
        session.flush()
        with waits_for(session, lambda: other.step("quote", second)) as late:
            pass
    with pytest.raises(IntegrityError, match="never_overdrawn"):
        late.result()
    assert play.ledger() == {"clearing:standard": 373, "held": -373}
    assert other.step("quote", second) == "quoted"  # as the sweep tries it again
    due = [play.change(change_id).billed_quote().total_due_today.amount for change_id in (first, second)]
    assert due == [0, 373]
    assert play.ledger() == {"clearing:standard": 373, "held": -373}


def test_who_waited_for_the_lock_sees_the_money_that_came_meanwhile(servers: Stack) -> None:
    play = Play.of(servers)
    change_id = play.until_awaiting_payment("start")
    with transaction() as session:
        lock_change(session, change_id)
        with waits_for(session, lambda: play.step("settle", change_id)) as settled:
            put_money(play, session, "held", change_id)
    assert settled.result() == "paid"
    assert play.ledger() == {"clearing:standard": 373, "sales": -339, "tax:jp-10": -34}
