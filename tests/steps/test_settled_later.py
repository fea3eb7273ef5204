"""A plan starts when it is paid, not when it is asked for: on real servers, with dates and yen.

July has 31 days; Basic costs ¥500, Start ¥1,200, Business ¥3,000 a month, with 10 % on top in Japan. From Basic to
Business on the 17th, 15 days are left: 1,452 - 242 and 121 of tax are ¥1,331. On the 23rd, 9: 871 - 145 and 73, ¥799.
"""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner

from cli.main import app
from cli.sandbox import sample_catalogs
from domain.catalog import Outcome, Plan, Rule
from domain.money import Money
from domain.pricing.modes import Anchor, Fraction, Proration
from engine.accounts.catalogs import load_catalog
from engine.audit.checks import CREDITS, audit_books
from engine.audit.documents import audit_documents, documents_to_read
from engine.host_reports import ServiceReport, put_service
from engine.operators.manual_payments import StatementLine, record_payment
from engine.operators.recovery import compensation
from engine.quote import quote
from engine.request import ChangeRequest, request_change
from local.stack import Stack
from models.audit import Attribution
from models.base import new_id
from models.database import snapshot, transaction
from models.invoice import Document, Invoice, StoredQuote
from models.ledger import credit, debit, post
from models.plan_change import PlanChange
from models.provider import Provider
from tasks.run import external_step
from tests.conftest import catalog_named
from tests.support import loopback
from tests.support.money_play import MoneyPlay, yen
from tests.support.play import AUGUST, JULY, NOON_17_JULY

TOKYO = ZoneInfo("Asia/Tokyo")
ANNA = Attribution("anna", "bank statement of today")
NOON_23_JULY = NOON_17_JULY + timedelta(days=6)


def asked(play: MoneyPlay, plan: str = "business", at: datetime = NOON_17_JULY, **more: Any) -> str:
    play.set_clock(at)
    return play.until_awaiting_payment(plan, **more)


def paid(play: MoneyPlay, change_id: str, amount: int, at: datetime) -> None:
    """The gateway reports so many yen on this day of the provider's."""
    play.set_clock(at)
    attempt_id = play.attempts(change_id)[-1].id
    play.process(play.report(attempt_id, yen(amount), at=at.isoformat()))


def wired(play: MoneyPlay, change_id: str, amount: int, at: datetime, recorded: datetime | None = None) -> None:
    """A line of the bank's statement with its own date, recorded on that day or later."""
    play.set_clock(recorded or at)
    with transaction() as session:
        line = StatementLine(secrets.token_hex(4), yen(amount), at, play.invoice(change_id).id)
        event, _ = record_payment(session, recorded or at, play.provider(session), line, ANNA)
    play.process(event.id)


def dear_business(price: int = 12_000) -> tuple[Plan, ...]:
    plans = next(catalog for catalog in sample_catalogs() if catalog.provider == "dns").plans
    prices = {"monthly": {"JPY": price, "USD": 30_00}, "annual": {"JPY": 30_000, "USD": 300_00}}
    return tuple(plan.model_copy(update={"prices": prices}) if plan.id == "business" else plan for plan in plans)


def settled(play: MoneyPlay, change_id: str) -> Invoice:
    assert play.steps("settle apply print", change_id) == "applied"
    audited(play)
    return play.invoice(change_id)


def audited(play: MoneyPlay) -> None:
    """The books hold, and every document prints again as it was printed."""
    with snapshot() as session:
        providers = [play.provider(session).id]
        results = audit_books(session, providers, timedelta(minutes=5))
        stored = documents_to_read(session, providers)
    broken = [result for result in [*results, *audit_documents(stored)] if not result.holds]
    assert [result for result in broken if result.name != "nothing_is_overdue"] == []


def documents(invoice: Invoice) -> dict[str, str]:
    """The digest of each that is printed."""
    printed = select(Document.kind, Document.sha256).where(Document.invoice_id == invoice.id)
    with transaction() as session:
        return {kind: sha256 for kind, sha256 in session.execute(printed)}


def lines(invoice: Invoice) -> list[tuple[str, int]]:
    return [(line["kind"], line["amount"]["amount"]) for line in invoice.content["lines"]]


def total(quote: dict[str, Any] | None) -> int:
    assert quote is not None
    amount: int = quote["total"]["amount"]
    return amount


def set_policies(play: MoneyPlay, **policies: Any) -> None:
    catalog = catalog_named(play.slug, "dns")
    changed = catalog.model_copy(update={"policies": catalog.policies.model_copy(update=policies)})
    with transaction() as session:
        load_catalog(session, changed, sandbox=True)


def give_credit(play: MoneyPlay, amount: int) -> None:
    """Account credit, as if an earlier payment had been too much."""
    with transaction() as session:
        customer_id, provider_id = play.service(session).customer_id, play.provider(session).id
        entries = [debit("clearing:standard", "", yen(amount)), credit("credit", customer_id, yen(amount))]
        post(session, provider_id, ("payment", new_id("mny")), NOON_17_JULY, entries)


def test_six_days_later_six_days_less(servers: Stack) -> None:
    """¥1,331 accepted on the 17th, paid on the 23rd: nine days are ¥799, and ¥532 is account credit."""
    play = MoneyPlay.of(servers)
    change_id = asked(play, accept_total=yen(1331))
    accepted = play.change(change_id).quote
    proforma = documents(play.invoice(change_id))["proforma"]
    paid(play, change_id, 1331, NOON_23_JULY)
    invoice = settled(play, change_id)
    assert (invoice.net_minor, invoice.tax_minor, invoice.total_minor, invoice.due_minor) == (726, 73, 799, 799)
    assert lines(invoice) == [("credit", -145), ("charge", 871)]
    assert play.ledger() == {"clearing:standard": 1331, "credit": -532, "sales": -726, "tax:jp-10": -73}
    assert play.items() == [("business", 1, 871, 87)]
    assert invoice.content["supply"] == {"start": "2027-07-23T03:00:00Z", "end": "2027-07-31T15:00:00Z"}
    assert invoice.content["notes"][0] == (
        "Asked for on July 17, 2027 at ¥1,331, paid on July 23, 2027: the plan changes from then on, ¥532 less."
    )
    change = play.change(change_id)
    assert (change.quote, total(change.quote), total(change.settled_quote)) == (accepted, 1331, 799)
    assert change.effective_at == NOON_23_JULY
    printed = documents(invoice)
    assert (set(printed), printed["proforma"]) == ({"proforma", "invoice"}, proforma)
    assert invoice.content["proforma"]["total_minor"] == 1331


def test_two_hours_before_the_period_ends_a_day_is_left(servers: Stack) -> None:
    """Asked for on the 25th, 7 days, ¥620; paid on the 31st at 22:00, one day: 97 - 16 and 8 of tax, ¥89."""
    play = MoneyPlay.of(servers)
    change_id = asked(play, at=NOON_17_JULY + timedelta(days=8))
    paid(play, change_id, 620, AUGUST - timedelta(hours=2))
    assert settled(play, change_id).total_minor == 89
    assert play.ledger()["credit"] == -531
    assert play.items() == [("business", 1, 97, 10)]


@pytest.mark.parametrize(("minutes", "amount"), [(719, 1331), (720, 1242)])
def test_on_the_same_local_day_nothing_is_priced_again(servers: Stack, minutes: int, amount: int) -> None:
    """A minute before midnight in Tokyo it is still the 17th; at midnight, 14 days are 1,355 - 226 and 113, ¥1,242."""
    play = MoneyPlay.of(servers)
    change_id = asked(play)
    paid(play, change_id, 1331, NOON_17_JULY + timedelta(minutes=minutes))
    assert settled(play, change_id).total_minor == amount
    assert (play.change(change_id).settled_quote is None) == (amount == 1331)


def test_a_new_period_begins_when_it_is_paid_and_costs_no_more(servers: Stack) -> None:
    """A year of Start is 12,000 less 242 for Basic on the 17th. On the 23rd Basic is worth 145: 97 more than accepted,
    which nobody pays; the year begins on the 23rd, and what was billed for it is 11,903."""
    play = MoneyPlay.of(servers)
    change_id = asked(play, "start", cycle="annual")
    paid(play, change_id, 12934, NOON_23_JULY)
    invoice = settled(play, change_id)
    assert lines(invoice) == [("credit", -145), ("charge", 12000), ("ceiling", -97)]
    assert (invoice.total_minor, play.items()) == (12934, [("start", 1, 11903, 1190)])
    assert "credit" not in play.ledger()
    with transaction() as session:
        service = play.service(session)
        assert (service.period_start, service.anchor_day) == (NOON_23_JULY, 23)
        assert service.period_end == datetime(2028, 7, 23, 3, tzinfo=UTC)


def test_a_discount_that_ended_in_between_makes_nothing_dearer(servers: Stack) -> None:
    """Half price until the 20th: 726 - 242 on the 17th, ¥532; without it 871 - 145 on the 23rd would be ¥799."""
    play = MoneyPlay.of(servers)
    with transaction() as session:
        play.service(session).discount = {"percent": "50", "until": "2027-07-20T00:00:00+09:00", "plans": ["business"]}
    change_id = asked(play)
    paid(play, change_id, 532, NOON_23_JULY)
    invoice = settled(play, change_id)
    assert (invoice.total_minor, lines(invoice)) == (532, [("credit", -145), ("charge", 871), ("ceiling", -242)])
    assert play.items() == [("business", 1, 629, 63)]


def test_parts_on_two_days_count_from_the_day_that_makes_them_enough(servers: Stack) -> None:
    """700 of credit are reserved; 300 come on the 18th and 331 on the 23rd. Of ¥799, 700 are credit and 99 money."""
    play = MoneyPlay.of(servers)
    give_credit(play, 700)
    change_id = asked(play)
    assert play.invoice(change_id).due_minor == 631
    wired(play, change_id, 300, NOON_17_JULY + timedelta(days=1))
    assert play.step("settle", change_id) == "awaiting_payment"
    wired(play, change_id, 331, NOON_23_JULY)
    invoice = settled(play, change_id)
    assert (invoice.total_minor, invoice.credit_applied_minor, invoice.due_minor) == (799, 700, 99)
    assert play.ledger() == {"clearing:manual": 631, "clearing:standard": 700, "credit": -532, "sales": -726,
                             "tax:jp-10": -73}  # fmt: skip


def test_credit_that_is_more_than_the_days_cost_is_free_again(servers: Stack) -> None:
    """1,000 of credit and 331 of money for ¥1,331; ¥799 are all paid from credit, 201 and the 331 can be spent."""
    play = MoneyPlay.of(servers)
    give_credit(play, 1000)
    change_id = asked(play)
    paid(play, change_id, 331, NOON_23_JULY)
    invoice = settled(play, change_id)
    assert (invoice.total_minor, invoice.credit_applied_minor, invoice.due_minor) == (799, 799, 0)
    assert play.ledger()["credit"] == -532


def test_money_that_went_back_did_not_pay(servers: Stack) -> None:
    """Paid on the 18th and refunded, paid again on the 23rd: nine days."""
    play = MoneyPlay.of(servers)
    change_id = asked(play)
    first = play.attempts(change_id)[0].id
    paid(play, change_id, 1331, NOON_17_JULY + timedelta(days=1))
    play.process(play.report_refund(first, 1331, of=1331))
    wired(play, change_id, 1331, NOON_23_JULY)
    assert settled(play, change_id).total_minor == 799


def test_a_payment_too_many_moves_no_day(servers: Stack) -> None:
    """The money was there on the 18th, 14 days; what came on the 23rd is credit, whenever the task runs."""
    play = MoneyPlay.of(servers)
    change_id = asked(play)
    paid(play, change_id, 1331, NOON_17_JULY + timedelta(days=1))
    wired(play, change_id, 1331, NOON_23_JULY)
    assert settled(play, change_id).total_minor == 1242
    assert play.ledger()["credit"] == -(2 * 1331 - 1242)


def test_what_the_bank_says_counts_not_when_it_was_typed_in(servers: Stack) -> None:
    """The transfer is of the 20th, 12 days: 1,161 - 194 and 97, ¥1,064; it is recorded on the 23rd."""
    play = MoneyPlay.of(servers)
    change_id = asked(play)
    wired(play, change_id, 1331, NOON_17_JULY + timedelta(days=3), recorded=NOON_23_JULY)
    assert settled(play, change_id).total_minor == 1064
    assert play.change(change_id).effective_at == NOON_17_JULY + timedelta(days=3)


def test_credit_alone_pays_at_once_however_late_the_task_runs(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    give_credit(play, 2000)
    change_id = play.request("business")
    assert play.steps("quote issue", change_id) == "invoiced"
    play.set_clock(NOON_23_JULY)
    assert settled(play, change_id).total_minor == 1331
    assert play.change(change_id).settled_quote is None


def test_credit_that_is_worth_more_than_the_new_plan_on_the_day_of_payment(servers: Stack) -> None:
    """A year of Basic, ¥5,000 of which 349 of 365 days are left, to a month of Business in the running month: on the
    17th 15 of 31 days are 1,452 less 4,781. With Business at 12,000 a month: 5,806 - 4,781, ¥1,128. On the 23rd
    3,484 - 4,699: a credit note of ¥1,337, and the ¥1,128 are credit, too."""
    keep = Rule(outcome=Outcome.NOW, proration=Proration(fraction=Fraction.DAYS, anchor=Anchor.KEEP))
    play = MoneyPlay.of(
        servers, catalog={"rules": (keep,), "plans": dear_business()}, cycle="annual",
        period_start=JULY, period_end=datetime(2028, 6, 30, 15, tzinfo=UTC),
    )  # fmt: skip
    change_id = asked(play)
    assert play.invoice(change_id).total_minor == 1128
    paid(play, change_id, 1128, NOON_23_JULY)
    note = settled(play, change_id)
    assert (note.kind, note.total_minor, lines(note)) == ("credit_note", -1337, [("credit", -4699), ("charge", 3484)])
    assert play.ledger() == {"clearing:standard": 1128, "credit": -2465, "sales": 1215, "tax:jp-10": 122}
    assert set(documents(note)) == {"proforma", "credit_note"}


def test_an_offer_ends_with_the_new_period_that_it_was_priced_for(servers: Stack) -> None:
    """The same in the running month of the year: asked for on 29 July, it can be paid until an hour before August."""
    keep = Rule(outcome=Outcome.NOW, proration=Proration(fraction=Fraction.DAYS, anchor=Anchor.KEEP))
    play = MoneyPlay.of(
        servers, catalog={"rules": (keep,), "plans": dear_business(90_000)}, cycle="annual",
        period_start=JULY, period_end=datetime(2028, 6, 30, 15, tzinfo=UTC),
    )  # fmt: skip
    change_id = asked(play, at=AUGUST - timedelta(days=2, hours=12))
    assert play.change(change_id).payable_until == AUGUST - timedelta(hours=1)


def test_the_price_of_the_request_ends_with_its_day(servers: Stack) -> None:
    """priced_at = "request": payable until midnight in Tokyo, and paid at 23:59 it is what was asked."""
    play = MoneyPlay.of(servers)
    set_policies(play, priced_at="request")
    midnight = datetime(2027, 7, 17, 15, tzinfo=UTC)
    change_id = asked(play)
    assert play.change(change_id).payable_until == midnight
    paid(play, change_id, 1331, midnight - timedelta(minutes=1))
    play.set_clock(NOON_23_JULY)
    assert settled(play, change_id).total_minor == 1331
    assert play.change(change_id).settled_quote is None


def test_an_offer_of_yesterday_is_made_again(servers: Stack) -> None:
    """A request that is worked on after midnight cannot be paid any more: it is refused with the price of the 18th."""
    play = MoneyPlay.of(servers)
    set_policies(play, priced_at="request")
    play.set_clock(datetime(2027, 7, 17, 14, 50, tzinfo=UTC))
    change_id = play.request("business")
    play.set_clock(datetime(2027, 7, 17, 15, 1, tzinfo=UTC))
    assert play.step("quote", change_id) == "refused"
    change = play.change(change_id)
    assert change.reason == "price_changed"
    with transaction() as session:
        offered = session.get_one(StoredQuote, (change.reason_details or {})["quote"])
    assert total(offered.document) == 1242


@pytest.mark.parametrize("policy", ["payment", "request"])
def test_a_full_difference_is_the_same_on_every_day(servers: Stack, policy: str) -> None:
    """The hosting provider's price does not depend on the day: seven days to pay, and 10.00 to 30.00 is 20.00."""
    play = MoneyPlay.of(servers, "hosting", "web-s")
    with transaction() as session:
        catalog = catalog_named(play.slug, "hosting")
        policies = catalog.policies.model_copy(update={"priced_at": policy})
        load_catalog(session, catalog.model_copy(update={"policies": policies}), sandbox=True)
    change_id = asked(play, "web-l")
    assert play.change(change_id).payable_until == NOON_17_JULY + timedelta(days=7)
    play.set_clock(NOON_23_JULY)
    play.process(play.report(play.attempts(change_id)[0].id, Money(2000, "USD")))
    assert settled(play, change_id).total_minor == 2000
    assert play.change(change_id).settled_quote is None


def test_the_gateways_own_time_counts_where_no_clock_is_moved(servers: Stack) -> None:
    """Asked for five days ago, paid two days ago, reported and settled now: the plan began two days ago."""
    play = MoneyPlay.of(servers)
    now = datetime.now(UTC)
    midnight = now.astimezone(TOKYO).replace(hour=0, minute=0, second=0, microsecond=0)
    with transaction() as session:
        session.execute(update(Provider).where(Provider.slug == play.slug).values(clock_at=None))
        provider = play.provider(session)
        report = ServiceReport(
            customer="customer", plan="basic", cycle="monthly", currency="JPY", status="active", quantity=1, paid=True,
            period_start=midnight - timedelta(days=10), period_end=midnight + timedelta(days=20),
        )  # fmt: skip
        put_service(session, now, provider, "live", report)
        request = ChangeRequest("live", "business", "monthly")
        asked_at = midnight + timedelta(hours=12) - timedelta(days=5)
        change, _ = request_change(session, asked_at, provider, "live", request, "test")
        assert quote(session, asked_at, change.id) == "quoted"
        change_id = change.id
    assert play.steps("issue print request_payment", change_id) == "awaiting_payment"
    paid_on = midnight + timedelta(hours=12) - timedelta(days=2)
    due = play.invoice(change_id).total_minor
    play.process(play.report(play.attempts(change_id)[0].id, yen(due), at=paid_on.isoformat()))
    invoice = settled(play, change_id)
    # 22 of 30 days: 2,200 - 367 = 1,833 and 183; it was 25 of them: 2,500 - 417 = 2,083 and 208
    assert (due, invoice.total_minor) == (2291, 2016)
    assert play.change(change_id).effective_at == paid_on


def test_a_reversal_mirrors_what_was_settled(servers: Stack) -> None:
    """All ¥1,331 go back after ¥799 were settled: 532 are taken from the credit, the sale of 799 is undone, and what
    was taken back of Basic on the 23rd is an item again."""
    play = MoneyPlay.of(servers)
    change_id = asked(play)
    paid(play, change_id, 1331, NOON_23_JULY)
    settled(play, change_id)
    back = play.process(play.report_refund(play.attempts(change_id)[0].id, 1331, of=1331))
    assert back is not None
    assert play.ledger() == {"returned": 799, "sales": -726, "tax:jp-10": -73}
    assert play.steps("apply print", back) == "applied"
    assert (play.change(change_id).status, play.ledger()) == ("reversed", {})
    assert play.items() == [("basic", 1, 145, 14)]
    assert play.invoice(back).total_minor == -799
    audited(play)


def test_a_reversal_goes_back_to_the_period_before_a_new_one(servers: Stack) -> None:
    """The year began on the day of payment; its payment goes back, and July of Basic runs on."""
    play = MoneyPlay.of(servers)
    change_id = asked(play, "start", cycle="annual")
    paid(play, change_id, 12934, NOON_23_JULY)
    settled(play, change_id)
    back = play.process(play.report_refund(play.attempts(change_id)[0].id, 12934, of=12934))
    assert back is not None
    assert play.steps("apply print", back) == "applied"
    assert (play.change(change_id).status, play.ledger()) == ("reversed", {})
    with transaction() as session:
        service = play.service(session)
        assert (service.plan, service.period_start, service.period_end, service.anchor_day) == (
            "basic", JULY, AUGUST, 1)  # fmt: skip
    assert play.items() == [("basic", 1, 145, 14)]


def test_a_compensation_mirrors_what_was_settled(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    url = f"{play.stack.addresses.host}/services/zone"
    basic = {"account": play.slug, "plan": "basic", "limits": {"zones": 3, "records": 100}, "usage": {}}
    loopback.put(url, json=basic).raise_for_status()
    change_id = asked(play)
    paid(play, change_id, 1331, NOON_23_JULY)
    assert play.step("settle", change_id) == "paid"
    knobs = f"{play.stack.addresses.host}/_knobs/{play.slug}"
    loopback.put(knobs, json={"refuse": "the rack is full"}).raise_for_status()
    assert play.step("apply", change_id) == "stuck"
    loopback.put(knobs, json={}).raise_for_status()
    assert external_step(compensation(ANNA), PlanChange, change_id) == "compensated"
    assert play.ledger() == {"clearing:standard": 1331, "credit": -1331}
    assert play.items() == [("basic", 1, 145, 14)]


def test_what_was_settled_can_be_verified_and_the_audit_sees_more_than_was_accepted(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    change_id = asked(play)
    paid(play, change_id, 1331, NOON_23_JULY)
    settled(play, change_id)
    verify = ["quote", "verify", change_id]
    result = CliRunner().invoke(app, [*verify, "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "quote": change_id, "holds": True, "differences": [], "limited": None,
        "accepted": yen(1331).as_json(), "settled": yen(799).as_json(),
    }  # fmt: skip
    said = CliRunner().invoke(app, verify).stdout
    both = "1331 JPY was accepted, 799 JPY was settled as of 2027-07-23T03:00:00Z."
    assert said == f"{change_id}: every cent holds. {both}\n"
    lower = dict(play.change(change_id).settled_quote or {})
    lower["inputs"] = lower["inputs"] | {"ceiling": yen(1500).as_json()}
    with transaction() as session:
        session.execute(update(PlanChange).where(PlanChange.id == change_id).values(settled_quote=lower))
    result = CliRunner().invoke(app, [*verify, "--json"])
    assert result.exit_code == 1
    assert "inputs.ceiling.amount: stored 1500, recomputed 1331" in json.loads(result.stdout)["differences"]
    with snapshot() as session:
        results = audit_books(session, [play.provider(session).id])
    assert [row.row_id for found in results if found.name == CREDITS for row in found.rows] == [change_id]
