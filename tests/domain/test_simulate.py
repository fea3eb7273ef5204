"""One change, every day, every mode."""

from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path

import pytest

from cli import lint as lint_command
from cli import prorate as prorate_command
from cli.catalog_source import UnreadableFile
from cli.simulate import SimulationRequest, UnusableMode, answer, document_of, draw, rule_sentence
from domain.catalog import Catalog
from domain.catalog_file import NAMED_PRORATIONS
from domain.errors import Forbidden, NothingToChange, PlanNotOffered
from domain.periods import Period
from domain.pricing.simulate import follow_rules, fresh_service, simulate, table_of
from domain.pricing.terms import Buyer, Target
from tests.domain.conftest import CATALOGS

DNS = CATALOGS / "dns.toml"
NOVEMBER = SimulationRequest("basic", "monthly", "start", "monthly", "USD", date(2026, 11, 1))


def test_every_day_under_every_mode(dns: Catalog) -> None:
    old = fresh_service(dns, "basic", "monthly", "USD", date(2026, 11, 1))
    simulation = simulate(dns, old, Target("start", "monthly"), Buyer("US"))
    assert set(simulation.totals) == set(NAMED_PRORATIONS)
    assert (simulation.days[0], simulation.days[-1]) == (date(2026, 11, 1), date(2026, 11, 30))
    # on the 16th: half of 7; 14.5 of 30 days of 7; 7; 7.00 back half: 12 - 2.50; the difference at any time
    on_16th = {mode: totals[15] for mode, totals in simulation.totals.items()}
    assert on_16th["by_day"] == on_16th["kill_bill"] == on_16th["meteroid"] == on_16th["whmcs"] == 350
    assert on_16th["by_second"] == on_16th["stripe"] == 338
    assert (on_16th["reset_with_credit"], on_16th["full_difference"], on_16th["none"]) == (950, 700, 0)
    assert all(len(totals) == 30 for totals in simulation.totals.values())
    assert list(simulation.totals["by_day"]) == sorted(simulation.totals["by_day"], reverse=True)


def test_the_full_difference_compares_one_cycle_only(dns: Catalog) -> None:
    old = fresh_service(dns, "basic", "monthly", "USD", date(2026, 11, 1))
    totals = simulate(dns, old, Target("start", "annual"), Buyer("JP")).totals
    assert set(NAMED_PRORATIONS) - set(totals) == {"full_difference"}
    # 120 less 5 for the new year, with 10%; scaled to November: 10 less 5
    assert (totals["reset_with_credit"][0], totals["whmcs"][0]) == (12650, 550)


def test_the_first_day_begins_with_the_service(dns: Catalog) -> None:
    """At 18:00 in Tokyo: by the second the whole month is left on its first day, and 29.25 days at noon of the next."""
    old = fresh_service(dns, "basic", "monthly", "USD", date(2026, 11, 1))
    evening = Period(old.period.start + timedelta(hours=18), old.period.end + timedelta(hours=18))
    late = replace(old, period=evening, anchor_time=time(18))
    totals = simulate(dns, late, Target("start", "monthly"), Buyer("US"), ("by_second",)).totals["by_second"]
    assert (totals[0], totals[1], len(totals)) == (700, 682, 30)
    # what was billed for it is its price, whatever the service says; 30 and 29 of 30 days by the catalogue's own rule
    followed = follow_rules(dns, replace(late, items=()), Target("start", "monthly"), Buyer("US"))
    assert followed.totals["catalogue"][:2] == (700, 677)


def test_a_fresh_service_is_nobodys_and_bears_no_tax(dns: Catalog) -> None:
    everywhere = dns.tax.model_copy(update={"rates": (dns.tax.rates[0].model_copy(update={"country": None}),)})
    catalog = dns.model_copy(update={"tax": everywhere})
    (item,) = fresh_service(catalog, "start", "monthly", "USD", date(2026, 11, 1)).items
    assert (item.net, item.tax) == (1200, 0)


def test_what_cannot_be_simulated(dns: Catalog) -> None:
    lost = dns.model_copy(update={"cycles": {"annual": dns.cycles["annual"]}})
    with pytest.raises(PlanNotOffered, match="basic has no price monthly in USD"):
        fresh_service(lost, "basic", "monthly", "USD", date(2026, 11, 1))
    with pytest.raises(PlanNotOffered, match="gold has no price monthly in USD"):
        fresh_service(dns, "gold", "monthly", "USD", date(2026, 11, 1))
    old = fresh_service(dns, "basic", "monthly", "USD", date(2026, 11, 1))
    with pytest.raises(NothingToChange):
        simulate(dns, old, Target("basic", "monthly"), Buyer("US"))


def test_the_table_has_major_units() -> None:
    document = document_of(answer(DNS, NOVEMBER, ("by_day", "none")))
    rows = document["rows"]
    assert (document["currency"], document["rule"]) == ("USD", None)
    assert rows[0] == ["date", "by_day", "none"]
    assert rows[16] == ["2026-11-16", "3.50", "0.00"]
    assert len(rows) == 31
    assert table_of(answer(DNS, NOVEMBER, ("all",)))[0] == ["date", *NAMED_PRORATIONS]


def test_without_a_mode_the_catalogues_rule_decides() -> None:
    simulation = answer(DNS, NOVEMBER)
    document = document_of(simulation)
    # rules.2 moves 7 dollars by the day: 15 of 30 are left on the 16th
    assert document["rule"] == {
        "rule": 2,
        "direction": "upgrade",
        "outcome": "now",
        "proration": {
            "fraction": "days",
            "credit": True,
            "anchor": "keep",
            "credit_becomes": "account_credit",
            "difference": "prices",
        },
    }
    assert document["rows"][0] == ["date", "catalogue"]
    assert document["rows"][16] == ["2026-11-16", "3.50"]
    assert simulation.decision is not None
    assert rule_sentence(simulation.decision) == "rules.2 decides: upgrade, now, by_day"


@pytest.mark.parametrize(
    ("sample", "change", "on_16th", "sentence"),
    [
        # another cycle: a year of 120 starts, 15 of 30 days of 5 come back
        ("dns", ("basic", "monthly", "start", "annual"), "117.50", "rules.3 decides: upgrade, now, reset_with_credit"),
        ("dns", ("start", "monthly", "basic", "monthly"), "0.00", "rules.0 decides: downgrade, at_renewal"),
        # staff decide; if they approve it costs the difference of 15 and 20
        (
            "hosting",
            ("web-m", "monthly", "radio-500", "monthly"),
            "5.00",
            "rules.5 decides: upgrade, manual_review, full_difference",
        ),
    ],
)
def test_each_outcome_is_priced_as_it_would_be(
    sample: str, change: tuple[str, str, str, str], on_16th: str, sentence: str
) -> None:
    simulation = answer(CATALOGS / f"{sample}.toml", SimulationRequest(*change, "USD", date(2026, 11, 1)))
    assert table_of(simulation)[16] == ["2026-11-16", on_16th]
    assert simulation.decision is not None
    assert rule_sentence(simulation.decision) == sentence


def test_a_rule_without_a_preset_is_told_by_its_axes(tmp_path: Path) -> None:
    text = DNS.read_text(encoding="utf-8")
    file = tmp_path / "dns.toml"
    file.write_text(
        text.replace('proration = "by_day"', 'proration = { preset = "by_day", change_day = "old" }'), encoding="utf-8"
    )
    simulation = answer(file, NOVEMBER)
    # the old plan pays for the day of the change: 14 of 30 days of 7 are 3.27
    assert table_of(simulation)[16] == ["2026-11-16", "3.27"]
    assert simulation.decision is not None
    assert rule_sentence(simulation.decision) == (
        "rules.2 decides: upgrade, now, fraction days, credit true, anchor keep, credit_becomes account_credit,"
        " change_day old, difference prices"
    )


def test_a_forbidden_change_says_why() -> None:
    smaller = SimulationRequest("web-m", "monthly", "web-s", "monthly", "USD", date(2026, 11, 1))
    with pytest.raises(Forbidden, match="Plans cannot be made smaller"):
        answer(CATALOGS / "hosting.toml", smaller)
    # a mode asks what it would cost, whatever the rules say
    assert table_of(answer(CATALOGS / "hosting.toml", smaller, ("by_day",)))[16] == ["2026-11-16", "-2.50"]


ALL = (
    "all, by_day, by_fixed_30, by_nominal, by_second, flexprice, full_difference, kill_bill, lago, meteroid, none,"
    " paymenter, polar, recurly, reset_no_credit, reset_with_credit, stripe, whmcs"
)


@pytest.mark.parametrize(
    ("mode", "sentence"),
    [
        ("by_dya", f"There is no mode 'by_dya'; choose one of {ALL}. Did you mean 'by_day'?"),
        ("zzz", f"There is no mode 'zzz'; choose one of {ALL}."),
    ],
)
def test_an_unknown_mode_is_refused_with_those_that_exist(mode: str, sentence: str) -> None:
    with pytest.raises(UnusableMode) as refused:
        answer(DNS, NOVEMBER, ("by_day", mode))
    assert str(refused.value) == sentence


def test_a_mode_that_does_not_price_this_change_is_refused() -> None:
    request = SimulationRequest("basic", "monthly", "start", "annual", "USD", date(2026, 11, 1))
    with pytest.raises(UnusableMode) as refused:
        answer(DNS, request, ("by_day", "full_difference"))
    assert str(refused.value) == (
        "full_difference compares prices of one cycle; choose another mode for monthly to annual."
    )


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"cannot be read: .*No such file"):
        answer(tmp_path / "none.toml", NOVEMBER)
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(UnreadableFile, match=r"cannot be read: .*can't decode"):
        answer(tmp_path / "latin.toml", NOVEMBER)


@pytest.mark.parametrize(("ending", "magic"), [(".svg", b"<?xml"), (".png", b"\x89PNG")])
def test_the_chart_is_the_same_file_every_time(tmp_path: Path, ending: str, magic: bytes) -> None:
    simulation = answer(DNS, NOVEMBER, ("by_day", "lago", "full_difference"))
    files = [tmp_path / f"{number}{ending}" for number in range(2)]
    for file in files:
        draw(simulation, "Basic → Start", file)
    contents = [file.read_bytes() for file in files]
    assert contents[0].startswith(magic)
    assert contents[0] == contents[1]
    if ending == ".svg":
        assert b"by_day, lago" in contents[0]


def test_lint_of_a_file_counts_days_from_one() -> None:
    findings = lint_command.run(CATALOGS / "hosting.toml")
    first = next(finding for finding in findings if finding["steps"] == ["web-s annual", "web-m annual"])
    assert (first["kind"], first["days"], first["amount"]) == ("dearer", [245], {"amount": 27, "currency": "USD"})
    assert lint_command.run(CATALOGS / "dns.toml") == []


def test_a_cases_file_is_answered_case_by_case(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    file.write_text(
        '{"cases": [{"id": "a", "mode": "full_difference", "currency": "EUR", "old": {"price": "100.00"},'
        ' "new": {"price": "150.00"}, "expected": {"net": "50.00"}}, {"id": "b", "mode": "?", "currency": "EUR"}]}',
        encoding="utf-8",
    )
    answers = prorate_command.run(file)
    assert answers[0] == {"id": "a", "computed": {"net": "50.00"}}
    assert answers[1]["id"] == "b"
    assert answers[1]["error"].startswith("BadCase: mode '?' is not one of")


def test_a_fresh_service_was_billed_its_price(dns: Catalog) -> None:
    (item,) = fresh_service(dns, "start", "monthly", "USD", date(2026, 11, 1)).items
    assert (item.plan, item.net, item.tax, item.units_left) == ("start", 1200, 0, 1)
