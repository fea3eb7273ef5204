"""What was billed is remembered from one event to the next, on real servers: dates and yen.

July and August have 31 days; Basic costs ¥500, Start ¥1,200, Business ¥3,000 a month, with 10 % on top in Japan.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from cli.sandbox import sample_catalogs
from domain.catalog import Catalog, MinimumCharge, Outcome, Rule
from domain.catalog_problems import CatalogError
from domain.errors import OpenInvoice
from domain.pricing.modes import Fraction, Proration
from domain.pricing.priced import price
from domain.pricing.terms import Target
from domain.pricing.verify import verify_quote
from engine.accounts.catalogs import load_catalog
from engine.accounts.services import buyer_of, terms_of
from engine.audit.checks import PATIENCE, audit_books
from engine.host_reports import BillingReport, ServiceReport, put_service
from engine.ledger.waterfall import shared_out
from engine.offers import price_for, quote_change
from engine.review import approve_change
from local.stack import Stack
from models.audit import Attribution
from models.billed_item import StoredTakeBack
from models.database import snapshot, transaction
from models.invoice import Invoice
from models.renewal import Renewal
from tests.conftest import catalog_named
from tests.support.money_play import MoneyPlay, yen
from tests.support.play import AUGUST, JULY, NOON_17_JULY, SEPTEMBER

BY_DAY = Proration(fraction=Fraction.DAYS)
STAFF = Attribution("anna", "agreed by telephone")


def dns() -> Catalog:
    [catalog] = [catalog for catalog in sample_catalogs() if catalog.provider == "dns"]
    return catalog


def both_ways_now() -> tuple[Rule, ...]:
    """Upgrades and downgrades at once, by the day."""
    return (Rule(cycle="same", outcome=Outcome.NOW, proration=BY_DAY), *dns().rules)


def load(play: MoneyPlay, **changes: Any) -> None:
    """The provider's catalogue changes."""
    with transaction() as session:
        load_catalog(session, catalog_named(play.slug, "dns", **changes), sandbox=True)


def renewed(play: MoneyPlay, at: datetime = AUGUST) -> str:
    """The period is renewed; returns the invoice's id."""
    play.set_clock(at)
    invoice_id = play.renew().invoice_id
    assert invoice_id is not None
    return invoice_id


def pay(play: MoneyPlay, invoice_id: str, amount: int, at: str = "2027-08-02T00:00:00Z") -> None:
    play.process(play.report(play.request_renewal(invoice_id), yen(amount), at=at))


def upgraded(play: MoneyPlay, plan: str, **more: Any) -> str:
    """A change that is paid for in full and applied; returns its id."""
    change_id = play.request(plan, **more)
    status = play.steps("quote issue print request_payment", change_id)
    if status == "awaiting_payment":
        due = play.invoice(change_id).due_minor
        play.process(play.report(play.attempts(change_id)[-1].id, yen(due), at="2027-07-17T00:00:00Z"))
    assert play.steps("settle apply", change_id) == "applied"
    return change_id


def audited(play: MoneyPlay) -> None:
    with snapshot() as session:
        results = audit_books(session, [play.provider(session).id], PATIENCE)
    broken = [result for result in results if not result.holds and result.name not in _PRINTING]
    assert broken == []


_PRINTING = ("numbered_invoices_are_printed", "nothing_is_overdue")


def quoted(play: MoneyPlay, now: datetime, plan: str, cycle: str = "monthly") -> dict[str, Any]:
    with transaction() as session:
        return price_for(session, now, play.service(session), plan, cycle).as_json()


def lines(document: dict[str, Any]) -> list[tuple[str, int]]:
    return [(line["kind"], line["amount"]["amount"]) for line in document["lines"]]


def test_an_open_renewal_is_paid_before_the_plan_changes(servers: Stack) -> None:
    """Basic is renewed on 1 August for ¥550; on the 2nd a change now is refused with the invoice and where to pay it,
    a change of the cycle down or a downgrade may be scheduled. Once it is paid, 30 of 31 days: 484 back, 1161 due."""
    play = MoneyPlay.of(servers)
    invoice_id = renewed(play)
    second = AUGUST + timedelta(days=1)
    attempt_id = play.request_renewal(invoice_id)
    with pytest.raises(OpenInvoice) as refused:
        quoted(play, second, "start")
    assert refused.value.details["invoice"] == invoice_id
    assert refused.value.details["amount_due"] == {"amount": 550, "currency": "JPY"}
    assert str(refused.value.details["checkout_url"]).startswith("http")
    play.set_clock(second)
    with pytest.raises(OpenInvoice):
        play.request("start")
    play.process(play.report(attempt_id, yen(550), at="2027-08-02T00:00:00Z"))
    assert lines(quoted(play, second, "start")) == [("credit", -484), ("charge", 1161), ("tax", 68)]


def test_a_bill_that_is_not_paid_is_owed_beside_the_next(servers: Stack) -> None:
    """Start is renewed on 1 August for ¥1,320, unpaid. On the 2nd 30 of 31 days of it are 1,161 and 116, of Business
    2,903 and 290: 3,193 - 1,277 = 1,916 beside the 1,320, as a price; nobody can ask for it before those are paid."""
    play = MoneyPlay.of(servers, plan="start")
    renewed(play)
    with transaction() as session:
        service = play.service(session)
        terms, buyer = terms_of(session, service), buyer_of(service.customer)
    moment = AUGUST + timedelta(days=1)
    priced = price(dns(), terms, buyer, Target("business", "monthly"), moment, yen(0))
    assert priced.figures is not None
    assert [line.amount for line in priced.figures.lines] == [-1161, 2903]
    assert (priced.total, play.ledger()["receivable"]) == (1916, 1320)
    with pytest.raises(OpenInvoice, match="over 1320 JPY is open"):
        quoted(play, moment, "business")


def test_credit_on_the_renewal_lowers_what_is_open(servers: Stack) -> None:
    """¥330 of credit were used: ¥220 are open, and nothing says that nothing was paid."""
    play = MoneyPlay.of(servers)
    give_credit(play, 330)
    renewed(play)
    with pytest.raises(OpenInvoice, match="over 220 JPY is open"):
        quoted(play, AUGUST, "start")


def give_credit(play: MoneyPlay, amount: int) -> None:
    """Money that came too late for its offer is credit."""
    change_id = play.until_awaiting_payment("start")
    attempt_id = play.attempts(change_id)[-1].id
    play.set_clock(NOON_17_JULY + timedelta(days=8))
    assert play.step("expire", change_id) in ("expired", "awaiting_payment")
    play.process(play.report(attempt_id, yen(amount), "payment.canceled", at="2027-07-25T04:00:00Z"))
    play.step("expire", change_id)
    play.process(play.report(attempt_id, yen(amount), at="2027-07-26T00:00:00Z"))
    assert play.ledger().get("credit") == -amount


def test_paying_an_old_renewal_does_not_touch_what_a_later_period_was_billed(servers: Stack) -> None:
    """August stays unpaid, September is renewed; the August invoice is paid then: what is left of September's bill is
    September's, 500, and of August's nothing that could be given back."""
    play = MoneyPlay.of(servers)
    august = renewed(play)
    september = renewed(play, SEPTEMBER)
    assert play.items() == [("basic", 1, 500, 50)]
    pay(play, august, 550, at="2027-09-01T00:00:00Z")
    pay(play, september, 550, at="2027-09-01T00:00:00Z")
    assert play.items() == [("basic", 1, 500, 50)]
    year = play.request("start", "annual")
    play.steps("quote issue print request_payment", year)
    assert lines(play.change(year).quote or {})[:2] == [("credit", -500), ("charge", 12000)]
    play.process(play.report(play.attempts(year)[-1].id, yen(12650), at="2027-09-01T00:00:00Z"))
    play.steps("settle apply", year)
    assert play.items() == [("start", 1, 12000, 1200)]
    audited(play)


def test_inclusive_prices_stay_whole_after_a_paid_renewal(servers: Stack) -> None:
    """¥500 with 45 of tax inside; on the first day of August Start costs 1200 - 500 = 700, not 745."""
    inclusive = dns().tax.model_copy(update={"prices": "inclusive"})
    play = MoneyPlay.of(servers, catalog={"tax": inclusive})
    pay(play, renewed(play), 500)
    assert play.items() == [("basic", 1, 455, 45)]
    quote = quoted(play, AUGUST, "start")
    assert (quote["total"]["amount"], lines(quote)[:2]) == (700, [("credit", -500), ("charge", 1200)])
    upgraded(play, "start")
    assert play.items() == [("start", 1, 1091, 109)]
    audited(play)


def test_a_discount_that_ended_does_not_halve_the_next_credit(servers: Stack) -> None:
    """Basic was sold with half off until 10 July. On the 17th Start is charged in full, 581, and given back in full."""
    half = {"half": {"percent": "50", "until": "2027-07-10T00:00:00+09:00"}}
    catalog = dns().model_validate(dns().as_json() | {"discounts": half})
    play = MoneyPlay.of(servers, catalog={"discounts": catalog.discounts, "rules": both_ways_now()}, discount="half")
    upgraded(play, "start")
    assert play.items() == [("start", 1, 581, 58)]
    assert lines(quoted(play, NOON_17_JULY, "business"))[:2] == [("credit", -581), ("charge", 1452)]
    audited(play)


def test_a_waived_change_is_no_pump(servers: Stack) -> None:
    """Amounts under ¥800 are waived: up and down and up and down, and nobody has a yen more than before."""
    minimum = MinimumCharge(amounts={"JPY": 800}, when_below="waive")
    policies = dns().policies.model_copy(update={"minimum_charge": minimum})
    play = MoneyPlay.of(servers, catalog={"policies": policies, "rules": both_ways_now()})
    for plan in ("start", "basic", "start", "basic"):
        upgraded(play, plan)
        assert sum(net for _, _, net, _ in play.items()) == 242
    assert play.ledger() == {}
    audited(play)


@pytest.mark.parametrize(("scheduled_price", "billed"), [("promised", 550), ("current_with_notice", 1320)])
def test_a_scheduled_price_is_kept(servers: Stack, scheduled_price: str, billed: int) -> None:
    """Start to Basic at the renewal was shown for ¥550; the catalogue rises to ¥900. Kept by default; else the customer
    is told, and the old plan is renewed."""
    policies = dns().policies.model_copy(update={"scheduled_price": scheduled_price})
    play = MoneyPlay.of(servers, plan="start", catalog={"policies": policies})
    change_id = play.request("basic")
    assert play.step("quote", change_id) == "scheduled"
    quote = play.change(change_id).quote or {}
    assert quote["next_renewal"]["amount"]["amount"] == 550
    assert [line["amount"]["amount"] for line in quote["renewal_lines"]] == [500, 50]
    dearer = tuple(
        plan.model_copy(update={"prices": {"monthly": {"JPY": 900}}}) if plan.id == "basic" else plan
        for plan in dns().plans
    )
    load(play, plans=dearer, policies=policies)
    invoice_id = renewed(play)
    with transaction() as session:
        assert session.get_one(Invoice, invoice_id).total_minor == billed
    kept = scheduled_price == "promised"
    assert play.change(change_id).status == ("applying" if kept else "refused")
    assert play.items() == [("basic", 1, 500, 50) if kept else ("start", 1, 1200, 120)]


def test_a_fee_of_a_scheduled_change_is_billed_with_it(servers: Stack) -> None:
    """Basic has a one-time fee of ¥300: 500 + 300 and 10 % at the renewal; only the time can come back."""
    plans = tuple(
        plan.model_copy(update={"setup_fees": {"JPY": 300}}) if plan.id == "basic" else plan for plan in dns().plans
    )
    play = MoneyPlay.of(servers, plan="start", catalog={"plans": plans})
    change_id = play.request("basic")
    play.step("quote", change_id)
    invoice_id = renewed(play)
    with transaction() as session:
        invoice = session.get_one(Invoice, invoice_id)
        assert (invoice.net_minor, invoice.tax_minor, invoice.total_minor) == (800, 80, 880)
    assert play.items() == [("basic", 1, 500, 50)]


def test_a_plan_that_is_not_sold_any_more_is_renewed_as_promised(servers: Stack) -> None:
    """Basic leaves the shop after a downgrade to it was scheduled; its holders renew at the terms that they have."""
    play = MoneyPlay.of(servers, plan="start")
    change_id = play.request("basic")
    play.step("quote", change_id)
    closed = tuple(plan.model_copy(update={"sold": plan.id != "basic"}) for plan in dns().plans)
    load(play, plans=closed)
    invoice_id = renewed(play)
    with transaction() as session:
        assert session.get_one(Invoice, invoice_id).total_minor == 550
    assert play.step("apply", change_id) == "applied"
    second = renewed(play, SEPTEMBER)
    with transaction() as session:
        assert session.get_one(Invoice, second).total_minor == 550


def test_a_plan_that_somebody_holds_cannot_vanish(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    without = tuple(plan for plan in dns().plans if plan.id != "basic")
    with pytest.raises(CatalogError, match=r"basic.*1 service has it.*sold = false"):
        load(play, plans=without)


def test_a_discount_whose_end_has_no_zone_ends_at_local_midnight(servers: Stack) -> None:
    half = {"half": {"percent": "50", "until": "2027-08-01T00:00:00"}}
    catalog = dns().model_validate(dns().as_json() | {"discounts": half})
    play = MoneyPlay.of(servers, catalog={"discounts": catalog.discounts}, discount="half")
    assert play.items() == [("basic", 1, 250, 25)]
    invoice_id = renewed(play)
    with transaction() as session:
        assert session.get_one(Invoice, invoice_id).total_minor == 550


def test_a_stub_of_the_host_system_is_followed_by_a_month(servers: Stack) -> None:
    """10 July to 1 August: the next period is August, for a month's price, not 1 August to 10 September."""
    tenth = JULY + timedelta(days=9)
    play = MoneyPlay.of(servers, period_start=tenth)
    renewed(play)
    with transaction() as session:
        service = play.service(session)
        assert (service.anchor_day, service.period_start, service.period_end) == (1, AUGUST, SEPTEMBER)


def test_a_stub_of_ours_costs_its_days(servers: Stack) -> None:
    """Renewing on the 15th: 1 to 15 August is 14 of the 31 days from 15 July: 500 x 14/31 = 225.8."""
    play = MoneyPlay.of(servers, anchor_day=15)
    invoice_id = renewed(play)
    with transaction() as session:
        assert session.get_one(Invoice, invoice_id).net_minor == 226
        renewal = session.scalars(select(Renewal).where(Renewal.service_id == play.service(session).id)).one()
        assert (renewal.period_start, renewal.period_end) == (AUGUST, AUGUST + timedelta(days=14))


def test_a_change_in_a_stub_costs_its_share_of_the_month(servers: Stack) -> None:
    """10 July to 1 August is 22 of 31 days: Basic is 500 x 22/31 = 354.8 of it. On the 17th 15 are left: 355 x 15/22 =
    242.0 back, 1200 x 15/31 = 580.6 for Start; on the 24th, 581 x 8/15 = 309.9 and 3000 x 8/31 = 774.2."""
    tenth = JULY + timedelta(days=9)
    play = MoneyPlay.of(servers, period_start=tenth, catalog={"rules": both_ways_now()})
    assert play.items() == [("basic", 1, 355, 36)]
    first = upgraded(play, "start")
    assert lines(play.change(first).quote or {})[:2] == [("credit", -242), ("charge", 581)]
    assert verify_quote(play.change(first).quote or {}) == []
    assert play.items() == [("start", 1, 581, 58)]
    later = NOON_17_JULY + timedelta(days=7)
    play.set_clock(later)
    assert lines(quoted(play, later, "business"))[:2] == [("credit", -310), ("charge", 774)]
    assert quoted(play, later, "business")["next_renewal"]["amount"]["amount"] == 3300
    pay(play, renewed(play), 1320)
    audited(play)


def test_a_change_in_a_stub_of_ours_costs_its_share_of_the_month(servers: Stack) -> None:
    """1 to 15 August is 14 of the 31 days from 15 July, 226 of them billed; on the 5th 10 are left: 226 x 10/14 = 161.4
    back, 1200 x 10/31 = 387.1. A scheduled change to Basic is promised what it will be billed."""
    play = MoneyPlay.of(servers, anchor_day=15, catalog={"rules": both_ways_now()})
    assert quoted(play, NOON_17_JULY, "start")["next_renewal"]["amount"]["amount"] == 596, "1200 x 14/31 and a tenth"
    invoice_id = renewed(play)
    pay(play, invoice_id, 249)
    fifth = AUGUST + timedelta(days=4)
    play.set_clock(fifth)
    assert lines(quoted(play, fifth, "start"))[:2] == [("credit", -161), ("charge", 387)]


def test_what_the_host_billed_for_a_stub_is_what_comes_back(servers: Stack) -> None:
    """It says 400 for 10 July to 1 August: 15 of the 22 days are 272.7; the new plan is charged by the month's days."""
    tenth, billing = JULY + timedelta(days=9), BillingReport(net=400)
    play = MoneyPlay.of(servers, period_start=tenth, billing=billing, catalog={"rules": both_ways_now()})
    assert play.items() == [("basic", 1, 400, 40)]
    assert lines(quoted(play, NOON_17_JULY, "start"))[:2] == [("credit", -273), ("charge", 581)]


def test_a_second_change_after_a_kept_renewal_date_is_of_the_month_that_runs(servers: Stack) -> None:
    """Monthly to annual with 1 August kept: 15 of 31 days of 12000/12 are 483.9, of 30000/12 then 1209.7, not 14516."""
    kept = Proration(fraction=Fraction.DAYS, other_cycle="keep_end")
    play = MoneyPlay.of(servers, catalog={"rules": (Rule(outcome=Outcome.NOW, proration=kept),)})
    upgraded(play, "start", cycle="annual")
    assert play.items() == [("start", 1, 484, 48)]
    document = quoted(play, NOON_17_JULY, "business", "annual")
    assert lines(document)[:2] == [("credit", -484), ("charge", 1210)]
    assert document["next_renewal"]["amount"]["amount"] == 33000
    upgraded(play, "business", cycle="annual")
    with transaction() as session:
        assert play.service(session).period_end == AUGUST
    audited(play)


def test_an_approval_is_priced_when_it_is_given(servers: Stack) -> None:
    """Asked for on 17 July, approved on 29 July: 3 days are left, not 15; after the renewal, it is August's price."""
    review = Rule(direction="upgrade", outcome=Outcome.MANUAL_REVIEW, proration=BY_DAY)
    play = MoneyPlay.of(servers, catalog={"rules": (review, *dns().rules)})
    change_id = play.request("start")
    assert play.step("quote", change_id) == "awaiting_review"
    later = NOON_17_JULY + timedelta(days=12)
    play.set_clock(later)
    with transaction() as session:
        approve_change(session, later, change_id, STAFF)
    assert play.step("quote", change_id) == "quoted"
    assert lines(play.change(change_id).quote or {})[:2] == [("credit", -48), ("charge", 116)]


def test_an_approval_after_the_renewal_is_a_change_of_the_new_period(servers: Stack) -> None:
    policies = dns().policies.model_copy(update={"staff_review_days": 30})
    review = Rule(direction="upgrade", outcome=Outcome.MANUAL_REVIEW, proration=BY_DAY)
    play = MoneyPlay.of(servers, catalog={"rules": (review, *dns().rules), "policies": policies})
    change_id = play.request("start")
    play.step("quote", change_id)
    pay(play, renewed(play), 550)
    second = AUGUST + timedelta(days=1)
    play.set_clock(second)
    with transaction() as session:
        approve_change(session, second, change_id, STAFF)
    assert play.step("quote", change_id) == "quoted"
    assert lines(play.change(change_id).quote or {})[:2] == [("credit", -484), ("charge", 1161)]


def test_tax_goes_back_at_the_rate_of_its_bill(servers: Stack) -> None:
    """Start was sold with 10 %; the customer moves abroad and goes down: 58 of tax back on 581, none on 242."""
    play = MoneyPlay.of(servers, catalog={"rules": both_ways_now()})
    upgraded(play, "start")
    with transaction() as session:
        play.service(session).customer.country = "US"
    down = upgraded(play, "basic")
    note = play.invoice(down)
    assert (note.net_minor, note.tax_minor, note.total_minor) == (-339, -58, -397)
    assert play.ledger()["credit"] == -397
    assert note.content["corrects"] == play.numbers()[0]
    assert play.step("print", down) == "applied", "two rates on one page are printed"
    audited(play)


def test_what_was_billed_without_tax_stands_beside_what_has_some(servers: Stack) -> None:
    """The host billed Basic for 450 without tax, of which 15 of 31 days are 218. Start for them is 581, with 58."""
    play = MoneyPlay.of(servers, billing=BillingReport(net=450, tax_rate="0"))
    change_id = play.request("start")
    assert play.steps("quote issue print", change_id) == "invoiced"
    invoice = play.invoice(change_id)
    taxes = [(one["percent"], one["base"]["amount"], one["amount"]["amount"]) for one in invoice.content["taxes"]]
    assert sorted(taxes) == [("0", -218, 0), ("10", 581, 58)]
    assert (invoice.net_minor, invoice.tax_minor, invoice.total_minor) == (363, 58, 421)


def test_a_change_that_costs_nothing_is_printed(servers: Stack) -> None:
    """Preset none: nothing now, the new price from the renewal on; its numbered invoice says so in one line."""
    nothing = Rule(direction="upgrade", outcome=Outcome.NOW, proration=Proration(
        fraction=Fraction.ZERO, credit=False, credit_becomes="nothing"))  # fmt: skip
    play = MoneyPlay.of(servers, catalog={"rules": (nothing, *dns().rules)})
    change_id = upgraded(play, "start")
    assert play.step("print", change_id) == "applied"
    assert [line["kind"] for line in play.invoice(change_id).content["lines"]] == ["unchanged"]
    assert play.items() == [("basic", 1, 500, 50)], "what was billed stays until a change bills"
    audited(play)


def test_the_total_alone_is_rounded(servers: Stack) -> None:
    """25 % on 200.00 for 29 of 30 days from nothing: 193.33, 48.33 and a cent of rounding are 241.67."""
    rate = dns().tax.rates[0].model_copy(update={"percent": "25"})
    tax = dns().tax.model_copy(update={"rates": (rate,)})
    plans = tuple(
        plan.model_copy(update={"prices": {"monthly": {"USD": 0 if plan.id == "basic" else 20000}}})
        for plan in dns().plans
    )
    total = Rule(cycle="same", outcome=Outcome.NOW, proration=Proration(fraction=Fraction.DAYS, place="total"))
    june = datetime.fromisoformat("2027-05-31T15:00:00Z")
    play = MoneyPlay.of(
        servers, catalog={"tax": tax, "plans": plans, "rules": (total,)}, currency="USD",
        period_start=june, period_end=june + timedelta(days=30),
    )  # fmt: skip
    with transaction() as session:
        stored = quote_change(session, june + timedelta(days=1), play.service(session), "start", "monthly")
    amounts = {key: stored.document[key]["amount"] for key in ("net", "tax", "rounding", "total")}
    assert amounts == {"net": 19333, "tax": 4833, "rounding": 1, "total": 24167}


@pytest.mark.parametrize(
    ("owed", "returned", "given", "spendable"),
    [(620, 0, 1277, 657), (0, 500, 770, 270), (1320, 0, 1277, 0), (300, 200, 400, 0)],
)
def test_one_waterfall(servers: Stack, owed: int, returned: int, given: int, spendable: int) -> None:
    """What is owed comes first, then what gateways took back; only the rest can be spent."""
    play = MoneyPlay.of(servers, plan="start")
    invoice_id = renewed(play)
    attempt_id = play.request_renewal(invoice_id)
    if owed < 1320:
        play.process(play.report(attempt_id, yen(1320 - owed), at="2027-08-01T00:00:00Z"))
    if returned:
        play.process(play.report_refund(attempt_id, returned, of=1320 - owed))
    with transaction() as session:
        note = session.get_one(Invoice, invoice_id)
        entries = shared_out(session, note, yen(given))
    accounts = {entry.account: -entry.amount.amount for entry in entries if entry.amount}
    assert accounts.get("credit", 0) == spendable
    assert sum(accounts.values()) == given


def test_a_part_refund_is_owed_before_a_downgrade_gives_credit(servers: Stack) -> None:
    """Start was renewed and paid, ¥1,320; the gateway refunds 500; Basic on the same day: 770 back, 270 to spend."""
    play = MoneyPlay.of(servers, plan="start", catalog={"rules": both_ways_now()})
    invoice_id = renewed(play)
    attempt_id = play.request_renewal(invoice_id)
    play.process(play.report(attempt_id, yen(1320), at="2027-08-01T00:00:00Z"))
    play.process(play.report_refund(attempt_id, 500, of=1320))
    upgraded(play, "basic")
    ledger = play.ledger()
    assert (ledger["credit"], ledger.get("returned", 0)) == (-270, 0)
    audited(play)


def test_a_bill_that_a_later_one_has_closed_is_not_reversed(servers: Stack) -> None:
    """Start, Business, and Start again on one day: the first bill's Start was taken back by the second. Its payment
    comes back: the plan cannot simply be had back, so that the service is suspended and staff are told."""
    play = MoneyPlay.of(servers, catalog={"rules": both_ways_now()})
    first = upgraded(play, "start")
    upgraded(play, "business")
    upgraded(play, "start")
    assert play.items() == [("start", 1, 581, 58)]
    assert play.process(play.report_refund(play.attempts(first)[0].id, 373, of=373)) is None
    assert "a later bill has taken back what it charged" in (play.change(first).reason_text or "")
    with transaction() as session:
        assert play.service(session).status == "suspended"


def test_seats_pass_through(servers: Stack) -> None:
    """Three more of Basic on 17 July: 3 x 500 x 15/31 = 725.8; one fewer: 726/3 on the same day."""
    play = MoneyPlay.of(servers, quantity=2, catalog={"rules": both_ways_now()})
    upgraded(play, "basic", quantity=5)
    assert play.items() == [("basic", 2, 1000, 100), ("basic", 3, 726, 73)]
    upgraded(play, "basic", quantity=4)
    assert play.items() == [("basic", 2, 1000, 100), ("basic", 2, 484, 49)]
    with transaction() as session:
        assert play.service(session).quantity == 4
    audited(play)


def test_an_import_that_is_not_paid_is_the_providers_own_bill(servers: Stack) -> None:
    """The host system's bill for July is open: changes now wait for it, with its page; that it was paid opens them."""
    billing = BillingReport(net=400, tax_rate="8", pay_url="https://host.example/bills/7")
    play = MoneyPlay.of(servers, paid=False, billing=billing)
    with pytest.raises(OpenInvoice) as refused:
        quoted(play, NOON_17_JULY, "start")
    assert refused.value.details["invoice"] is None
    assert refused.value.details["amount_due"]["amount"] == 432
    assert refused.value.details["checkout_url"] == "https://host.example/bills/7"
    with transaction() as session:
        service = play.service(session)
        paid = ServiceReport(
            customer="customer", plan="basic", cycle="monthly", currency="JPY", status="active",
            period_start=JULY, period_end=AUGUST, quantity=1, paid=True,
        )  # fmt: skip
        put_service(session, NOON_17_JULY, play.provider(session), service.ref, paid)
    assert play.items() == [("basic", 1, 400, 32)]
    # 400 x 15/31 = 193.5 with 8 %; 581 with 10 %
    assert lines(quoted(play, NOON_17_JULY, "start")) == [("credit", -194), ("charge", 581), ("tax", -16), ("tax", 58)]


def test_the_database_refuses_to_take_back_more_than_was_billed(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    change_id = upgraded(play, "start")
    with transaction() as session:
        taken = session.scalars(
            select(StoredTakeBack).where(StoredTakeBack.invoice_id == play.invoice(change_id).id)
        ).one()
        values = {"item": taken.item_id, "provider": taken.provider_id}
    for units, net, tax, named in (
        (1, 0, 0, "units_not_overdrawn"),
        (0, 259, 0, "net_not_overdrawn"),
        (0, 0, 27, "tax_not_overdrawn"),
    ):
        with pytest.raises(IntegrityError, match=named), transaction() as session:
            session.execute(
                text(
                    "INSERT INTO take_backs (id, provider_id, item_id, units, net_minor, tax_minor, from_at, cause, at)"
                    " VALUES ('tkb_x', :provider, :item, :units, :net, :tax, now(), 'change', now())"
                ),
                values | {"units": units, "net": net, "tax": tax},
            )
    with pytest.raises(IntegrityError, match="append-only"), transaction() as session:
        session.execute(text("UPDATE billed_items SET net_minor = 0, gross_minor = 0"))
