"""Which rules can match something, which are never reached, and which changes none decides: rules of the hosting
sample, whose plans are web-s, web-m, radio-100 and vps-1 of the categories web, radio and vps."""

from __future__ import annotations

from typing import Any

import pytest

from domain.catalog import Catalog, Rule
from domain.catalog_rules import rule_problems, undecided_changes, unreachable_rules

NOW: dict[str, Any] = {"outcome": "now", "proration": {"fraction": "days"}}
LATER: dict[str, Any] = {"outcome": "at_renewal"}
WHY: dict[str, Any] = {"code": "no", "text": {"en": "No."}}
ZERO: dict[str, Any] = {"fraction": "zero", "credit": False, "credit_becomes": "nothing"}


def with_rules(catalog: Catalog, *rules: dict[str, Any]) -> Catalog:
    return catalog.model_copy(update={"rules": tuple(Rule.model_validate(rule) for rule in rules)})


@pytest.mark.parametrize(
    ("rule", "keys"),
    [
        # what an outcome needs
        (NOW, []),
        (LATER, []),
        ({"outcome": "now"}, ["proration"]),
        ({"outcome": "manual_review"}, ["proration"]),
        ({**NOW, "outcome": "manual_review"}, []),
        ({**NOW, "outcome": "at_renewal"}, ["proration"]),
        ({"outcome": "forbidden", "reason": WHY}, []),
        ({"outcome": "forbidden"}, ["reason"]),
        ({**LATER, "reason": WHY}, []),
        ({**LATER, "reason": {"code": "no", "text": {"es": "No."}}}, ["reason.text"]),
        ({"outcome": "forbidden", "reason": {"code": "no", "text": {"es": "No."}}}, ["reason.text"]),
        # without time that is divided, a change is within one cycle
        ({"outcome": "now", "proration": {"fraction": "whole"}}, ["cycle"]),
        ({"outcome": "now", "proration": {"fraction": "whole"}, "cycle": "longer"}, ["cycle"]),
        ({"outcome": "now", "proration": {"fraction": "whole"}, "cycle": "same"}, []),
        ({"outcome": "now", "proration": ZERO, "cycle": "shorter"}, ["cycle"]),
        ({"outcome": "now", "proration": ZERO, "cycle": "same"}, []),
        ({**NOW, "cycle": "longer"}, []),
        # names
        ({**LATER, "from": "web"}, ["from"]),
        ({**LATER, "to": "web"}, ["to"]),
        ({**LATER, "from_category": "web-s"}, ["from_category"]),
        ({**LATER, "to_category": "web-s"}, ["to_category"]),
        ({**LATER, "from": "web-s", "to": "web-m", "from_category": "web", "to_category": "web"}, []),
        ({**LATER, "state": "active"}, []),
        ({**LATER, "state": "suspended"}, ["state"]),
        # keys that exclude each other
        ({**LATER, "from": "web-s", "from_category": "vps"}, ["from_category"]),
        ({**LATER, "to": "web-s", "to_category": "vps"}, ["to_category"]),
        ({**LATER, "from": "web-s", "to_category": "vps"}, []),
        ({**LATER, "category": "other"}, []),
        ({**LATER, "category": "other", "from": "web-s"}, []),
        ({**LATER, "category": "other", "from": "web-s", "to": "web-m"}, ["category"]),
        ({**LATER, "category": "same", "from": "web-s", "to": "web-m"}, []),
        ({**LATER, "category": "same", "from": "web-s", "to_category": "vps"}, ["category"]),
        ({**LATER, "category": "other", "from": "web-s", "to_category": "vps"}, []),
        ({**LATER, "category": "other", "direction": "cycle"}, ["category"]),
        ({**LATER, "category": "same", "direction": "cycle"}, []),
        ({**LATER, "cycle": "same", "direction": "cycle"}, ["cycle"]),
        ({**LATER, "cycle": "longer", "direction": "cycle"}, []),
        ({**LATER, "cycle": "same", "direction": "upgrade"}, []),
        ({**LATER, "from": "web-s", "to": "web-m", "direction": "cycle"}, ["to"]),
        ({**LATER, "from": "web-s", "to": "web-s", "direction": "cycle"}, []),
        ({**LATER, "from": "web-s", "direction": "cycle"}, []),
        ({**LATER, "to": "web-s", "direction": "cycle"}, []),
        ({**LATER, "from": "web-s", "to": "web-m", "direction": "upgrade"}, []),
    ],
)
def test_what_is_wrong_inside_a_rule(hosting: Catalog, rule: dict[str, Any], keys: list[str]) -> None:
    found = [problem.key for problem in rule_problems(with_rules(hosting, LATER, rule))]
    assert found == [f"rules.1.{key}" for key in keys]


@pytest.mark.parametrize(
    ("wide", "narrow", "covered"),
    [
        ({}, {"direction": "upgrade"}, True),
        ({"direction": "upgrade"}, {}, False),
        ({"direction": "upgrade"}, {"direction": "upgrade"}, True),
        ({"direction": "upgrade", "cycle": "same"}, {"direction": "upgrade"}, False),
        ({"cycle": "same"}, {"cycle": "same"}, True),
        ({"cycle": "other"}, {"cycle": "longer"}, True),
        ({"cycle": "other"}, {"cycle": "shorter"}, True),
        ({"cycle": "other"}, {"cycle": "same"}, False),
        ({"cycle": "other"}, {"direction": "cycle"}, True),
        ({"cycle": "other"}, {"direction": "upgrade"}, False),
        ({"cycle": "longer"}, {"cycle": "other"}, False),
        ({"cycle": "longer"}, {"direction": "cycle"}, False),
        ({"category": "same"}, {"direction": "cycle"}, True),
        ({"category": "other"}, {"direction": "cycle"}, False),
        ({"category": "same"}, {"direction": "upgrade"}, False),
        ({"category": "same"}, {"from": "web-s", "to": "web-m"}, True),
        ({"category": "other"}, {"from": "web-s", "to": "web-m"}, False),
        ({"category": "other"}, {"from": "web-s", "to": "vps-1"}, True),
        ({"category": "other"}, {"from_category": "web", "to_category": "vps"}, True),
        ({"category": "same"}, {"from_category": "web", "to": "web-s"}, True),
        ({"category": "same"}, {"from": "web-s"}, False),
        ({"category": "other"}, {"to_category": "web"}, False),
        ({"from_category": "web"}, {"from": "web-s"}, True),
        ({"from_category": "web"}, {"from": "vps-1"}, False),
        ({"from_category": "web"}, {"to": "web-s"}, False),
        ({"from_category": "web"}, {"from_category": "web", "from": "web-m"}, True),
        ({"to_category": "web"}, {"to": "web-m"}, True),
        ({"from": "web-s"}, {"from_category": "web"}, False),
        ({"state": "active"}, {}, True),
        ({"state": "trial"}, {"state": "trial"}, True),
        ({"state": "trial"}, {}, False),
    ],
)
def test_a_rule_is_covered_by_one_that_matches_all_that_it_matches(
    hosting: Catalog, wide: dict[str, Any], narrow: dict[str, Any], covered: bool
) -> None:
    found = [problem.key for problem in unreachable_rules(with_rules(hosting, wide | LATER, narrow | LATER))]
    assert found == (["rules.1"] if covered else [])


def test_a_rule_that_several_cover_is_one_problem_with_the_first(hosting: Catalog) -> None:
    found = [(problem.key, problem.expected) for problem in unreachable_rules(with_rules(hosting, *[LATER] * 3))]
    sentence = "this rule can never be reached: rules.0 matches everything it matches"
    assert found == [("rules.1", sentence), ("rules.2", sentence)]


def test_a_change_that_no_rule_decides_is_named_alone(dns: Catalog) -> None:
    basic = dns.plans[0].model_copy(update={"prices": {"monthly": {"JPY": 500, "USD": 500}}})
    catalog = with_rules(dns.model_copy(update={"plans": (basic,)}), {"direction": "downgrade", **LATER})
    assert [problem.expected for problem in undecided_changes(catalog)] == [
        "no rule decides a change of direction upgrade: 1 → 2 units of basic monthly; add a rule for it"
    ]


def test_plans_without_a_common_currency_need_no_rule_between_them(dns: Catalog) -> None:
    """Basic in yen, Start in dollars, by the month: what is left to decide is the number of their units."""
    plans = tuple(
        plan.model_copy(update={"prices": {"monthly": {currency: 500}}})
        for plan, currency in zip(dns.plans[:2], ("JPY", "USD"), strict=True)
    )
    catalog = with_rules(dns.model_copy(update={"plans": plans}), {"direction": "downgrade", **LATER})
    assert [problem.expected for problem in undecided_changes(catalog)] == [
        "no rule decides a change of direction upgrade: 1 → 2 units of basic monthly and 1 more; add a rule for it"
    ]
