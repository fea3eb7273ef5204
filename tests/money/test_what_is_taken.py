"""What the gateway takes is known before there is an invoice: the quote says so, and nothing comes to rest."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from domain.catalog import MinimumCharge
from domain.errors import AmountNotPayable
from domain.money import Money
from domain.pricing.verify import verify_quote
from engine.expiry import cancel_change
from engine.offers import options_for, quote_change
from engine.payments.payable import check_payable, currency_problems
from gateways.protocol import AmountRule
from gateways.registry import GATEWAYS
from local.stack import Stack
from models.database import transaction
from models.invoice import Invoice, StoredQuote
from tests.conftest import catalog_named
from tests.support.money_play import MoneyPlay, yen
from tests.support.play import AUGUST, NOON_17_JULY

FIFTY = MinimumCharge(amounts={"JPY": 50, "USD": 50})


def give_credit(play: MoneyPlay, amount: int) -> None:
    """What was paid of a change that was then canceled."""
    change_id = play.until_awaiting_payment("start")
    attempt_id = play.attempts(change_id)[0].id
    play.process(play.report(attempt_id, yen(amount)))
    with transaction() as session:
        cancel_change(session, NOON_17_JULY, change_id, "customer")
    assert play.ledger()["credit"] == -amount


def connected(play: MoneyPlay, adapter: str) -> None:
    """Its amount rules are those of another gateway; the sandbox speaks for it."""
    with transaction() as session:
        play.gateway(session).adapter = adapter


def with_rule(monkeypatch: pytest.MonkeyPatch, rule: AmountRule | None) -> None:
    monkeypatch.setattr(type(GATEWAYS["standard"]), "amount_rule", lambda *_: rule)


def quoted(play: MoneyPlay, plan: str = "start") -> Any:
    with transaction() as session:
        return quote_change(session, NOON_17_JULY, play.service(session), plan, "monthly").document


def test_the_minimum_counts_on_what_is_asked_of_the_gateway(servers: Stack) -> None:
    """373 with 348 of credit: 25 are too little to collect, so 323 of the credit are used and 50 are paid."""
    play = MoneyPlay.with_policies(servers, minimum_charge=FIFTY)
    give_credit(play, 348)
    document = quoted(play)
    assert document["total"] == yen(373).as_json()
    assert document["credit_applied"] == yen(323).as_json()
    assert document["total_due_today"] == yen(50).as_json()
    change_id = play.until_awaiting_payment("start")
    assert play.attempts(change_id)[0].amount_minor == 50
    assert play.ledger() == {"clearing:standard": 348, "credit": -25, "held": -323}


def test_a_gateways_minimum_counts_in_the_same_way(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a minimum of the catalogue's own."""
    play = MoneyPlay.of(servers)
    give_credit(play, 348)
    assert quoted(play)["total_due_today"] == yen(25).as_json()
    with_rule(monkeypatch, AmountRule(minimum=50))
    assert quoted(play)["total_due_today"] == yen(50).as_json()
    assert quoted(play)["credit_applied"] == yen(323).as_json()


WAIVED = MinimumCharge(amounts={"JPY": 50, "USD": 50}, after_credit="waive")


def test_the_catalogue_may_waive_what_credit_leaves(servers: Stack) -> None:
    """373 with 348 of credit: the total becomes 348, and the plan is worth so much less when it is given back."""
    play = MoneyPlay.with_policies(servers, minimum_charge=WAIVED)
    give_credit(play, 348)
    document = quoted(play)
    assert [document[key]["amount"] for key in ("net", "tax", "total", "credit_applied", "total_due_today")] == [
        *(316, 32, 348, 348, 0)
    ]
    assert [line["amount"]["amount"] for line in document["lines"] if line["kind"] == "waived"] == [-23]
    assert verify_quote(document) == []
    change_id = play.request("start")
    assert play.steps("quote issue settle apply", change_id) == "applied"
    assert play.ledger() == {"clearing:standard": 348, "sales": -316, "tax:jp-10": -32}
    assert play.items() == [("start", 1, 558, 56)], "581 less 23, and its tax of 58 less 2"


def test_more_or_no_credit_waives_nothing(servers: Stack) -> None:
    play = MoneyPlay.with_policies(servers, minimum_charge=WAIVED)
    assert quoted(play)["total_due_today"] == yen(373).as_json()
    give_credit(play, 323)
    assert quoted(play)["total_due_today"] == yen(50).as_json()


def test_a_renewal_may_be_waived_in_the_same_way(servers: Stack) -> None:
    """550 with 530 of credit: 19 before tax are waived, which makes 481 and 48."""
    play = MoneyPlay.with_policies(servers, minimum_charge=WAIVED)
    give_credit(play, 530)
    play.set_clock(AUGUST)
    invoice_id = play.renew().invoice_id
    with transaction() as session:
        invoice = session.get_one(Invoice, invoice_id)
        assert (invoice.net_minor, invoice.tax_minor, invoice.credit_applied_minor, invoice.due_minor) == (
            *(481, 48, 529, 0),
        )
    assert play.ledger() == {"clearing:standard": 530, "credit": -1, "sales": -481, "tax:jp-10": -48}
    assert ("basic", 1, 481, 48) in play.items()


@pytest.mark.parametrize("policies", [{"minimum_charge": FIFTY}, {}])
def test_a_renewal_uses_less_credit_too(
    servers: Stack, monkeypatch: pytest.MonkeyPatch, policies: dict[str, Any]
) -> None:
    """550 with 530 of credit."""
    play = MoneyPlay.with_policies(servers, **policies)
    give_credit(play, 530)
    if not policies:
        with_rule(monkeypatch, AmountRule(minimum=50))
    play.set_clock(AUGUST)
    invoice_id = play.renew().invoice_id
    with transaction() as session:
        invoice = session.get_one(Invoice, invoice_id)
        assert (invoice.total_minor, invoice.credit_applied_minor, invoice.due_minor) == (550, 500, 50)
    assert play.ledger()["credit"] == -30


def test_too_small_a_price_is_refused_in_the_quote_with_the_reason(
    servers: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = MoneyPlay.of(servers)
    with_rule(monkeypatch, AmountRule(minimum=400))
    with pytest.raises(AmountNotPayable, match=r"no payment of 373 JPY \(minimum 400 JPY\)") as refused:
        quoted(play)
    assert refused.value.details == {"amount": yen(373).as_json(), "minimum": yen(400).as_json()}
    with transaction() as session:
        service = play.service(session)
        options = options_for(session, NOON_17_JULY, service)
        reasons = {(option.plan.id, option.cycle): option.reason for group in options.values() for option in group}
        assert session.query(StoredQuote).filter_by(service_id=service.id).count() == 0
    reason = reasons["start", "monthly"]
    assert reason is not None
    assert reason[:2] == (
        "amount_not_payable",
        "¥373 would be due, and the payment service takes ¥400 at least.",
    )
    assert reasons["business", "monthly"] is None, "1,331 are enough"
    with pytest.raises(AmountNotPayable):
        play.request("start")


def test_a_gateway_that_changes_after_the_request_leaves_nothing_at_invoiced(
    servers: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = MoneyPlay.of(servers)
    change_id = play.request("start")
    with_rule(monkeypatch, AmountRule(minimum=400))
    assert play.step("quote", change_id) == "refused"
    change = play.change(change_id)
    assert (change.reason, (change.reason_details or {})["minimum"]) == ("amount_not_payable", yen(400).as_json())
    assert play.ledger() == {}


@pytest.mark.parametrize(
    ("adapter", "amount", "taken"),
    [
        ("stripe", Money(49, "JPY"), False),
        ("stripe", Money(50, "JPY"), True),
        ("stripe-intents", Money(49, "USD"), False),
        ("stripe", Money(99_999_999, "USD"), True),
        ("stripe", Money(100_000_000, "USD"), False),
        ("stripe", Money(99_999_999_999, "IDR"), True),
        ("stripe", Money(1_234, "KWD"), False),
        ("stripe", Money(1_230, "KWD"), True),
        ("stripe", Money(1, "UGX"), True),
        ("stripe", Money(1_000_000, "ISK"), False),
        ("stripe", Money(150, "MGA"), False),
        ("stripe", Money(200, "MGA"), True),
        ("stripe", Money(1_000, "LYD"), False),
        ("mollie", Money(1, "EUR"), True),
        ("mollie", Money(500, "KWD"), False),
        ("standard", Money(1, "LYD"), True),
        ("manual", Money(1, "JPY"), True),
    ],
)
def test_what_each_gateway_takes(adapter: str, amount: Money, taken: bool) -> None:
    rule = GATEWAYS[adapter].amount_rule(amount.currency)
    assert (rule is not None and rule.takes(amount.amount)) is taken
    if taken:
        check_payable(rule, amount)
    else:
        with pytest.raises(AmountNotPayable):
            check_payable(rule, amount)


@pytest.mark.parametrize(
    ("adapter", "amount", "bound"),
    [
        ("stripe", Money(49, "JPY"), {"minimum": Money(50, "JPY").as_json()}),
        ("stripe", Money(100_000_000, "JPY"), {"maximum": Money(99_999_999, "JPY").as_json()}),
        ("stripe", Money(150, "MGA"), {}),
        ("stripe", Money(1_000, "LYD"), {}),
    ],
)
def test_a_refused_amount_is_told_with_the_bound_that_it_breaks(
    adapter: str, amount: Money, bound: dict[str, Any]
) -> None:
    """None, where it is no multiple of what is taken, or where the currency is not taken at all."""
    with pytest.raises(AmountNotPayable) as refused:
        check_payable(GATEWAYS[adapter].amount_rule(amount.currency), amount)
    assert refused.value.details == {"amount": amount.as_json()} | bound


def test_nothing_due_is_always_possible() -> None:
    check_payable(None, Money(0, "LYD"))


def test_a_minimum_of_one_step_is_told_as_a_step_and_no_minimum_beside_it() -> None:
    """Stripe takes 0.010 KWD, 0.020 KWD and so on: a catalogue without a minimum of its own lacks nothing else."""
    catalog = catalog_named("gulf", "dns", currencies=["KWD"])
    problems = [(problem.impossible, problem.sentence) for problem in currency_problems(catalog, "stripe")]
    step = "The gateway stripe takes multiples of 0.010 KWD only; other amounts are refused. Price in them."
    assert problems == [(False, step)]


def test_doctor_and_connect_tell_what_a_gateway_will_not_take(servers: Stack) -> None:
    play = MoneyPlay.of(servers)
    connected(play, "stripe")
    told = CliRunner().invoke(app, ["doctor"]).stdout
    assert [line for line in told.splitlines() if play.slug in line and "50 JPY at least" in line]
    url = play.stack.addresses.gateway
    words = [
        "connect",
        "gateway",
        play.slug,
        "--adapter",
        "stripe",
        "--url",
        url,
        "--api-key",
        "k",
        "--secret",
        "whsec_5WbX5kEWLlfzsGNjH64I",
    ]
    said = CliRunner().invoke(app, words)
    assert said.exit_code == 0, said.output
    assert "Mind: The gateway stripe takes 50 JPY at least. Set policies.minimum_charge" in said.stdout
