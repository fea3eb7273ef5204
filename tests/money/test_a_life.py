"""Months of a service's life on real servers, by the engine's own entry points.

What the customer was billed in the end, less what was credited, is the price of the time that he had each plan, half a
unit a line, and the ledger agrees.
"""

from __future__ import annotations

import random
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import settings

from domain.catalog import Outcome, Rule
from domain.pricing.modes import Fraction, Proration
from engine.audit.checks import PATIENCE, Violation, audit_books
from local.stack import Stack
from models.database import snapshot
from tests.money.life import CYCLES
from tests.money.life_out import WholeLife
from tests.support import life_modes as modes
from tests.support.life_customer import Customer
from tests.support.life_model import BUYERS, PRICES
from tests.support.money_play import MoneyPlay, yen
from tests.support.play import AUGUST, SEPTEMBER

# `--hypothesis-profile deep` plays every mode, more often and longer.
DEEP = settings.get_current_profile_name() == "deep"
EVENTS, SEEDS = (40, range(6)) if DEEP else (12, [3])
EVERYDAY = (
    *(modes.ByTheDay, modes.BySeconds, modes.ByThirtyDays, modes.TheRenewalDateIsKept, modes.ANewPeriod),
    *(modes.SmallChargesAreRaised, modes.NothingNow, modes.TheDifferences),
)
MODES = modes.WITH_CREDIT + modes.OTHERS if DEEP else EVERYDAY
NOT_COMPARED = ("numbered_invoices_are_printed", "nothing_is_overdue")


def violations(play: MoneyPlay) -> dict[str, list[Violation]]:
    """What the audit finds, but for what these tests leave undone."""
    with snapshot() as session:
        found = audit_books(session, [play.provider(session).id], PATIENCE)
    return {one.name: one.rows for one in found if not one.holds and one.name not in NOT_COMPARED}


def drawn(rng: random.Random, life: WholeLife) -> partial[None]:
    """What happens next: most often he wants another plan, or pays; at times the service ends, or money goes back."""
    change = partial(
        life.the_plan_changes,
        plan=rng.choice([plan for plan in PRICES if plan != life.service.plan] * 3 + [life.service.plan]),
        cycle=rng.choice(CYCLES),
        units=rng.choice([1, 1, 2, 3]),
        pays=rng.choice(["whole", "whole", "in parts", "days later", "days later", "too late", "never"]),
        hours=rng.randint(1, 160),
    )
    payment = partial(life.he_pays_what_is_open, whole=rng.random() < 0.7)
    how = rng.choice(["refunded", "disputed", "failed late"])
    seldom = [
        partial(life.a_part_of_a_renewal_goes_back, of=rng.randint(2, 5)),
        partial(life.a_renewals_payment_goes_back, how=how),
        partial(life.the_last_changes_payment_goes_back, how=how),
        partial(life.an_older_changes_payment_goes_back, how=how),
        partial(life.a_dispute_is_won),
        partial(life.a_dispute_is_lost),
        partial(life.the_customer_moves, buyer=rng.choice(BUYERS)),
        partial(life.it_ends_at_once, days=rng.randint(1, 40)),
        partial(life.it_ends_with_its_period, days=rng.randint(1, 40)),
        partial(life.it_is_kept_after_all),
        partial(life.it_is_out_of_service, hours=rng.choice([3, rng.randint(1, 200), rng.randint(200, 1500)])),
    ]
    return rng.choice([change, change, change, payment, payment, rng.choice(seldom), rng.choice(seldom)])


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mode", MODES)
def test_months_of_a_life(servers: Stack, mode: type[Customer], seed: int) -> None:
    rng = random.Random(f"{mode.__name__} {seed}")
    life = type(mode.__name__, (mode, WholeLife), {})(servers, rng)
    for _ in range(EVENTS):
        life.pass_on(timedelta(hours=rng.choice([0, rng.randint(1, 72), rng.randint(72, 400)])))
        happens = drawn(rng, life)
        happens()
        print(f"{life.now:%d %b %Y %H:%M} {happens.func.__name__} {happens.keywords}")
        life.agree()
    assert violations(life.play) == {}


def test_a_year_that_became_a_month_is_renewed_after_that_month(servers: Stack) -> None:
    """Basic for a year from 1 August 2027, 5,000 for 366 days; on the 10th by the month: 357 days are 4,877, and 22 of
    31 days of 500 are 355. The next renewal is September's, in the midst of what was a year, and the audit agrees."""
    at_once = Rule(outcome=Outcome.NOW, proration=Proration(fraction=Fraction.DAYS))
    year_before = AUGUST - timedelta(days=365)
    play = MoneyPlay.of(
        servers, catalog={"rules": (at_once,)}, cycle="annual", period_start=year_before, period_end=AUGUST
    )
    play.set_clock(AUGUST)
    year = play.renew().invoice_id
    assert year is not None
    play.process(play.report(play.request_renewal(year), yen(5500), at=AUGUST.isoformat()))
    play.set_clock(AUGUST + timedelta(days=9))
    change_id = play.request("basic", "monthly")
    assert play.steps("quote issue print request_payment settle apply", change_id) == "applied"
    invoice = play.invoice(change_id)
    assert [line["amount"]["amount"] for line in invoice.content["lines"]] == [-4877, 355]
    play.set_clock(SEPTEMBER)
    assert play.renew().invoice_id is not None
    assert play.items() == [("basic", 1, 500, 50)]
    assert violations(play) == {}
