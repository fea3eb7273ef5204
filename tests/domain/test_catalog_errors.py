"""Catalogues that look right and are not: each error has its line, and what was meant where that is clear."""

import copy
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from babel import Locale

from domain.catalog import COUNTRY, Catalog, Policies
from domain.catalog_file import parse_catalog
from domain.catalog_problems import CatalogError, nearest
from domain.catalog_rules import undecided_changes
from domain.catalog_shape import PATTERNS
from domain.countries import COUNTRIES
from domain.pricing.priced import CHANGEABLE
from domain.toml_lines import line_of, lines_of
from tests.domain.conftest import CATALOGS

DNS = (CATALOGS / "dns.toml").read_text(encoding="utf-8")
SPRING = "\n[discounts.spring]\n"
RATE = '\n[[tax.rates]]\ncode = "jp-8"\npercent = "8"\nlabel = "Tax"\n'
LAST = len(DNS.splitlines())


NO_OTHER = ": no other service changes its plan, and trials are the host system's; did you mean 'active'?"


def lines(text: str) -> list[str]:
    """What is printed of this catalogue."""
    with pytest.raises(CatalogError) as refused:
        parse_catalog(text, "dns.toml")
    return str(refused.value).splitlines()[1:]


def changed(found: str, put: str) -> str:
    assert found in DNS
    return DNS.replace(found, put, 1)


@pytest.mark.parametrize(
    ("found", "put", "line"),
    [
        # names that do not exist
        ('code = "jp-10"', 'product = "dsn"', "40: tax.rates.0.code: this key is needed here"),
        (
            'country = "JP"\npercent',
            'product = "dsn"\npercent',
            "42: tax.rates.0.product: 'dsn' is not one of dns; did you mean 'dns'?",
        ),
        (
            'direction = "downgrade"',
            'state = "trail"\ndirection = "downgrade"',
            "94: rules.0.state: 'trail' is not one of active" + NO_OTHER,
        ),
        (
            'direction = "downgrade"',
            'state = "trial"\ndirection = "downgrade"',
            "94: rules.0.state: 'trial' is not one of active" + NO_OTHER,
        ),
        (
            'direction = "downgrade"',
            'state = "past_due"\ndirection = "downgrade"',
            "94: rules.0.state: 'past_due' is not one of active" + NO_OTHER,
        ),
        (
            'direction = "downgrade"',
            'from = "bussiness"\ndirection = "downgrade"',
            "94: rules.0.from: 'bussiness' is not one of basic, business, start; did you mean 'business'?",
        ),
        (
            'direction = "downgrade"',
            'direction = "downgrad"',
            "94: rules.0.direction: 'downgrad' is not one of cycle, downgrade, lateral, upgrade;"
            " did you mean 'downgrade'?",
        ),
        (
            'proration = "by_day"',
            'proration = "by_dya"',
            "105: rules.2.proration: 'by_dya' is no preset; choose one of by_day, by_fixed_30, by_nominal, by_second,"
            " flexprice, full_difference, kill_bill, lago, meteroid, none, paymenter, polar, recurly, reset_no_credit,"
            " reset_with_credit, stripe, whmcs; did you mean 'by_day'?",
        ),
        # countries, locales, languages
        (
            'country = "JP"\nemail',
            'country = "XX"\nemail',
            "11: seller.country: 'XX' is not a country; an ISO 3166 code of two letters was expected, such as ES",
        ),
        (
            'country = "JP"\nemail',
            'country = "UK"\nemail',
            "11: seller.country: 'UK' is not a country; an ISO 3166 code of two letters was expected, such as ES;"
            " did you mean 'GB'?",
        ),
        (
            'country = "JP"\npercent',
            'country = "jp"\npercent',
            "42: tax.rates.0.country: 'jp' is not a country; an ISO 3166 code of two letters was expected, such as ES;"
            " did you mean 'JP'?",
        ),
        (
            'prices = "exclusive"',
            'reverse_charge = ["DE", "Frankreich"]',
            "36: tax.reverse_charge.1: 'Frankreich' is not a country; an ISO 3166 code of two letters was expected,"
            " such as ES; did you mean 'FR'?",
        ),
        (
            'locale = "ja"',
            'locale = "jp"',
            "5: locale: 'jp' is not a locale; a language was expected, with or without a region, such as es or es-AR;"
            " did you mean 'ja'?",
        ),
        (
            'locale = "ja"',
            'locale = "ja_JP"',
            "5: locale: 'ja_JP' is not a locale; a language was expected, with or without a region, such as es or"
            " es-AR; did you mean 'ja-JP'?",
        ),
        (
            'locale = "ja"',
            'locale = "ja-XX"',
            "5: locale: 'ja-XX' is not a locale; a language was expected, with or without a region, such as es or"
            " es-AR; did you mean 'ja-JP'?",
        ),
        (
            'ja = "月払い"',
            'jp = "月払い"',
            "48: cycles.monthly.label.jp: 'jp' is not a language; texts are found by a language alone, such as es;"
            " did you mean 'ja'?",
        ),
        (
            'es = "DNS"',
            'es-AR = "DNS"',
            "55: categories.dns.es-AR: 'es-AR' is not a language; texts are found by a language alone, such as es;"
            " did you mean 'es'?",
        ),
        # numbers and currencies
        ('percent = "10"', 'percent = "110"', "43: tax.rates.0.percent: 110 is more than 100 percent"),
        ('percent = "10"', 'percent = "100.0001"', "43: tax.rates.0.percent: 100.0001 is more than 100 percent"),
        (
            'percent = "10"',
            'percent = "ten"',
            "43: tax.rates.0.percent: 'ten' was found; a percentage such as \"8.25\" was expected",
        ),
        ('percent = "10"', "percent = 10", "43: tax.rates.0.percent: a text in quotation marks was expected"),
        (
            "zones = 10,",
            "zones = -10,",
            "77: plans.1.limits.zones (plan start): a limit of zero or more was expected, not -10",
        ),
        ("rank = 20", 'rank = "high"', "76: plans.1.rank (plan start): a whole number was expected"),
        ("rank = 20", "sold = 3\nrank = 20", "76: plans.1.sold (plan start): true or false was expected"),
        (
            "rank = 20",
            'setup_fees = { JPY = "100" }\nrank = 20',
            "76: plans.1.setup_fees.USD (plan start): a setup fee for start in USD was expected: USD is sold",
        ),
        (
            'USD = "30.00" }',
            'UDS = "30.00" }',
            "88: plans.2.prices.monthly.UDS (plan business): 'UDS' is not a currency with 0, 2 or 3 decimals; use an"
            " active ISO 4217 code such as USD or JPY; did you mean 'USD'?",
        ),
        (
            "payable_days = 7",
            'minimum_charge = { amounts = { USD = "0.50" } }',
            "28: policies.minimum_charge.amounts.JPY: a minimum in JPY was expected: JPY is sold",
        ),
        ("payable_days = 7", "payable_days = 91", "28: policies.payable_days: a number of at most 90 was expected"),
        ("due_days = 7", "due_days = -1", "16: invoice.due_days: a number of at least 0 was expected"),
        # keys
        (
            "payable_days = 7",
            "payable_day = 7",
            f"28: policies.payable_day: no such key; the keys here are {', '.join(sorted(Policies.model_fields))};"
            " did you mean 'payable_days'?",
        ),
        (
            "[cycles.annual]\nmonths = 12",
            "[cycles.annual]\nmonths = 12\nmonth = 1",
            "52: cycles.annual.month: no such key; the keys here are label, months; did you mean 'months'?",
        ),
        (
            'proration = "by_day"',
            'proration = { preset = "by_day", ankor = "keep" }',
            "105: rules.2.proration.ankor: no such key; the keys here are anchor, change_day, credit, credit_becomes,"
            " difference, fraction, other_cycle, place, ratio_decimals, realign_day, rounding,"
            " preset; did you mean 'anchor'?",
        ),
        (
            '"half_up", place = "line"',
            '"half_up", plaice = "line"',
            "33: policies.rounding.plaice: no such key; the keys here are mode, place; did you mean 'place'?",
        ),
        # rules that can never match
        (
            'direction = "cycle"\ncycle = "shorter"',
            'direction = "cycle"\ncategory = "other"',
            "99: rules.1.category: the other keys of this rule imply 'same', so it can never match",
        ),
        (
            'direction = "cycle"\ncycle = "shorter"',
            'direction = "cycle"\ncycle = "same"',
            '99: rules.1.cycle: direction = "cycle" is a change of the cycle, so this rule can never match',
        ),
        (
            'direction = "cycle"\ncycle = "shorter"',
            'direction = "cycle"\nfrom = "basic"\nto = "start"',
            '100: rules.1.to: direction = "cycle" keeps the plan basic, so this rule can never match',
        ),
        # values that look like others
        ("rank = 10", 'rank = "10"', "66: plans.0.rank (plan basic): a whole number was expected"),
        ("rank = 10", 'rank = 10\nsold = "no"', "67: plans.0.sold (plan basic): true or false was expected"),
        ("months = 12", 'months = "12"', "51: cycles.annual.months: a whole number was expected"),
        ("minutes = 30", "minutes = true", "27: policies.quote_valid_minutes: a whole number was expected"),
        (
            "minutes = 30",
            "minutes = 30\nreminder_days = [true]",
            "28: policies.reminder_days.0: a whole number was expected",
        ),
        (
            'proration = "by_day"',
            'proration = { fraction = "days", credit = "yes" }',
            "105: rules.2.proration.credit: true or false was expected",
        ),
        (
            'USD = "5.00"',
            'USD = "5,00"',
            "68: plans.0.prices.monthly.USD (plan basic): '5,00' is not an amount in USD; write digits with at most 2"
            " decimals; did you mean '5.00'?",
        ),
        # names that nothing is called by
        (
            'category = "dns"',
            'category = "dsn"',
            "64: plans.0.category (plan basic): name this category for customers: categories.dsn; did you mean 'dns'?",
        ),
        (
            'label = { en = "monthly", es = "mensual", ja = "月払い", hi = "मासिक" }',
            "label = {}",
            "48: cycles.monthly.label: a text, or one for each language, was expected",
        ),
        ('"JPY", "USD"]', '"JPY", "USD", "JPY"]', "6: currencies.2: 'JPY' is written twice"),
    ],
)
def test_what_is_wrong_in_one_place_is_one_line(found: str, put: str, line: str) -> None:
    assert lines(changed(found, put)) == [f"dns.toml:{line}"]


def test_a_file_that_begins_with_a_byte_order_mark_is_read() -> None:
    assert parse_catalog("\ufeff" + DNS, "dns.toml") == parse_catalog(DNS, "dns.toml")


def test_a_category_that_the_plan_is_not_in() -> None:
    hosting = (CATALOGS / "hosting.toml").read_text(encoding="utf-8")
    text = hosting.replace('from_category = "web"', 'from = "vps-1"\nfrom_category = "web"')
    [line] = [number for number, row in enumerate(text.splitlines(), 1) if row == 'from_category = "web"']
    assert lines(text) == [
        f"dns.toml:{line}: rules.4.from_category: vps-1 is in the category vps, so this rule can never match"
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (RATE.replace("jp-8", "jp-10"), "3: tax.rates.1.code: 'jp-10' is used twice; give each tax rate its own code"),
        (SPRING + 'percent = "101"', "3: discounts.spring.percent: 101 is more than 100 percent"),
        (
            SPRING + 'amounts = { USD = "1.00" }',
            "3: discounts.spring.amounts.JPY: an amount in JPY was expected: JPY is sold",
        ),
        (
            SPRING + 'percent = "10"\nplans = ["basci"]',
            "4: discounts.spring.plans: 'basci' is not a plan of this catalogue; did you mean 'basic'?",
        ),
        # April in Tokyo
        (
            SPRING + 'percent = "10"\nuntil = "2027-04-01T00:00:00"',
            "4: discounts.spring.until: '2027-04-01T00:00:00' is not an instant with a time zone, such as"
            " 2027-01-31T00:00:00+09:00; did you mean '2027-04-01T00:00:00+09:00'?",
        ),
        (
            SPRING + 'percent = "10"\nuntil = 2027-04-01',
            "4: discounts.spring.until: '2027-04-01' is not an instant with a time zone, such as"
            " 2027-01-31T00:00:00+09:00; did you mean '2027-04-01T00:00:00+09:00'?",
        ),
        (
            SPRING + 'percent = "10"\nuntil = "April"',
            "4: discounts.spring.until: 'April' is not an instant with a time zone, such as 2027-01-31T00:00:00+09:00",
        ),
    ],
)
def test_what_is_wrong_after_the_sample(text: str, line: str) -> None:
    number, _, rest = line.partition(":")
    assert lines(DNS + text) == [f"dns.toml:{LAST + int(number)}:{rest}"]


@pytest.mark.parametrize(
    ("found", "put", "line"),
    [
        ('email = "', 'email = "@', "12: seller.email: "),
        ("[policies]", '[mail]\nsender = "a b"\n[policies]', "26: mail.sender: "),
        ("[policies]", '[mail]\nreply_to = "a b"\n[policies]', "26: mail.reply_to: "),
        ('es = "DNS"', 'es_AR = "DNS"', "55: categories.dns.es_AR: 'es_AR' is not a language"),
        ('es = "DNS"', 'esp = "DNS"', "55: categories.dns.esp: 'esp' is not a language"),
    ],
)
def test_addresses_and_languages(found: str, put: str, line: str) -> None:
    [said] = lines(changed(found, put))
    assert said.startswith(f"dns.toml:{line}")


def test_nothing_may_be_a_limit() -> None:
    assert parse_catalog(changed("zones = 10,", "zones = 0,"), "dns.toml").plans[1].limits["zones"] == 0


@pytest.mark.parametrize("until", ['"2027-04-01T00:00:00+09:00"', "2027-04-01T00:00:00+09:00"])
def test_an_instant_with_its_zone_is_read(until: str) -> None:
    catalog = parse_catalog(f'{DNS}{SPRING}percent = "100"\nuntil = {until}\n', "dns.toml")
    assert catalog.discounts["spring"].until == "2027-04-01T00:00:00+09:00"


@pytest.mark.parametrize("locale", ["es", "es-AR", "es-419", "zh-Hant-TW", "pt-BR", "zh-TW"])
def test_locales_that_exist_are_read(locale: str) -> None:
    assert parse_catalog(changed('locale = "ja"', f'locale = "{locale}"'), "dns.toml").locale == locale


@pytest.mark.parametrize("locale", ["", "EN", "e", "es-999", "es-ar", "es-XX", "xx", "english", "en-US-posix"])
def test_locales_that_do_not_exist_are_refused(locale: str) -> None:
    [line] = lines(changed('locale = "ja"', f'locale = "{locale}"'))
    assert line.startswith(f"dns.toml:5: locale: {locale!r} is not a locale; a language was expected")


def test_a_plan_that_is_not_sold_needs_no_amount_in_every_currency() -> None:
    text = changed('prices.annual = { JPY = "30000", USD = "300.00" }', 'prices.annual = { JPY = "30000" }')
    assert lines(text) == [
        "dns.toml:89: plans.2.prices.annual.USD (plan business): a price for business in USD was expected,"
        " or sold = false"
    ]
    not_sold = text.replace("rank = 30", 'rank = 30\nsold = false\nsetup_fees = { JPY = "100" }')
    assert parse_catalog(not_sold, "dns.toml").plans[2].setup_fees == {"JPY": 100}


WITHOUT_RULES = DNS[: DNS.index("[[rules]]")]


def rules(*bodies: str) -> str:
    return WITHOUT_RULES + "".join(f"[[rules]]\n{body}\n" for body in bodies)


def test_an_empty_list_of_rules_is_refused() -> None:
    assert lines("rules = []\n" + WITHOUT_RULES) == [
        "dns.toml:1: rules: no change is decided without rules; write at least one [[rules]]"
    ]


UP, DOWN, CYCLE = (f'direction = "{name}"\noutcome = "at_renewal"' for name in ("upgrade", "downgrade", "cycle"))


@pytest.mark.parametrize(
    ("bodies", "undecided"),
    [
        # Three plans in two cycles: 3 pairs up, each from 2 cycles to 2, and 6 offers with more units.
        ((DOWN, CYCLE), ["upgrade: 1 → 2 units of basic monthly and 17 more"]),
        ((UP, CYCLE), ["downgrade: 2 → 1 units of basic monthly and 17 more"]),
        # 3 plans, each from month to year and back
        ((UP, DOWN), ["cycle: basic monthly → basic annual and 5 more"]),
        # what is left: start → business, from 2 cycles to 2, and the units of start and business in 2 cycles each
        (
            (f'from = "basic"\n{UP}', DOWN, CYCLE),
            ["upgrade: 1 → 2 units of start monthly and 7 more"],
        ),
        (
            ('to = "start"\noutcome = "at_renewal"', 'from = "start"\noutcome = "at_renewal"'),
            [
                "upgrade: 1 → 2 units of basic monthly and 7 more",
                "downgrade: 2 → 1 units of basic monthly and 7 more",
                "cycle: basic monthly → basic annual and 3 more",
            ],
        ),
    ],
)
def test_a_direction_that_no_rule_decides_is_refused(bodies: tuple[str, ...], undecided: list[str]) -> None:
    number = len(WITHOUT_RULES.splitlines()) + 1
    assert lines(rules(*bodies)) == [
        f"dns.toml:{number}: rules: no rule decides a change of direction {sentence}; add a rule for it"
        for sentence in undecided
    ]


def test_a_lateral_change_between_categories_needs_a_rule_too() -> None:
    other = 'category = "mail"\nproduct = "dns"\nrank = 20'
    text = rules(UP, DOWN, CYCLE).replace('category = "dns"\nproduct = "dns"\nrank = 20', other)
    text = text.replace('JPY = "1200", USD = "12.00"', 'JPY = "500", USD = "5.00"')
    text = text.replace("[categories]", '[categories]\nmail = "Mail"')
    number = len(WITHOUT_RULES.splitlines()) + 2
    # 500 a month on each: there and back
    assert lines(text) == [
        f"dns.toml:{number}: rules: no rule decides a change of direction lateral:"
        " basic monthly → start monthly and 1 more; add a rule for it"
    ]


def test_a_plan_that_is_not_sold_needs_no_rule() -> None:
    catalog = parse_catalog(DNS, "dns.toml")
    kept = tuple(plan.model_copy(update={"sold": plan.id == "basic"}) for plan in catalog.plans)
    of_one_plan = catalog.rules[2].model_copy(update={"to_plan": "basic"})
    found = list(undecided_changes(catalog.model_copy(update={"plans": kept, "rules": (of_one_plan,)})))
    assert [problem.expected for problem in found] == [
        "no rule decides a change of direction cycle: basic monthly → basic annual and 1 more; add a rule for it"
    ]


def test_states_are_those_in_which_a_change_is_priced() -> None:
    for state in CHANGEABLE:
        parse_catalog(changed('direction = "downgrade"', f'state = "{state}"\ndirection = "downgrade"'), "dns.toml")


BROKEN = (
    DNS.replace('locale = "ja"', 'locale = "jp"')
    .replace('country = "JP"\npercent = "10"', 'country = "Japan"\npercent = "110"')
    .replace("months = 12", 'months = "a year"')
    .replace('name = "Start"', 'nmae = "Start"')
    .replace("zones = 50", "zones = -50")
    .replace('outcome = "now"\nproration = "by_day"', 'outcome = "at once"\nproration = "by_day"')
    .replace('cycle = "other"', 'state = "trail"\ncycle = "other"')
)


def test_a_value_of_the_wrong_shape_hides_no_other_error() -> None:
    places = [line.split(": ")[:2] for line in lines(BROKEN)]
    assert places == [
        ["dns.toml:5", "locale"],
        ["dns.toml:42", "tax.rates.0.country"],
        ["dns.toml:43", "tax.rates.0.percent"],
        ["dns.toml:51", "cycles.annual.months"],
        ["dns.toml:71", "plans.1.name (plan start)"],
        ["dns.toml:73", "plans.1.nmae (plan start)"],
        ["dns.toml:87", "plans.2.limits.zones (plan business)"],
        ["dns.toml:104", "rules.2.outcome"],
        ["dns.toml:108", "rules.3.state"],
    ]


@pytest.mark.parametrize(
    ("found", "put", "key"),
    [
        ('percent = "10"\n', "", "tax.rates.0.percent"),
        ("quote_valid_minutes = 30", 'quote_valid_minutes = "thirty"', "policies.quote_valid_minutes"),
        ("quote_valid_minutes = 30", "quote_valid_minutes = 30\nquote_vaild = 3", "policies.quote_vaild"),
        ("limits = { zones = 3,", 'limits = { zones = "many",', "plans.0.limits.zones (plan basic)"),
        ('provider = "dns"', 'provider = "D N S"', "provider"),
        ('country = "JP"\nemail', "email", "seller.country"),
        ('zones = { en = "zones"', "zones = { en = 3", "limit_names.zones.en"),
        ("months = 12\n", "", "cycles.annual.months"),
        ('currencies = ["JPY", "USD"]', 'currencies = ["JPY", "USD"]\ncurency = 1', "curency"),
        (
            'outcome = "at_renewal"\n\n[[rules]]\ndirection = "cycle"',
            '[[rules]]\ndirection = "cycle"',
            "rules.0.outcome",
        ),
    ],
)
def test_one_broken_value_is_one_error_beside_another(found: str, put: str, key: str) -> None:
    """A rule names a state that there is not: it is said whatever else is broken, and nothing that follows from it."""
    assert found in DNS
    text = DNS.replace(found, put, 1).replace('cycle = "other"', 'state = "trail"\ncycle = "other"')
    assert sorted(line.split(": ")[1] for line in lines(text)) == sorted([key, "rules.3.state"])


def test_an_error_as_data() -> None:
    with pytest.raises(CatalogError) as refused:
        parse_catalog(changed("zones = 10,", "zone = 10,"), "dns.toml")
    assert [problem.as_json() for problem in refused.value.problems] == [
        {
            "kind": "error",
            "file": "dns.toml",
            "line": 77,
            "key": "plans.1.limits.zone",
            "plan": "start",
            "sentence": "name this limit for sentences: limit_names.zone",
            "did_you_mean": "zones",
        }
    ]


def patterns(schema: Any) -> Iterator[str]:
    """Every pattern that a text of the catalogue must match."""
    if isinstance(schema, dict):
        yield from (schema["pattern"],) if isinstance(schema.get("pattern"), str) else ()
        yield from (pattern for value in schema.values() for pattern in patterns(value))
    if isinstance(schema, list):
        yield from (pattern for value in schema for pattern in patterns(value))


def test_every_pattern_has_a_sentence() -> None:
    assert set(patterns(Catalog.model_json_schema())) == {COUNTRY, *PATTERNS}


def test_letters_in_another_order_are_meant_first() -> None:
    assert nearest("GPB", ["PAB", "GBP", "GIP"]) == "GBP"
    assert nearest("eur", ["EUR"]) == "EUR"
    assert nearest("x", []) is None


def test_every_country_is_known_to_cldr() -> None:
    assert len(COUNTRIES) == 249
    assert set(Locale("en").territories) >= COUNTRIES


def leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in children:
        yield (*path, key)
        yield from leaves(value, (*path, key))


@pytest.mark.parametrize("name", ["dns", "hosting"])
def test_every_key_has_its_line(name: str) -> None:
    text = (CATALOGS / f"{name}.toml").read_text(encoding="utf-8")
    known, rows = lines_of(text), text.splitlines()
    for path in leaves(tomllib.loads(text)):
        last = next(key for key in reversed(path) if isinstance(key, str))
        assert last in rows[known[".".join(map(str, path))] - 1], path


TRICKY = '''\
# [no.table]
"a.b" = 1 # comment = "x"
'c d'."e\\u0041" = [ # an array
  "]", # ] not yet
  [1, {x = "}", y.z = 2}],
]
text = """
[table]
key = "\\""" """
raw = \'\'\'
[[list]]\'\'\' # after
when = 2027-01-01 10:00:00
[ t . "u" ] # header
v = {}
[[l]]
k = 1
[[l.m]]
n = 1
[[l.m]]
n = -1.5e3
[l.m.o]
p = false
[[l]]
[l.m]
q = 1
'''


def test_lines_of_every_kind_of_toml() -> None:
    tomllib.loads(TRICKY)
    assert lines_of(TRICKY) == {
        "a.b": 2, "c d": 3, "c d.eA": 3, "c d.eA.0": 4, "c d.eA.1": 5, "c d.eA.1.0": 5, "c d.eA.1.1": 5,
        "c d.eA.1.1.x": 5, "c d.eA.1.1.y": 5, "c d.eA.1.1.y.z": 5, "text": 7, "raw": 10, "when": 12, "t": 13, "t.u": 13,
        "t.u.v": 14, "l": 15, "l.0": 15, "l.0.k": 16, "l.0.m": 17, "l.0.m.0": 17, "l.0.m.0.n": 18, "l.0.m.1": 19,
        "l.0.m.1.n": 20, "l.0.m.1.o": 21, "l.0.m.1.o.p": 22, "l.1": 23, "l.1.m": 24, "l.1.m.q": 25,
    }  # fmt: skip
    assert line_of({"a": 3, "a.0": 5}, "a.0.b.c") == 5
    assert line_of({"a": 3}, "b") == 1


# In the place of any value; each is a text of TOML.
ODD = ['"x"', "-1", "1.5", "true", "[]", "{}", "[1]", "{ x = 1 }", "2027-01-01", '["x"]', '""']


@pytest.mark.parametrize("odd", ODD)
def test_no_odd_value_is_a_fault_of_the_program(odd: str) -> None:
    document = tomllib.loads(DNS)
    document["discounts"] = {"spring": {"percent": "10", "until": "2027-01-01T00:00:00Z", "plans": []}}
    for path in leaves(document):
        wrong = copy.deepcopy(document)
        node: Any = wrong
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = tomllib.loads(f"odd = {odd}")["odd"]
        text = written(wrong)
        assert tomllib.loads(text) == wrong
        with suppress(CatalogError):
            parse_catalog(text, "odd.toml")


def written(value: Any) -> str:
    """TOML with inline tables only."""
    return "".join(f"{_key(key)} = {_inline(inner)}\n" for key, inner in value.items())


def _key(key: str) -> str:
    return _inline(key)


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {_inline(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_two_broken_rates_are_two_errors_and_no_third() -> None:
    eight = '\n[[tax.rates]]\ncode = "jp-8"\ncountry = "JP"\nproduct = "dns"\npercent = "800"\nlabel = "Tax"\n'
    broken = changed('percent = "10"', 'percent = "110"') + eight
    assert [line.split(": ")[1] for line in lines(broken)] == ["tax.rates.0.percent", "tax.rates.1.percent"]
