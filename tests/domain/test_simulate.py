"""One change, every day, every mode."""

from datetime import date
from pathlib import Path

import pytest

from cli import lint as lint_command
from cli import prorate as prorate_command
from cli.simulate import SimulationRequest, answer, chosen, draw, run
from domain.catalog import Catalog
from domain.catalog_file import NAMED_PRORATIONS
from domain.errors import NothingToChange, PlanNotOffered
from domain.pricing.simulate import fresh_service, simulate, table_of
from domain.pricing.terms import Buyer, Target
from tests.domain.conftest import CATALOGS

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


def test_what_cannot_be_simulated(dns: Catalog) -> None:
    with pytest.raises(PlanNotOffered, match="gold has no price monthly in USD"):
        fresh_service(dns, "gold", "monthly", "USD", date(2026, 11, 1))
    old = fresh_service(dns, "basic", "monthly", "USD", date(2026, 11, 1))
    with pytest.raises(NothingToChange):
        simulate(dns, old, Target("basic", "monthly"), Buyer("US"))


def test_the_table_has_major_units(dns: Catalog) -> None:
    rows = run(CATALOGS / "dns.toml", NOVEMBER, ("by_day", "none"))["rows"]
    assert rows[0] == ["date", "by_day", "none"]
    assert rows[16] == ["2026-11-16", "3.50", "0.00"]
    assert len(rows) == 31
    assert len(table_of(answer(CATALOGS / "dns.toml", NOVEMBER)[1])[0]) == len(NAMED_PRORATIONS) + 1


@pytest.mark.parametrize(("ending", "magic"), [(".svg", b"<?xml"), (".png", b"\x89PNG")])
def test_the_chart_is_the_same_file_every_time(tmp_path: Path, ending: str, magic: bytes) -> None:
    simulation = chosen(answer(CATALOGS / "dns.toml", NOVEMBER)[1], ("by_day", "lago", "full_difference"))
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
