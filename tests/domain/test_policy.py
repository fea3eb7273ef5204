"""Which way a change goes, and what the sample catalogues' rules say about it."""

import pytest

from domain.catalog import Catalog, Direction, Outcome
from domain.errors import (
    BadQuantity,
    ChangeError,
    Forbidden,
    InThePast,
    NoRule,
    NothingToChange,
    OverLimit,
    PeriodEnded,
    PlanNotOffered,
    ServiceNotActive,
    ServicePastDue,
    UnknownCycle,
    UnknownPlan,
)
from domain.fit import check_fit
from domain.money import Money
from domain.pricing.modes import Anchor, Fraction
from domain.pricing.priced import decided, price
from domain.pricing.terms import Buyer, Target
from tests.domain.making import at, service

NOW, ZERO, AMERICAN = at("2026-11-16", "Asia/Tokyo"), Money(0, "USD"), Buyer("US")


@pytest.mark.parametrize(
    ("plan", "cycle", "to", "direction", "outcome", "anchor"),
    [
        ("basic", "monthly", Target("start", "monthly"), "upgrade", "now", "keep"),
        ("basic", "annual", Target("business", "annual"), "upgrade", "now", "keep"),
        ("basic", "monthly", Target("start", "annual"), "upgrade", "now", "reset"),
        ("basic", "annual", Target("start", "monthly"), "upgrade", "now", "reset"),
        ("basic", "monthly", Target("basic", "annual"), "cycle", "now", "reset"),
        ("basic", "annual", Target("basic", "monthly"), "cycle", "at_renewal", None),
        ("business", "monthly", Target("start", "monthly"), "downgrade", "at_renewal", None),
        ("business", "monthly", Target("basic", "annual"), "downgrade", "at_renewal", None),
        ("basic", "monthly", Target("basic", "monthly", 2), "upgrade", "now", "keep"),
    ],
)
def test_dns_rules(
    dns: Catalog, plan: str, cycle: str, to: Target, direction: str, outcome: str, anchor: str | None
) -> None:
    decision = decided(dns, service(dns, plan, cycle, "2026-11-01", "2026-12-01"), to, NOW)[2]
    assert (decision.direction, decision.outcome) == (direction, outcome)
    assert (decision.proration and decision.proration.anchor) == anchor


@pytest.mark.parametrize(
    ("plan", "cycle", "to", "direction", "outcome", "axes"),
    [
        ("web-s", "annual", ("web-m", "annual"), "upgrade", "now", ("whole", "keep")),
        ("radio-100", "monthly", ("radio-500", "monthly"), "upgrade", "now", ("whole", "keep")),
        ("vps-1", "monthly", ("vps-2", "monthly"), "upgrade", "now", ("whole", "keep")),
        ("web-s", "monthly", ("web-m", "annual"), "upgrade", "now", ("days", "reset")),
        ("web-s", "monthly", ("web-s", "annual"), "cycle", "now", ("days", "reset")),
        ("web-m", "monthly", ("vps-1", "monthly"), "upgrade", "now", ("whole", "keep")),
        ("web-m", "monthly", ("vps-1", "annual"), "upgrade", "manual_review", ("days", "reset")),
        ("radio-100", "monthly", ("vps-1", "monthly"), "upgrade", "manual_review", ("whole", "keep")),
        ("web-s", "annual", ("web-s", "monthly"), "cycle", "manual_review", ("days", "reset")),
        ("web-s", "annual", ("web-m", "monthly"), "upgrade", "manual_review", ("days", "reset")),
        ("web-m", "monthly", ("web-s", "monthly"), "downgrade", "forbidden", None),
        ("vps-1", "monthly", ("web-m", "monthly"), "downgrade", "forbidden", None),
    ],
)
def test_hosting_rules(
    hosting: Catalog,
    plan: str,
    cycle: str,
    to: tuple[str, str],
    direction: str,
    outcome: str,
    axes: tuple[Fraction, Anchor] | None,
) -> None:
    decision = decided(hosting, service(hosting, plan, cycle, "2026-11-01", "2026-12-01"), Target(*to), NOW)[2]
    assert (decision.direction, decision.outcome) == (direction, outcome)
    assert (decision.proration and (decision.proration.fraction, decision.proration.anchor)) == axes


def test_across_categories_the_price_of_a_year_decides(hosting: Catalog) -> None:
    # web-l and vps-1: 30 a month against 250 a year is 360 against 250
    old = service(hosting, "web-l", "monthly", "2026-11-01", "2026-12-01")
    assert decided(hosting, old, Target("vps-1", "annual"), NOW)[2].direction is Direction.DOWNGRADE
    # radio-500 at 20 a month against a web plan of the same price is lateral
    same = service(hosting, "radio-500", "monthly", "2026-11-01", "2026-12-01", unit_price=Money(1500, "USD"))
    assert decided(hosting, same, Target("web-m", "monthly"), NOW)[2].direction is Direction.LATERAL
    # and the price it bought counts: at 2.50 a month for two units, a year of vps-1 is more
    cheap = service(hosting, "web-l", "monthly", "2026-11-01", "2026-12-01", unit_price=Money(250, "USD"), quantity=2)
    assert decided(hosting, cheap, Target("vps-1", "annual", 1), NOW)[2].direction is Direction.UPGRADE


def test_a_forbidden_change_tells_the_providers_reason(hosting: Catalog) -> None:
    with pytest.raises(Forbidden, match="order the plan you want anew") as refused:
        price(hosting, service(hosting, "web-m", "annual", "2026-01-01", "2027-01-01"), AMERICAN,
              Target("web-s", "annual"), NOW, ZERO)  # fmt: skip
    assert refused.value.code == "downgrade_not_offered"
    assert set(refused.value.texts) == {"en", "es", "ja", "hi"}
    assert "contrate de nuevo" in refused.value.texts["es"]


@pytest.mark.parametrize(
    ("changes", "target", "moment", "error", "code", "message"),
    [
        ({}, Target("gold", "monthly"), NOW, UnknownPlan, "unknown_plan", "choose one of basic, start, business"),
        ({}, Target("start", "weekly"), NOW, UnknownCycle, "unknown_cycle", "choose one of monthly, annual"),
        ({}, Target("basic", "monthly"), NOW, NothingToChange, "nothing_to_change", "choose another"),
        ({}, Target("basic", "monthly", 1), NOW, NothingToChange, "nothing_to_change", "choose another"),
        ({}, Target("start", "monthly", 0), NOW, BadQuantity, "bad_quantity", "1 to 1000000; 0 is not"),
        ({}, Target("start", "monthly", 1_000_001), NOW, BadQuantity, "bad_quantity", "1000001 is not"),
        ({"status": "past_due"}, Target("gold", "x"), NOW, ServicePastDue, "service_past_due", "pay its invoice"),
        ({"status": "canceled"}, Target("gold", "x"), NOW, ServiceNotActive, "service_not_active", "is canceled"),
        ({}, Target("start", "monthly"), at("2026-10-31"), InThePast, "in_the_past", "price the change as of now"),
        ({}, Target("start", "monthly"), at("2026-12-01"), PeriodEnded, "period_ended", "renew the service first"),
    ],
)
def test_what_cannot_be_quoted(
    dns: Catalog,
    changes: dict[str, str],
    target: Target,
    moment: object,
    error: type[ChangeError],
    code: str,
    message: str,
) -> None:
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01", **changes)
    with pytest.raises(error, match=message) as refused:
        price(dns, old, AMERICAN, target, moment, ZERO)  # type: ignore[arg-type]
    assert refused.value.code == code


def test_a_price_that_no_ledger_holds(dns: Catalog) -> None:
    # ten billion dollars for a unit: a thousand of them are the largest amount, one more is too many
    dear = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01", unit_price=Money(10**12, "USD"))
    assert price(dns, dear, AMERICAN, Target("basic", "monthly", 1000), NOW, ZERO).new.quantity == 1000
    with pytest.raises(BadQuantity, match="1001 units of Basic cost more than Planshift holds"):
        price(dns, dear, AMERICAN, Target("basic", "monthly", 1001), NOW, ZERO)


def test_a_million_units_are_the_most(dns: Catalog) -> None:
    cheap = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01", unit_price=Money(1, "USD"))
    assert price(dns, cheap, AMERICAN, Target("basic", "monthly", 1_000_000), NOW, ZERO).new.quantity == 1_000_000


def test_the_last_instant_of_a_period_can_be_quoted(dns: Catalog) -> None:
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01")
    assert price(dns, old, AMERICAN, Target("start", "monthly"), old.period.start, ZERO).total == 700
    with pytest.raises(PeriodEnded):
        price(dns, old, AMERICAN, Target("start", "monthly"), old.period.end, ZERO)


def test_a_plan_that_is_not_sold_is_not_offered(dns: Catalog) -> None:
    retired = tuple(plan.model_copy(update={"sold": plan.id != "start"}) for plan in dns.plans)
    catalog = dns.model_copy(update={"plans": retired})
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01")
    with pytest.raises(PlanNotOffered, match="Start is not offered monthly in USD") as refused:
        price(catalog, old, AMERICAN, Target("start", "monthly"), NOW, ZERO)
    assert refused.value.details == {"plan": "start", "cycle": "monthly", "currency": "USD"}
    # nor is one that is sold where it has no price
    weekly = dns.model_copy(update={"cycles": {**dns.cycles, "weekly": dns.cycles["monthly"]}})
    with pytest.raises(PlanNotOffered, match="Start is not offered weekly in USD"):
        price(weekly, old, AMERICAN, Target("start", "weekly"), NOW, ZERO)
    # who has it may still change the quantity, at the price that was bought
    has_it = service(dns, "start", "monthly", "2026-11-01", "2026-12-01", unit_price=Money(900, "USD"))
    assert price(catalog, has_it, AMERICAN, Target("start", "monthly", 2), NOW, ZERO).total == 450


def test_without_a_rule_nothing_is_offered(dns: Catalog) -> None:
    catalog = dns.model_copy(update={"rules": dns.rules[:1]})
    with pytest.raises(NoRule, match="no rule for a change from basic to start"):
        price(catalog, service(dns, "basic", "monthly", "2026-11-01", "2026-12-01"), AMERICAN,
              Target("start", "monthly"), NOW, ZERO)  # fmt: skip


@pytest.mark.parametrize(
    ("usage", "limits"),
    [
        ({"zones": 3, "records": 100}, {}),
        ({"zones": 7, "records": 100}, {"zones": {"used": 7, "limit": 3, "reduce_by": 4}}),
        ({"zones": 4, "mailboxes": 9}, {"zones": {"used": 4, "limit": 3, "reduce_by": 1}}),
        (
            {"zones": 7, "records": 101},
            {
                "zones": {"used": 7, "limit": 3, "reduce_by": 4},
                "records": {"used": 101, "limit": 100, "reduce_by": 1},
            },
        ),
    ],
)
def test_usage_must_fit_the_target(dns: Catalog, usage: dict[str, int], limits: dict[str, dict[str, int]]) -> None:
    old = service(dns, "business", "monthly", "2026-11-01", "2026-12-01", usage=usage)
    if not limits:
        assert price(dns, old, AMERICAN, Target("basic", "monthly"), NOW, ZERO).timing is Outcome.AT_RENEWAL
        return
    with pytest.raises(OverLimit, match=r"Basic is too small for what is used now\. zones: ") as refused:
        price(dns, old, AMERICAN, Target("basic", "monthly"), NOW, ZERO)
    assert refused.value.details == {"plan": "basic", "limits": limits}


def test_what_to_reduce_is_named(dns: Catalog, hosting: Catalog) -> None:
    old = service(hosting, "vps-2", "monthly", "2026-11-01", "2026-12-01", usage={"disk_gb": 60})
    with pytest.raises(OverLimit) as refused:
        check_fit(hosting, hosting.plans[5], 1, old.usage)
    assert str(refused.value) == (
        "VPS 1 is too small for what is used now. disk space (GB): 60 used, 50 allowed, remove 10."
    )
    with pytest.raises(OverLimit, match=r"remove 4; records: 101 used, 100 allowed, remove 1\.$"):
        check_fit(dns, dns.plans[0], 1, {"zones": 7, "records": 101})
    nameless = hosting.model_copy(update={"limit_names": {}})
    with pytest.raises(OverLimit, match=r"now\. disk_gb: 60 used"):
        check_fit(nameless, hosting.plans[5], 1, old.usage)


def test_what_is_not_used_fits_even_nothing(dns: Catalog) -> None:
    none = dns.plans[0].model_copy(update={"limits": {"zones": 0}})
    check_fit(dns, none, 1, {})
    with pytest.raises(OverLimit, match="zones: 1 used, 0 allowed, remove 1"):
        check_fit(dns, none, 1, {"zones": 1})


def test_limits_count_per_unit(dns: Catalog) -> None:
    old = service(dns, "business", "monthly", "2026-11-01", "2026-12-01", usage={"zones": 7})
    assert price(dns, old, AMERICAN, Target("basic", "monthly", 3), NOW, ZERO).total == 0


def test_a_reason_alone_forbids_nothing(dns: Catalog, hosting: Catalog) -> None:
    explained = dns.rules[2].model_copy(update={"reason": hosting.rules[0].reason})
    catalog = dns.model_copy(update={"rules": (explained,)})
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01")
    assert price(catalog, old, AMERICAN, Target("start", "monthly"), NOW, ZERO).total == 350


def test_the_first_matching_rule_wins_and_state_counts(dns: Catalog) -> None:
    active = dns.rules[2].model_copy(update={"state": "active", "proration": dns.rules[3].proration})
    # stored before such a state was refused: it matches nothing
    trial = active.model_copy(update={"state": "trial"})
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01")
    for rule, place in ((active, 0), (trial, 3)):
        catalog = dns.model_copy(update={"rules": (rule, *dns.rules)})
        assert decided(catalog, old, Target("start", "monthly"), NOW)[2].rule == place


def test_a_trial_is_no_status_in_which_a_plan_changes(dns: Catalog) -> None:
    on_trial = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01", status="trial")
    with pytest.raises(ServiceNotActive, match="only an active service"):
        decided(dns, on_trial, Target("start", "monthly"), NOW)


def test_the_catalogue_may_call_a_change_what_it_likes(dns: Catalog) -> None:
    # ranks say upgrade, and rules still match by that; what the customer reads is the rule's own word
    rule = dns.rules[2].model_copy(update={"direction": Direction.UPGRADE, "counts_as": Direction.LATERAL})
    catalog = dns.model_copy(update={"rules": (rule, *dns.rules)})
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01")
    decision = decided(catalog, old, Target("start", "monthly"), NOW)[2]
    assert (decision.rule, decision.direction) == (0, Direction.LATERAL)


@pytest.mark.parametrize(
    ("key", "cycles"),
    [
        ("same", {("monthly", "monthly")}),
        ("other", {("monthly", "bimonthly"), ("bimonthly", "monthly")}),
        ("longer", {("monthly", "bimonthly")}),
        ("shorter", {("bimonthly", "monthly")}),
    ],
)
def test_cycles_a_month_apart(dns: Catalog, key: str, cycles: set[tuple[str, str]]) -> None:
    bimonthly = dns.cycles["monthly"].model_copy(update={"months": 2})
    plans = tuple(
        plan.model_copy(update={"prices": {**plan.prices, "bimonthly": plan.prices["monthly"]}}) for plan in dns.plans
    )
    rule = dns.rules[3].model_copy(update={"cycle": key})
    made = {"cycles": {**dns.cycles, "bimonthly": bimonthly}, "plans": plans, "rules": (rule,)}
    catalog, matched = dns.model_copy(update=made), set()
    for old, new in (("monthly", "monthly"), ("monthly", "bimonthly"), ("bimonthly", "monthly")):
        has = service(catalog, "basic", old, "2026-11-01", "2026-12-01")
        try:
            decided(catalog, has, Target("start", new), NOW)
        except NoRule:
            continue
        matched.add((old, new))
    assert matched == cycles


@pytest.mark.parametrize(
    ("keys", "matches"),
    [
        ({"from_plan": "basic"}, True),
        ({"from_plan": "start"}, False),
        ({"to_plan": "start"}, True),
        ({"to_plan": "basic"}, False),
        ({"from_category": "dns"}, True),
        ({"from_category": "web"}, False),
        ({"to_category": "dns"}, True),
        ({"to_category": "web"}, False),
        ({"category": "same"}, True),
        ({"category": "other"}, False),
        ({"cycle": "longer"}, True),
        ({"cycle": "shorter"}, False),
        ({"cycle": "other"}, True),
        ({"cycle": "same"}, False),
        ({"direction": "upgrade"}, True),
        ({"direction": "cycle"}, False),
        ({"state": "active"}, True),
        ({"state": "trial"}, False),
    ],
)
def test_each_key_of_a_rule(dns: Catalog, keys: dict[str, str], matches: bool) -> None:
    rule = dns.rules[3].model_copy(update={"cycle": None, **keys})
    catalog = dns.model_copy(update={"rules": (rule,)})
    old = service(dns, "basic", "monthly", "2026-11-01", "2026-12-01")
    if matches:
        assert decided(catalog, old, Target("start", "annual"), NOW)[2].rule == 0
    else:
        with pytest.raises(NoRule):
            decided(catalog, old, Target("start", "annual"), NOW)


def test_a_rule_for_another_category_is_for_no_change_within_one(hosting: Catalog) -> None:
    rule = hosting.rules[-2].model_copy(update={"category": "other", "cycle": None})
    catalog = hosting.model_copy(update={"rules": (rule,)})
    old = service(hosting, "web-s", "monthly", "2026-11-01", "2026-12-01")
    assert decided(catalog, old, Target("vps-1", "monthly"), NOW)[2].rule == 0
    with pytest.raises(NoRule):
        decided(catalog, old, Target("web-m", "monthly"), NOW)
