"""Values of the wrong shape: the sentence for each, and what is still checked beside them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from pydantic import ValidationError

from domain.catalog import Catalog
from domain.catalog_checks import problems_of_parts
from domain.catalog_shape import shape_problem, without_broken_parts

MISSING = object()


def put(document: dict[str, Any], path: str, value: Any) -> None:
    *places, last = path.split(".")
    node: Any = document
    for place in places:
        node = node[int(place)] if isinstance(node, list) else node[place]
    if value is MISSING:
        del node[last]
    else:
        node[int(last) if isinstance(node, list) else last] = value


def errors_of(document: dict[str, Any]) -> list[Any]:
    with pytest.raises(ValidationError) as refused:
        Catalog.model_validate(document)
    return list(refused.value.errors())


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("name", MISSING, "this key is needed here"),
        ("name", 3, "a text in quotation marks was expected"),
        ("name", "", "a text that is not empty was expected"),
        ("name", "x" * 201, "a text of at most 200 characters was expected"),
        ("plans.0.rank", [], "a whole number was expected"),
        ("plans.0.rank", "high", "a whole number was expected"),
        ("plans.0.rank", 1.5, "a whole number was expected"),
        ("plans.0.sold", [], "true or false was expected"),
        ("plans.0.sold", "perhaps", "true or false was expected"),
        ("cycles", 3, "a table was expected"),
        ("seller", 3, "a table was expected"),
        ("plans", 3, "a list was expected"),
        ("plans", [], "a list that is not empty was expected"),
        ("cycles.annual.months", 0, "a number of at least 1 was expected"),
        ("cycles.annual.months", 121, "a number of at most 120 was expected"),
        ("policies.late_money", "kept", "'kept' is not one of change, credit"),
        ("rules.0.direction", "up", "'up' is not one of cycle, downgrade, lateral, upgrade"),
        ("invoice.colour", "red", "'red' was found; a colour such as \"#1f4e79\" was expected"),
        ("web", {"login_url": "no"}, "'no' was found; an address such as https://shop.example/account was expected"),
        ("plans.0.nmae", "x", "no such key; the keys here are category, id, limits, name, "),
        ("rules.2.proration.ankor", "keep", "no such key; the keys here are anchor, change_day, "),
        ("cycles.annual.month", 1, "no such key; the keys here are label, months"),
    ],
)
def test_the_sentence_for_each_shape(dns: Catalog, path: str, value: Any, sentence: str) -> None:
    document = dns.as_json()
    put(document, path, value)
    [problem] = map(shape_problem, errors_of(document))
    assert problem.key.startswith(path)
    assert problem.expected.startswith(sentence)


@pytest.mark.parametrize(
    ("broken", "other"),
    [
        # the limit alone is left out, and the plan's other one is still looked at
        ({"plans.0.limits.zones": "many"}, "plans.0.limits.records"),
        # a plan without its name, category or product is another, which is not sold
        ({"plans.1.name": 3}, "plans.0.limits.records"),
        ({"plans.1.category": "D N S"}, "plans.0.limits.records"),
        ({"plans.1.product": MISSING}, "plans.0.limits.records"),
        ({"plans.1.id": "No Name"}, "plans.0.limits.records"),
        # an amount that is missing, and a key too many in the same table
        ({"policies.minimum_charge": {"x": 1}}, "plans.0.limits.records"),
        ({"policies.minimum_charge": {"x": 1}, "policies.payable_days": 0}, "plans.0.limits.records"),
        # a list inside of a table
        ({"discounts": {"spring": {"percent": "10", "plans": ["No Name"]}}}, "plans.0.limits.records"),
        ({"limit_names.zones.en": 3}, "plans.0.limits.records"),
        ({"categories.dns.en": 3}, "plans.0.limits.records"),
        ({"cycles.annual.months": 0}, "plans.0.limits.records"),
        ({"rules.0.outcome": "never"}, "plans.0.limits.records"),
        ({"seller.country": MISSING}, "plans.0.limits.records"),
        ({"seller.name": 3, "seller.x": 1}, "plans.0.limits.records"),
        ({"timezone": 3}, "plans.0.limits.records"),
        # of two rates the one that has its shape
        ({"tax.rates.0.code": MISSING}, "tax.rates.1.percent"),
    ],
)
def test_what_stands_beside_a_broken_value_is_checked(dns: Catalog, broken: dict[str, Any], other: str) -> None:
    document = dns.as_json()
    document["tax"]["rates"].append(document["tax"]["rates"][0] | {"code": "jp-8"})
    put(document, other, "110" if other.startswith("tax") else -1)
    for path, value in broken.items():
        put(document, path, value)
    rest = without_broken_parts(deepcopy(document), errors_of(document))
    assert rest is not None
    assert [problem.key for problem in problems_of_parts(rest)] == [other]


def test_a_plan_whose_name_is_broken_is_still_the_one_that_rules_name(dns: Catalog) -> None:
    document = dns.as_json()
    put(document, "plans.1.name", 3)
    put(document, "rules.0.to", "start")
    put(document, "tax.rates.0.product", "dns")
    rest = without_broken_parts(deepcopy(document), errors_of(document))
    assert rest is not None
    assert problems_of_parts(rest) == []
    stand_in = rest.plans[1]
    assert (stand_in.id, stand_in.category, stand_in.product, stand_in.sold) == ("start", "dns", "dns", False)


def test_without_its_plans_nothing_more_is_checked(dns: Catalog) -> None:
    document = dns.as_json()
    del document["plans"]
    assert without_broken_parts(deepcopy(document), errors_of(document)) is None
