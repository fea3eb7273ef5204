"""What a catalogue must satisfy, and the messages when it does not."""

import json

import pytest

from domain.catalog import Catalog, in_language
from domain.catalog_file import NAMED_PRORATIONS, CatalogError, parse_catalog
from domain.pricing.modes import Fraction
from tests.domain.conftest import CATALOGS

SMALL = """
provider = "acme"
name = "Acme"
timezone = "Europe/Madrid"
currencies = ["EUR"]
seller = { name = "Acme", country = "ES" }
cycles.monthly = { months = 1, label = "monthly" }
limit_names = { zones = "zones" }

[[plans]]
id = "s"
name = "S"
category = "c"
product = "p"
rank = 1
limits = { zones = 1 }
prices.monthly = { EUR = "1.00" }

[[plans]]
id = "m"
name = "M"
category = "c"
product = "p"
rank = 2
prices.monthly = { EUR = "2.00" }

[[rules]]
direction = "upgrade"
outcome = "now"
proration = "by_day"
"""


def problems(text: str) -> dict[str, str]:
    with pytest.raises(CatalogError) as refused:
        parse_catalog(text, "acme.toml")
    assert refused.value.source == "acme.toml"
    assert all(line.startswith("acme.toml: ") for line in str(refused.value).splitlines())
    return dict(refused.value.problems)


def test_a_sound_catalogue_is_read() -> None:
    catalog = parse_catalog(SMALL, "acme.toml")
    assert catalog.plans[0].prices == {"monthly": {"EUR": 100}}
    assert catalog.rules[0].proration == NAMED_PRORATIONS["by_day"]
    assert in_language(catalog.cycles["monthly"].label, "es") == "monthly"


@pytest.mark.parametrize(
    ("found", "put", "key", "message"),
    [
        ('"Europe/Madrid"', '"Europe/Nowhere"', "timezone", "does not exist"),
        ('"Europe/Madrid"', '"../etc/passwd"', "timezone", "does not exist"),
        ('["EUR"]', '["EUR", "XAU"]', "currencies.1", "not a currency"),
        ('["EUR"]', "[]", "currencies", "at least 1"),
        ('["EUR"]', '["EUR", "USD"]', "plans.0.prices.monthly.USD", "a price for s in USD was expected"),
        ("rank = 2", "rank = 1", "plans.1.rank", "m and s have one rank"),
        ('id = "m"', 'id = "s"', "plans.1.id", "used twice"),
        ('{ EUR = "2.00" }', '{ EUR = "2.001" }', "plans.1.prices.monthly.EUR", "at most 2 decimals"),
        ('{ EUR = "2.00" }', "{ EUR = 2.0 }", "plans.1.prices.monthly.EUR", "quotation marks"),
        ('{ EUR = "2.00" }', '{ EUR = "-2.00" }', "plans.1.prices.monthly.EUR", "zero or more"),
        ('{ EUR = "2.00" }', '{ GBP = "2.00", EUR = "1.50" }', "plans.1.prices.monthly.GBP", "not one of currencies"),
        ('prices.monthly = { EUR = "2.00" }', 'prices.weekly = { EUR = "2.00" }', "plans.1.prices.weekly", "cycles"),
        ('prices.monthly = { EUR = "2.00" }', "prices = {}", "plans.1.prices", "at least one cycle"),
        ("limits = { zones = 1 }", "limits = { rooms = 1 }", "plans.0.limits.rooms", "limit_names.rooms"),
        ('proration = "by_day"', "", "rules.0.proration", "needs a preset or a table"),
        ('proration = "by_day"', 'proration = "daily"', "rules.0.proration", "choose one of by_day"),
        ('outcome = "now"', 'outcome = "at_renewal"', "rules.0.proration", "not prorated; remove"),
        ('outcome = "now"\nproration = "by_day"', 'outcome = "forbidden"', "rules.0.reason", "needs a reason"),
        ('outcome = "now"', 'outcome = "maybe"', "rules.0.outcome", "'now', 'at_renewal'"),
        ('direction = "upgrade"', 'from = "xl"', "rules.0.from", "'xl' is not one of m, s"),
        ('direction = "upgrade"', 'to = "xl"', "rules.0.to", "'xl' is not one of m, s"),
        ('direction = "upgrade"', 'from_category = "x"', "rules.0.from_category", "'x' is not one of c"),
        ('direction = "upgrade"', 'to_category = "x"', "rules.0.to_category", "'x' is not one of c"),
        ('direction = "upgrade"', 'colour = "red"', "rules.0.colour", "Extra inputs"),
        ('proration = "by_day"', 'proration = "full_difference"', "rules.0.cycle", 'cycle = "same"'),
        ('proration = "by_day"', 'proration = "none"', "rules.0.cycle", 'outcome = "at_renewal"'),
        ('country = "ES"', 'country = "Spain"', "seller.country", "match pattern"),
        ('name = "Acme"\ntimezone', "timezone", "name", "Field required"),
    ],
)
def test_each_error_names_its_key(found: str, put: str, key: str, message: str) -> None:
    assert found in SMALL
    assert message in problems(SMALL.replace(found, put))[key]


def test_all_errors_are_reported_at_once() -> None:
    wrong = SMALL.replace("rank = 2", "rank = 1").replace("Europe/Madrid", "Nowhere").replace("zones = 1", "rooms = 1")
    assert set(problems(wrong)) == {"timezone", "plans.1.rank", "plans.0.limits.rooms"}


def test_sentences_of_our_own_come_without_a_preface() -> None:
    found = problems(SMALL.replace('proration = "by_day"', 'proration = { fraction = "days", credit = false }'))
    assert found == {
        "rules.0.proration": 'without credit there is nothing to give back: credit_becomes must be "nothing"'
    }


def test_what_is_no_toml() -> None:
    assert problems("provider = ")["(file)"].startswith("valid TOML was expected: ")


RULE = '\n[[rules]]\n{}\noutcome = "now"\nproration = "by_day"\n'


@pytest.mark.parametrize(
    ("first", "second", "reachable"),
    [
        ('direction = "upgrade"', 'direction = "upgrade"', False),
        ("", 'direction = "downgrade"', False),
        ('cycle = "other"', 'cycle = "longer"', False),
        ('cycle = "longer"', 'cycle = "other"', True),
        ('cycle = "other"', 'direction = "cycle"', False),
        ('category = "same"', 'from = "s"\nto = "m"', False),
        ('category = "same"', 'direction = "cycle"', False),
        ('category = "other"', 'from = "s"', True),
        ('from_category = "c"', 'from = "s"', False),
        ('to_category = "c"', 'to = "m"', False),
        ('from = "s"', 'from_category = "c"', True),
        ('state = "trial"', 'direction = "downgrade"', True),
        ('direction = "downgrade"', 'direction = "downgrade"\nstate = "trial"', False),
    ],
)
def test_a_rule_that_is_never_reached_is_refused(first: str, second: str, reachable: bool) -> None:
    text = SMALL[: SMALL.index("[[rules]]")] + RULE.format(first) + RULE.format(second)
    if reachable:
        assert len(parse_catalog(text, "acme.toml").rules) == 2
    else:
        assert "can never be reached: rule 0" in problems(text)["rules.1"]


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ('fraction = "zero"', "credit must be false"),
        ('fraction = "zero", credit = false, credit_becomes = "nothing", anchor = "reset"', "anchor must be keep"),
        ('fraction = "whole", anchor = "reset"', "a new period would be free"),
        ('fraction = "whole", credit = false, credit_becomes = "nothing"', "credit must be true"),
        ('fraction = "days", credit = false', 'must be "nothing"'),
        ('fraction = "days", anchor = "realign"', "realign_day is needed"),
        ('fraction = "days", realign_day = 1', "realign_day is needed"),
        ('fraction = "days", anchor = "realign", realign_day = 32', "less than or equal to 31"),
        ('fraction = "seconds", change_day = "old"', "only for fractions of days"),
        ('fraction = "seconds", place = "day_rate"', "only for fractions of days"),
        ('fraction = "whole", ratio_decimals = 9', "where a period is divided"),
        ('fraction = "days", place = "day_rate", ratio_decimals = 9', "not both"),
        ('fraction = "weeks"', "'days', 'seconds'"),
        ("credit = true", "Field required"),
        ('preset = "kill_bill", place = "day_rate"', "not both"),
    ],
)
def test_contradictory_axes_are_refused(axes: str, message: str) -> None:
    text = SMALL.replace('proration = "by_day"', f"proration = {{ {axes} }}")
    assert any(message in sentence for sentence in problems(text).values())


@pytest.mark.parametrize(
    "axes",
    [
        'preset = "polar", anchor = "reset"',
        'fraction = "fixed_30", change_day = "old", credit_becomes = "refund"',
        'fraction = "days", anchor = "realign", realign_day = 1',
        'fraction = "nominal", place = "day_rate", rounding = "half_even"',
    ],
)
def test_axes_that_agree_are_read(axes: str) -> None:
    parse_catalog(SMALL.replace('proration = "by_day"', f"proration = {{ {axes} }}"), "acme.toml")


def test_a_preset_may_be_changed_in_one_axis() -> None:
    text = SMALL.replace('proration = "by_day"', 'proration = { preset = "polar", anchor = "reset" }')
    proration = parse_catalog(text, "acme.toml").rules[0].proration
    assert proration is not None
    assert (proration.fraction, proration.anchor, proration.rounding) == (Fraction.SECONDS, "reset", "half_even")


def test_discounts_name_one_kind_and_known_plans() -> None:
    found = problems(SMALL + '\n[discounts.both]\npercent = "10"\namounts = { EUR = "1.00" }\nplans = ["xl"]\n')
    assert found == {
        "discounts.both": "either percent or amounts was expected",
        "discounts.both.plans": "'xl' is not a plan of this catalogue",
    }


@pytest.mark.parametrize("name", ["dns", "hosting"])
def test_the_samples_survive_the_database(name: str) -> None:
    catalog = parse_catalog((CATALOGS / f"{name}.toml").read_text(encoding="utf-8"), name)
    stored = json.loads(json.dumps(catalog.as_json()))
    assert Catalog.from_json(stored) == catalog
    assert Catalog.from_json(stored).digest == catalog.digest
    assert len(catalog.digest) == 64


def test_the_digest_follows_the_contents(dns: Catalog) -> None:
    assert dns.model_copy(update={"name": "Another"}).digest != dns.digest


def test_sample_prices_are_the_published_ones(dns: Catalog, hosting: Catalog) -> None:
    yen = {plan.id: (plan.prices["monthly"]["JPY"], plan.prices["annual"]["JPY"]) for plan in dns.plans}
    usd = {plan.id: (plan.prices["monthly"]["USD"], plan.prices["annual"]["USD"]) for plan in hosting.plans}
    assert yen == {"basic": (500, 5000), "start": (1200, 12000), "business": (3000, 30000)}
    assert usd == {
        "web-s": (1000, 10000),
        "web-m": (1500, 15000),
        "web-l": (3000, 30000),
        "radio-100": (800, 8000),
        "radio-500": (2000, 20000),
        "vps-1": (2500, 25000),
        "vps-2": (5000, 50000),
    }
    assert [plan.limits for plan in dns.plans] == [
        {"zones": 3, "records": 100},
        {"zones": 10, "records": 1000},
        {"zones": 50, "records": 10000},
    ]
