"""What a later report cannot change is refused with both values; what was reported wrong is put right, with who and
why, as long as no bill of ours stands on it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from domain.catalog import Discount
from domain.errors import PlanNotOffered, UnknownPlan
from domain.periods import ImplausiblePeriod, Period
from engine.audit.checks import PATIENCE, audit_books
from engine.host_reports import BillingReport, NotCorrectable, ServiceDiffers, put_customer
from engine.offers import quote_change
from local.stack import Stack
from models.audit import Attribution, OperatorAction
from models.billed_item import StoredItem, StoredTakeBack
from models.database import snapshot, transaction
from models.invoice import Invoice
from tests.support.host import bills, renew_all, report, tokyo
from tests.support.money_play import MoneyPlay
from tests.support.play import AUGUST, JULY, NOON_17_JULY, Play

WRONG_FORM = Attribution("ana", "the order form had another plan")
MIDDLE = datetime.fromisoformat("2027-07-15T15:00:00Z")


def correct(play: Play, **changes: Any) -> Any:
    return report(play, "active", correction=WRONG_FORM, **changes)


def refused(play: Play, **changes: Any) -> dict[str, tuple[Any, Any]]:
    with pytest.raises(ServiceDiffers) as error:
        report(play, "active", **changes)
    return {one.field: (one.held, one.reported) for one in error.value.differences}


@pytest.mark.parametrize(
    ("changes", "differences"),
    [
        ({"plan": "start"}, {"plan": ("basic", "start")}),
        ({"cycle": "annual"}, {"cycle": ("monthly", "annual")}),
        ({"currency": "USD"}, {"currency": ("JPY", "USD")}),
        ({"quantity": 3}, {"quantity": (1, 3)}),
        ({"anchor_day": 15}, {"anchor_day": (1, 15)}),
        ({"discount": "half"}, {"discount": (None, "half")}),
        ({"billing": BillingReport(net=400)}, {"billing": ({}, {"net": 400})}),
        ({"paid": False}, {"paid": (True, False)}),
        (
            {"plan": "start", "period_end": MIDDLE},
            {
                "plan": ("basic", "start"),
                "period": (Period(JULY, AUGUST).as_json(), Period(JULY, MIDDLE).as_json()),
            },
        ),
    ],
)
def test_what_differs_is_refused_with_both_values(
    servers: Stack, changes: dict[str, Any], differences: dict[str, Any]
) -> None:
    play = Play.of(servers)
    assert refused(play, **changes) == differences
    for status in ("suspended", "active"):
        report(play, status)


def test_what_to_do_instead_is_said(servers: Stack) -> None:
    play = Play.of(servers)
    with pytest.raises(ServiceDiffers) as error:
        report(play, "active", plan="start")
    assert str(error.value) == (
        "Of service zone, plan is basic, not start. A plan, its cycle and its quantity are changed by POST"
        " /v1/plan-changes. If what was reported before was wrong, send this report with correct: true, and with actor"
        " and reason."
    )


def test_creation_and_what_we_hold_may_be_repeated(servers: Stack) -> None:
    """Created with Basic and three units for July; now it has Start, for August."""
    play = Play.of(servers, quantity=3, anchor_day=1, billing=BillingReport(net=1400), paid=True)
    change_id = play.until_paid(amount=1217)
    # the host has it before we know: 3 x (1200 x 15/31) = 1742, less 1400 x 15/31 = 677; 1065 and 10 %
    for plan in ("basic", "start"):
        report(play, "active", plan=plan)
    assert refused(play, plan="business") == {"plan": ("basic", "business")}
    play.step("apply", change_id)
    play.set_clock(AUGUST)
    renew_all(play)
    september = tokyo("2027-09-01")
    whole: dict[str, Any] = {"quantity": 3, "anchor_day": 1, "billing": BillingReport(net=1400), "paid": True}
    repeated: list[dict[str, Any]] = [{}, whole]
    for plan in ("basic", "start"):
        for start, end in ((JULY, AUGUST), (AUGUST, september)):
            for more in repeated:
                taken = report(play, "active", plan=plan, period_start=start, period_end=end, **more)
                assert (taken.resumed, taken.corrected, taken.canceled) == (None, [], [])
    assert refused(play, period_start=september, period_end=tokyo("2027-10-01")).keys() == {"period"}


def test_the_next_report_of_a_service_from_before_is_remembered(servers: Stack) -> None:
    play = Play.of(servers)
    with transaction() as session:
        play.service(session).reported = None
    report(play, "active", plan="start")
    report(play, "active", plan="start")
    assert refused(play, plan="business") == {"plan": ("basic", "business")}


def test_a_plan_that_was_reported_wrong(servers: Stack) -> None:
    """It was Start from the beginning: the import of Basic is taken back whole, Start's is written, and on 17 July 15
    of 31 days of it are worth 581. What was wrong may not be repeated."""
    play = MoneyPlay.of(servers)
    taken = correct(play, plan="start")
    assert [(one.field, one.held, one.reported) for one in taken.corrected] == [("plan", "basic", "start")]
    assert play.items() == [("start", 1, 1200, 120)]
    with transaction() as session:
        service = play.service(session)
        assert (service.unit_price_minor, service.limits["zones"]) == (1200, 10)
        items = session.scalars(select(StoredItem).where(StoredItem.service_id == service.id)).all()
        backs = session.scalars(select(StoredTakeBack).where(StoredTakeBack.item_id.in_([i.id for i in items]))).all()
        assert [(back.net_minor, back.tax_minor, back.units, back.cause) for back in backs] == [
            (500, 50, 1, "correction")
        ]
        [action] = session.scalars(select(OperatorAction).where(OperatorAction.subject == service.id))
        assert (action.action, action.actor, action.reason) == ("service.correct", "ana", WRONG_FORM.reason)
        assert action.details == {"plan": {"from": "basic", "to": "start"}}
        quote = quote_change(session, NOON_17_JULY, service, "business", "monthly").document
    assert [line["amount"]["amount"] for line in quote["lines"]] == [-581, 1452, 87]
    assert refused(play, plan="basic") == {"plan": ("start", "basic")}
    assert correct(play, plan="start").corrected == []
    with snapshot() as session:
        assert [r for r in audit_books(session, [play.provider(session).id], PATIENCE) if not r.holds] == []


@pytest.mark.parametrize(
    ("changes", "items"),
    [
        ({"quantity": 3}, [("basic", 3, 1500, 150)]),
        ({"cycle": "annual", "period_end": tokyo("2028-07-01")}, [("basic", 1, 5000, 500)]),
        ({"currency": "USD"}, [("basic", 1, 500, 50)]),
        ({"discount": "half"}, [("basic", 1, 250, 25)]),
        ({"billing": BillingReport(unit_price=450, tax_rate="8")}, [("basic", 1, 450, 36)]),
        ({"billing": BillingReport(net=450, tax_rate="0")}, [("basic", 1, 450, 0)]),
        ({"billing": BillingReport(net=450, tax_rate="1")}, [("basic", 1, 450, 5)]),
        ({"period_start": JULY.replace(day=9), "period_end": AUGUST.replace(day=9, month=7)}, None),
        ({"paid": False}, []),
    ],
)
def test_whatever_was_reported_wrong_is_put_right(
    servers: Stack, changes: dict[str, Any], items: list[Any] | None
) -> None:
    play = MoneyPlay.of(servers, catalog={"discounts": {"half": Discount(percent="50")}})
    if items is None:
        changes = {"period_start": tokyo("2027-07-10"), "period_end": tokyo("2027-08-10")}
    correct(play, **changes)
    assert play.items() == ([("basic", 1, 500, 50)] if items is None else items)
    with transaction() as session:
        service = play.service(session)
        assert (service.unpaid_import is not None) is (changes.get("paid") is False)
        if items is None:
            assert (service.anchor_day, service.anchor_assumed) == (10, True)
    report(play, "active", **changes)


def test_a_customer_is_at_once_what_was_reported_last(servers: Stack) -> None:
    """Also to whoever has read the customer before, in the same transaction."""
    play = Play.of(servers)
    with transaction() as session:
        before = play.service(session).customer
        assert before.name == "Example"
        values: dict[str, Any] = {
            "name": "Ana",
            "email": before.email,
            "country": "JP",
            "locale": "ja",
            "address": [],
            "tax_id": None,
        }
        told = put_customer(session, play.provider(session), "customer", values)
        assert (told.id, told.name, before.name, before.locale) == (before.id, "Ana", "Ana", "ja")


def test_a_correction_that_cannot_be(servers: Stack) -> None:
    """The same is asked of it as of a creation; and nothing of it is done."""
    play = Play.of(servers)
    for changes, error in (
        ({"plan": "gold"}, UnknownPlan),
        ({"currency": "EUR"}, PlanNotOffered),
        ({"plan": "start", "period_end": tokyo("2028-07-01")}, ImplausiblePeriod),
    ):
        with pytest.raises(error):
            correct(play, **changes)
    assert play.items() == [("basic", 1, 500, 50)]


def test_what_we_have_billed_is_not_corrected_any_more(servers: Stack) -> None:
    """August is invoiced for Basic: the plan stands. The day of renewal is of the time to come, and can be said."""
    play = MoneyPlay.of(servers)
    play.set_clock(AUGUST)
    renew_all(play)
    [number] = play.numbers()
    with pytest.raises(NotCorrectable, match=f"plan of service zone cannot be corrected any more: invoice {number}"):
        correct(play, plan="start")
    correct(play, anchor_day=15)
    play.set_clock(tokyo("2027-09-01"))
    renew_all(play)
    # 1 to 15 September: 14 of the 31 days from 15 August; 500 x 14/31 = 225.8 and 10 %
    assert bills(play)[1:] == [("2027-09-01", "2027-09-15", 226 + 23)]


def test_what_was_priced_on_what_was_wrong_is_canceled(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    change_id = play.until_awaiting_payment("start")
    assert correct(play, quantity=2).canceled == [change_id]
    assert play.notices(change_id)[-1] == "canceled"


@pytest.mark.parametrize(("plan", "kept"), [("start", True), ("basic", False)])
def test_a_promise_is_kept_where_it_still_changes_something(servers: Stack, plan: str, kept: bool) -> None:
    """Business to Basic is promised; the service had Start in truth, or Basic itself."""
    play = MoneyPlay.of(servers, plan="business")
    change_id = play.request("basic")
    play.step("quote", change_id)
    assert correct(play, plan=plan).canceled == ([] if kept else [change_id])
    assert play.change(change_id).status == ("scheduled" if kept else "canceled")
    play.set_clock(AUGUST)
    renew_all(play)
    with transaction() as session:
        [invoice] = session.scalars(select(Invoice).where(Invoice.service_id == play.service(session).id))
        assert invoice.total_minor == 550


def test_a_correction_and_a_resumption_in_one_report(servers: Stack) -> None:
    """Suspended with the wrong plan, back with the right one, on the same day of a later month."""
    play = MoneyPlay.of(servers)
    report(play, "suspended", on="2027-07-20")
    taken = report(play, "active", on="2027-10-20", plan="start", correction=WRONG_FORM)
    assert taken.resumed is not None
    assert taken.resumed.outcome == "restarted"
    renew_all(play)
    assert bills(play) == [("2027-10-20", "2027-11-20", 1320)]
