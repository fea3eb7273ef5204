"""planshift catalog and simulate: what is refused is told with its line, and what services have stays."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from local.stack import Stack
from models.database import transaction
from models.provider import catalog_of
from tests.support.pages import ROOT
from tests.support.play import Play

CATALOGS = ROOT / "catalogs"
DNS = (CATALOGS / "dns.toml").read_text(encoding="utf-8")
BASIC = DNS[DNS.index('[[plans]]\nid = "basic"') : DNS.index('[[plans]]\nid = "start"')]
ANNUAL = DNS[DNS.index("[cycles.annual]") : DNS.index("[categories]")]
KEEP = "keep it with sold = false: its holders renew at the terms they have"


@pytest.fixture
def planshift(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command as the terminal does; gives the exit code, what it printed, and what it said on stderr."""

    def command(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["planshift", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            run()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return command


def written(folder: Path, text: str, name: str = "dns.toml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def of_provider(play: Play, text: str) -> str:
    return text.replace('provider = "dns"', f'provider = "{play.slug}"')


@pytest.mark.parametrize("command", ["load", "lint", "diff"])
def test_a_broken_catalogue_is_told_line_by_line(planshift: Any, tmp_path: Path, command: str) -> None:
    broken = DNS.replace('locale = "ja"', 'locale = "jp"').replace('direction = "cycle"\n', 'state = "trail"\n')
    file = written(tmp_path, broken)
    assert planshift("catalog", command, file) == (
        2,
        "",
        "planshift: the catalogue cannot be used: 2 errors\n"
        f"{file}:5: locale: 'jp' is not a locale; a language was expected, with or without a region, such as es or"
        " es-AR; did you mean 'ja'?\n"
        f"{file}:98: rules.1.state: 'trail' is not one of active: no other service changes its plan,"
        " and trials are the host system's; did you mean 'active'?\n",
    )
    code, out, err = planshift("catalog", command, file, "--json")
    assert (code, err) == (2, "")
    assert json.loads(out)[1] == {
        "kind": "error",
        "file": str(file),
        "line": 98,
        "key": "rules.1.state",
        "plan": None,
        "sentence": "'trail' is not one of active: no other service changes its plan, and trials are the host system's",
        "did_you_mean": "active",
    }


def test_the_errors_of_all_files_are_told_at_once(planshift: Any, tmp_path: Path) -> None:
    one, two = written(tmp_path, "provider = 1", "one.toml"), written(tmp_path, "a = ", "two.toml")
    code, _, err = planshift("catalog", "load", one, two)
    assert code == 2
    lines = err.splitlines()
    assert lines[0] == "planshift: the catalogue cannot be used: 9 errors"
    assert lines[1] == f"{one}:1: provider: a text in quotation marks was expected"
    assert lines[-1] == f"{two}:1: (file): valid TOML was expected: Invalid value (at end of document)"


def test_a_plan_that_services_have_stays(servers: Stack, planshift: Any, tmp_path: Path) -> None:
    play = Play.of(servers)
    file = written(tmp_path, of_provider(play, DNS.replace(BASIC, "")))
    line = f"{file}: plans (plan basic): this plan is missing, but 1 service has it; {KEEP}"
    refused = f"planshift: the catalogue cannot be used: 1 error\n{line}\n"
    assert planshift("catalog", "load", file) == (2, "", refused)

    code, out, err = planshift("catalog", "diff", file)
    assert (code, err) == (2, refused)
    assert out.startswith("plans: [")

    code, out, err = planshift("catalog", "diff", file, "--json")
    assert (code, err) == (2, "")
    assert [one["kind"] for one in json.loads(out)] == ["change", "error"]
    assert json.loads(out)[1]["plan"] == "basic"
    with transaction() as session:
        assert catalog_of(session, play.provider(session)).plan("basic")


def test_its_holders_renew_at_the_terms_they_have(servers: Stack, planshift: Any, tmp_path: Path) -> None:
    play = Play.of(servers)
    not_sold = DNS.replace('name = "Basic"', 'name = "Basic"\nsold = false').replace('JPY = "500"', 'JPY = "900"')
    code, out, err = planshift("catalog", "load", written(tmp_path, of_provider(play, not_sold)))
    assert (code, out, err) == (0, f"{play.slug}: version 2 is in force, 3 plans.\n", "")
    play.set_clock(datetime(2027, 8, 1, tzinfo=UTC))
    play.renew()
    with transaction() as session:
        service = play.service(session)
        assert (service.plan, service.unit_price_minor, service.period_start.month) == ("basic", 500, 7)
        # August begins in Tokyo when it is 15:00 on 31 July in UTC
        assert service.period_start == datetime(2027, 7, 31, 15, tzinfo=UTC)


def test_a_plan_that_a_scheduled_change_leads_to_stays(servers: Stack, planshift: Any, tmp_path: Path) -> None:
    play = Play.of(servers, plan="start")
    assert play.step("quote", play.request("basic")) == "scheduled"
    file = written(tmp_path, of_provider(play, DNS.replace(BASIC, "")))
    _, _, err = planshift("catalog", "load", file)
    assert err.splitlines()[1:] == [
        f"{file}: plans (plan basic): this plan is missing, but 1 open change leads to it; {KEEP}"
    ]


def test_a_cycle_that_services_have_stays(servers: Stack, planshift: Any, tmp_path: Path) -> None:
    play = Play.of(servers, cycle="annual")
    text = DNS.replace(ANNUAL, "")
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("prices.annual"))
    file = written(tmp_path, of_provider(play, kept))
    _, _, err = planshift("catalog", "load", file)
    assert err.splitlines()[1:] == [
        f"{file}: cycles.annual: this cycle is missing, but 1 service has it;"
        " keep it, and remove its prices where it is not sold"
    ]


@pytest.mark.parametrize("status", ["canceled", "terminated"])
def test_a_plan_of_ended_services_may_go(servers: Stack, planshift: Any, tmp_path: Path, status: str) -> None:
    play = Play.of(servers, status=status)
    file = written(tmp_path, of_provider(play, DNS.replace(BASIC, "")))
    assert planshift("catalog", "load", file) == (0, f"{play.slug}: version 2 is in force, 2 plans.\n", "")


@pytest.mark.parametrize("status", ["pending", "past_due", "suspended"])
def test_a_plan_of_services_that_wait_stays(servers: Stack, planshift: Any, tmp_path: Path, status: str) -> None:
    play = Play.of(servers, status=status)
    file = written(tmp_path, of_provider(play, DNS.replace(BASIC, "")))
    assert planshift("catalog", "load", file)[0] == 2


CHANGE = ("--from", "basic", "--to", "start", "--currency", "JPY", "--country", "JP")


def test_simulate_says_which_rule_decides(planshift: Any) -> None:
    code, out, err = planshift("simulate", CATALOGS / "dns.toml", *CHANGE)
    assert (code, err) == (0, "")
    # 1200 less 500 and 10 % on the first of 31 days, 30 of 31 days of each on the second: 1161 - 484 + 68
    assert out.splitlines()[:4] == [
        "rules.2 decides: upgrade, now, by_day",
        "date        catalogue",
        "2027-07-01  770",
        "2027-07-02  745",
    ]


def test_simulate_refuses_what_it_does_not_know(planshift: Any, tmp_path: Path) -> None:
    code, out, err = planshift("simulate", CATALOGS / "dns.toml", *CHANGE, "--mode", "by_dya")
    assert (code, out) == (2, "")
    assert err.startswith("planshift: There is no mode 'by_dya'; choose one of all, by_day, by_fixed_30, ")
    assert err.endswith(" whmcs. Did you mean 'by_day'?\n")
    code, out, err = planshift("simulate", tmp_path / "none.toml", *CHANGE)
    assert (code, out) == (2, "")
    assert err.startswith(f"planshift: {tmp_path}/none.toml cannot be read: ")
