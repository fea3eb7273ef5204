"""What a catalogue must satisfy, and the messages when it does not."""

import json

import pytest

from domain.catalog import Catalog, in_language
from domain.catalog_file import NAMED_PRORATIONS, parse_catalog
from domain.catalog_problems import CatalogError
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

[[rules]]
outcome = "at_renewal"
"""


def problems(text: str) -> dict[str, str]:
    """The lines that are printed, by key, without the file."""
    with pytest.raises(CatalogError) as refused:
        parse_catalog(text, "acme.toml")
    found = {problem.key: str(problem) for problem in refused.value.problems}
    lines = str(refused.value).splitlines()
    assert lines[0] == f"the catalogue cannot be used: {len(found)} error{'s' if len(found) > 1 else ''}"
    assert lines[1:] == list(found.values())
    return {key: line.removeprefix("acme.toml:") for key, line in found.items()}


def test_a_sound_catalogue_is_read() -> None:
    catalog = parse_catalog(SMALL, "acme.toml")
    assert catalog.plans[0].prices == {"monthly": {"EUR": 100}}
    assert catalog.rules[0].proration == NAMED_PRORATIONS["by_day"]
    assert in_language(catalog.cycles["monthly"].label, "es") == "monthly"


@pytest.mark.parametrize(
    ("found", "put", "lines"),
    [
        (
            '"Europe/Madrid"',
            '"Europe/Madird"',
            "4: timezone: 'Europe/Madird' does not exist; use an IANA name such as Asia/Tokyo; did you mean "
            "'Europe/Madrid'?",
        ),
        (
            '"Europe/Madrid"',
            '"../etc/passwd"',
            "4: timezone: '../etc/passwd' does not exist; use an IANA name such as Asia/Tokyo",
        ),
        ('["EUR"]', "[]", "5: currencies: a list that is not empty was expected"),
        (
            '["EUR"]',
            '["EUR", "USD"]',
            "17: plans.0.prices.monthly.USD (plan s): a price for s in USD was expected, or sold = false\n"
            "25: plans.1.prices.monthly.USD (plan m): a price for m in USD was expected, or sold = false",
        ),
        (
            "rank = 2",
            "rank = 1",
            "24: plans.1.rank (plan m): m and s have one rank in c; ranks decide what is an upgrade",
        ),
        ('id = "m"', 'id = "s"', "20: plans.1.id (plan s): 's' is used twice; give each plan its own id"),
        (
            '{ EUR = "2.00" }',
            '{ EUR = "2.001" }',
            "25: plans.1.prices.monthly.EUR (plan m): '2.001' is not an amount in EUR; write digits with at "
            "most 2 decimals",
        ),
        (
            '{ EUR = "2.00" }',
            "{ EUR = 2.0 }",
            '25: plans.1.prices.monthly.EUR (plan m): an amount in quotation marks was expected, such as "12.00"',
        ),
        (
            '{ EUR = "2.00" }',
            '{ EUR = "-2.00" }',
            "25: plans.1.prices.monthly.EUR (plan m): an amount of zero or more was expected",
        ),
        (
            '{ EUR = "2.00" }',
            '{ GBP = "2.00", EUR = "1.50" }',
            "25: plans.1.prices.monthly.GBP (plan m): GBP is not one of currencies",
        ),
        (
            'prices.monthly = { EUR = "2.00" }',
            'prices.weekly = { EUR = "2.00" }',
            "25: plans.1.prices.weekly (plan m): 'weekly' is not one of the cycles monthly",
        ),
        (
            'prices.monthly = { EUR = "2.00" }',
            "prices = {}",
            "25: plans.1.prices (plan m): a plan that is sold needs the price of at least one cycle",
        ),
        (
            "limits = { zones = 1 }",
            "limits = { rooms = 1 }",
            "16: plans.0.limits.rooms (plan s): name this limit for sentences: limit_names.rooms",
        ),
        (
            'proration = "by_day"',
            "",
            "27: rules.0.proration: a change with outcome now needs a preset or a table of axes",
        ),
        (
            'proration = "by_day"',
            'proration = "daily"',
            "30: rules.0.proration: 'daily' is no preset; choose one of by_day, by_fixed_30, by_nominal, "
            "by_second, flexprice, full_difference, kill_bill, lago, meteroid, none, paymenter, polar, recurly, "
            "reset_no_credit, reset_with_credit, stripe, whmcs",
        ),
        (
            'outcome = "now"',
            'outcome = "at_renewal"',
            "30: rules.0.proration: a change with outcome at_renewal is not prorated; remove this",
        ),
        (
            'outcome = "now"\nproration = "by_day"',
            'outcome = "forbidden"',
            "27: rules.0.reason: a forbidden change needs a reason: a code and a sentence per language",
        ),
        (
            'outcome = "now"',
            'outcome = "maybe"',
            "29: rules.0.outcome: 'maybe' is not one of at_renewal, forbidden, manual_review, now",
        ),
        ('direction = "upgrade"', 'from = "xl"', "28: rules.0.from: 'xl' is not one of m, s"),
        ('direction = "upgrade"', 'to = "xl"', "28: rules.0.to: 'xl' is not one of m, s"),
        ('direction = "upgrade"', 'from_category = "x"', "28: rules.0.from_category: 'x' is not one of c"),
        ('direction = "upgrade"', 'to_category = "x"', "28: rules.0.to_category: 'x' is not one of c"),
        (
            'direction = "upgrade"',
            'colour = "red"',
            "28: rules.0.colour: no such key; the keys here are category, counts_as, cycle, direction, from, "
            "from_category, outcome, proration, reason, state, to, to_category",
        ),
        (
            'proration = "by_day"',
            'proration = "full_difference"',
            '27: rules.0.cycle: the full price difference compares prices of one cycle; write cycle = "same"',
        ),
        (
            'proration = "by_day"',
            'proration = "none"',
            '27: rules.0.cycle: without money the cycle changes at renewal; write cycle = "same" or outcome = '
            '"at_renewal"',
        ),
        (
            'country = "ES"',
            'country = "Spain"',
            "6: seller.country: 'Spain' is not a country; an ISO 3166 code of two letters was expected, such as "
            "ES; did you mean 'ES'?",
        ),
        ('name = "Acme"\ntimezone', "timezone", "1: name: this key is needed here"),
        (
            '["EUR"]',
            '["EUR", "GPB"]',
            "5: currencies.1: 'GPB' is not a currency with 0, 2 or 3 decimals; use an active ISO 4217 code such "
            "as USD or JPY; did you mean 'GBP'?",
        ),
    ],
)
def test_each_error_names_its_line_and_key(found: str, put: str, lines: str) -> None:
    assert found in SMALL
    assert "\n".join(problems(SMALL.replace(found, put)).values()) == lines


def test_all_errors_are_reported_at_once() -> None:
    wrong = SMALL.replace("rank = 2", "rank = 1").replace("Europe/Madrid", "Nowhere").replace("zones = 1", "rooms = 1")
    assert set(problems(wrong)) == {"timezone", "plans.1.rank", "plans.0.limits.rooms"}


def test_what_is_no_toml() -> None:
    assert problems("\nprovider = ") == {
        "(file)": "2: (file): valid TOML was expected: Invalid value (at end of document)"
    }
    assert problems('\na = 1\n\nb = "') == {
        "(file)": "4: (file): valid TOML was expected: Unterminated string (at end of document)"
    }
    assert problems("\na = ?\n") == {
        "(file)": "2: (file): valid TOML was expected: Invalid value (at line 2, column 5)"
    }


def test_what_costs_nothing_and_what_costs_once() -> None:
    free = SMALL.replace('EUR = "1.00"', 'EUR = "0.00"').replace("rank = 2", 'rank = 2\nsetup_fees = { EUR = "9.99" }')
    catalog = parse_catalog(free, "acme.toml")
    assert (catalog.plans[0].prices["monthly"]["EUR"], catalog.plans[1].setup_fees) == (0, {"EUR": 999})


def test_an_amount_that_is_none_hides_no_other_error() -> None:
    wrong = SMALL.replace('EUR = "2.00"', 'EUR = "two"').replace("rank = 2", "rank = 1")
    assert set(problems(wrong)) == {"plans.1.prices.monthly.EUR", "plans.1.rank"}


def test_each_rule_without_its_preset_is_an_error() -> None:
    wrong = SMALL.replace('"by_day"', '"by_week"') + RULE.format('cycle = "same"').replace("by_day", "by_month")
    assert [key for key in problems(wrong) if key.endswith("proration")] == ["rules.0.proration", "rules.2.proration"]


def test_what_is_wrong_inside_a_table_is_not_said_of_the_table_again() -> None:
    assert set(problems(SMALL + '\n[discounts.spring]\npercent = "ten"\n')) == {"discounts.spring.percent"}


@pytest.mark.parametrize(
    ("currency", "meant"),
    [("EUS", "EUR"), ("GPB", "GBP"), ("GPY", "PYG")],
)
def test_a_currency_that_is_sold_is_meant_first(currency: str, meant: str) -> None:
    wrong = SMALL.replace('EUR = "2.00" }', f'EUR = "2.00", {currency} = "1.00" }}')
    assert problems(wrong)[f"plans.1.prices.monthly.{currency}"].endswith(f"; did you mean {meant!r}?")


def test_a_text_in_another_language_is_the_english_one_or_any() -> None:
    assert [in_language({"es": "a", "en": "b"}, locale) for locale in ("es-AR", "ES_x", "fr")] == ["a", "a", "b"]
    assert in_language({"de": "c"}, "fr") == "c"


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
        ('state = "active"', 'direction = "downgrade"', False),
        ('direction = "downgrade"', 'direction = "downgrade"\nstate = "active"', False),
    ],
)
def test_a_rule_that_is_never_reached_is_refused(first: str, second: str, reachable: bool) -> None:
    rules = RULE.format(first) + RULE.format(second)
    text = SMALL[: SMALL.index("[[rules]]")] + rules + '\n[[rules]]\noutcome = "at_renewal"\n'
    if reachable:
        assert len(parse_catalog(text, "acme.toml").rules) == 3
    else:
        sentence = "this rule can never be reached: rules.0 matches everything it matches"
        assert problems(text)["rules.1"] == f"33: rules.1: {sentence}"


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ('fraction = "zero"', ": fraction zero moves no money now, so credit must be false"),
        (
            'fraction = "zero", credit = false, credit_becomes = "nothing", anchor = "reset"',
            ": fraction zero moves no money now, so anchor must be keep",
        ),
        (
            'fraction = "whole", anchor = "reset"',
            ": fraction whole gives back the whole old price, so a new period would be free: anchor must be keep",
        ),
        (
            'fraction = "whole", credit = false, credit_becomes = "nothing"',
            ": fraction whole is the full price difference, so credit must be true",
        ),
        (
            'fraction = "days", credit = false',
            ': without credit there is nothing to give back: credit_becomes must be "nothing"',
        ),
        ('fraction = "days", anchor = "realign"', ": realign_day is needed with anchor realign, and only with it"),
        ('fraction = "days", realign_day = 1', ": realign_day is needed with anchor realign, and only with it"),
        (
            'fraction = "days", anchor = "realign", realign_day = 32',
            ".realign_day: a number of at most 31 was expected",
        ),
        ('fraction = "seconds", change_day = "old"', ": change_day means something only for fractions of days"),
        (
            'fraction = "seconds", place = "day_rate"',
            ": rounding the day rate means something only for fractions of days",
        ),
        ('fraction = "whole", ratio_decimals = 9', ": ratio_decimals means something only where a period is divided"),
        (
            'fraction = "zero", credit = false, credit_becomes = "nothing", ratio_decimals = 9',
            ": ratio_decimals means something only where a period is divided",
        ),
        ('fraction = "whole", other_cycle = "keep"', ": other_cycle means something only where a period is divided"),
        (
            'fraction = "zero", credit = false, credit_becomes = "nothing", other_cycle = "keep"',
            ": other_cycle means something only where a period is divided",
        ),
        ('fraction = "days", place = "day_rate", ratio_decimals = 9', ": round the day rate or the ratio, not both"),
        ('fraction = "weeks"', ".fraction: 'weeks' is not one of days, fixed_30, nominal, seconds, whole, zero"),
        ("credit = true", ".fraction: this key is needed here"),
        ('preset = "kill_bill", place = "day_rate"', ": round the day rate or the ratio, not both"),
    ],
)
def test_contradictory_axes_are_refused(axes: str, message: str) -> None:
    text = SMALL.replace('proration = "by_day"', f"proration = {{ {axes} }}")
    assert list(problems(text).values()) == [f"30: rules.0.proration{message}"]


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
        "discounts.both": "35: discounts.both: either percent or amounts was expected",
        "discounts.both.plans": "38: discounts.both.plans: 'xl' is not a plan of this catalogue",
    }


@pytest.mark.parametrize("name", ["dns", "hosting"])
def test_the_samples_survive_the_database(name: str) -> None:
    catalog = parse_catalog((CATALOGS / f"{name}.toml").read_text(encoding="utf-8"), name)
    stored = json.loads(json.dumps(catalog.as_json()))
    assert Catalog.from_json(stored) == catalog
    assert Catalog.from_json(stored).digest == catalog.digest
    assert len(catalog.digest) == 64


def test_the_digest_follows_the_contents(dns: Catalog) -> None:
    assert Catalog.from_json(dns.as_json() | {"name": "Another"}).digest != dns.digest


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
