"""What the walk through a catalogue finds."""

from typing import Any

import pytest

from domain.catalog import Catalog, Outcome, Rule
from domain.catalog_file import NAMED_PRORATIONS
from domain.lint import Finding, lint
from domain.money import Money
from domain.pricing.modes import Proration

BY_DAY, FREE, WHOLE = (NAMED_PRORATIONS[name] for name in ("by_day", "none", "full_difference"))


def monthly(dns: Catalog, *rules: tuple[str | None, Proration], **changes: Any) -> Catalog:
    """Two plans at 5 and 12 dollars a month, changed now by these rules (direction, how)."""
    plans = tuple(
        plan.model_copy(update={"prices": {"monthly": {"USD": plan.prices["monthly"]["USD"]}}})
        for plan in dns.plans
        if plan.id != "business"
    )
    made = tuple(
        Rule.model_validate({"direction": direction, "outcome": Outcome.NOW, "proration": how, "cycle": "same"})
        for direction, how in rules
    )
    return dns.model_copy(update={"plans": plans, "currencies": ("USD",), "rules": made, **changes})


def found(catalog: Catalog, kind: str) -> dict[tuple[str, ...], Finding]:
    return {finding.steps: finding for finding in lint(catalog) if finding.kind == kind}


def test_by_day_there_is_nothing_to_find(dns: Catalog) -> None:
    assert lint(monthly(dns, (None, BY_DAY))) == []


@pytest.mark.parametrize("axes", [{"anchor": "keep_end"}, {"other_cycle": "keep_end"}])
def test_a_kept_renewal_date_gives_no_year_for_the_price_of_a_month(dns: Catalog, axes: dict[str, Any]) -> None:
    """A day on an annual plan in a month that was kept is worth a 30th of its twelfth."""
    catalog = monthly(dns).model_copy(update={"plans": dns.plans})
    kept = Rule.model_validate({"outcome": Outcome.NOW, "proration": Proration(fraction="days", **axes)})
    assert found(catalog.model_copy(update={"rules": (kept,)}), "gain") == {}


def test_the_dns_sample_is_clean(dns: Catalog) -> None:
    assert lint(dns) == []


def test_a_free_upgrade_with_credit_on_the_way_back_is_a_gain(dns: Catalog) -> None:
    # up for nothing on the first day;
    # nothing was billed for the time at 12, so that nothing of it comes back: on the last of 31 days 5/31 = 0.16 of
    # the old bill against 0.16 of the new one; 30 days at 12 and one at 5 received (11.77), 5.00 paid
    loops = found(monthly(dns, ("upgrade", FREE), ("downgrade", BY_DAY)), "gain")
    loop = loops["basic monthly", "start monthly", "basic monthly"]
    assert loop.days == (0, 30)
    assert loop.amount == Money(677, "USD")
    assert loop.sentence == (
        "basic monthly → start monthly → basic monthly on day 1, 31: the customer receives 6.77 USD more than they pay"
    )


def test_a_full_difference_down_after_a_cheap_way_up_is_a_gain(dns: Catalog) -> None:
    loops = found(monthly(dns, ("upgrade", BY_DAY), ("downgrade", WHOLE)), "gain")
    # down on the last of 31 days gives 7.00 back, up again at once costs 7/31 = 0.23
    loop = loops["start monthly", "basic monthly", "start monthly"]
    assert (loop.days, loop.amount) == ((30, 30), Money(677, "USD"))


def test_the_full_difference_is_dearer_than_anew_late_in_the_period(dns: Catalog) -> None:
    # 7.00 more than 12.00 for the rest: from day 14 of 31, when 18 days cost 6.97
    dearer = found(monthly(dns, (None, WHOLE)), "dearer")
    assert set(dearer) == {("basic monthly", "start monthly")}
    finding = dearer["basic monthly", "start monthly"]
    assert (finding.days, finding.amount) == ((13,), Money(3, "USD"))
    assert "from day 14 on: the change costs 7.00 USD, 0.03 USD more" in finding.sentence


def test_a_price_scaled_to_the_old_year_is_dearer_than_anew(dns: Catalog) -> None:
    # a year at 50 against months at 12: 144 to the end of the year less the credit of 50, for the same time
    rules = dns.rules[-1].model_copy(update={"cycle": None, "proration": NAMED_PRORATIONS["whmcs"]})
    catalog = dns.model_copy(update={"rules": (rules,), "currencies": ("USD",)})
    assert found(catalog, "dearer") == {}
    no_credit = rules.model_copy(update={"proration": NAMED_PRORATIONS["reset_no_credit"]})
    assert found(dns.model_copy(update={"rules": (no_credit,)}), "dearer") == {}


def test_a_minimum_charge_can_be_dearer(dns: Catalog) -> None:
    policies = dns.policies.model_copy(
        update={
            "minimum_charge": type(dns.policies)(
                minimum_charge={"amounts": {"USD": 300}, "when_below": "raise"}
            ).minimum_charge
        }
    )
    dearer = found(monthly(dns, (None, BY_DAY), policies=policies), "dearer")
    # at least 3.00, from the day when 12 a month costs less for the rest: 7 of 31 days are 2.71
    assert dearer["basic monthly", "start monthly"].days == (24,)


@pytest.mark.parametrize(("name", "kinds"), [("hosting", {"dearer"})])
def test_the_hosting_sample_is_dear_late_in_the_year(hosting: Catalog, name: str, kinds: set[str]) -> None:
    findings = lint(hosting)
    assert {finding.kind for finding in findings} == kinds
    by_steps = {finding.steps: finding for finding in findings}
    # 100 to 150: 50 is more than the rest of the year at 150 from day 245 on (121 days: 49.73)
    assert by_steps["web-s annual", "web-m annual"].days == (244,)
    assert by_steps["web-s annual", "web-m annual"].amount == Money(27, "USD")
