"""The figures that the project shows of itself."""

from __future__ import annotations

import json
from html import unescape
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.page import page_of
from benchmarks.throughput import PEERS
from cli import bench
from cli.main import app

RESULTS = json.loads((Path(__file__).parent.parent.parent / "benchmarks/results.json").read_text(encoding="utf-8"))


def test_the_page_tells_every_contender_with_its_spread() -> None:
    page = unescape(page_of(RESULTS))
    assert {"planshift", "floor", "before", *PEERS} == RESULTS["throughput"].keys() - {"changes"}
    for name in RESULTS["throughput"].keys() - {"changes"}:
        found = RESULTS["throughput"][name]
        low, high = min(found["per_second"]), max(found["per_second"])
        assert f'<th scope="row">{name.replace("_", " ")}</th>' in page
        assert f'<td class="value">{found["median"]} ({low} to {high})</td>' in page
    assert RESULTS["machine"]["processors"] in page


def test_what_was_not_measured_is_not_drawn() -> None:
    page = page_of({"machine": {"python": "3.11"}, "webhooks": RESULTS["webhooks"]})
    assert "Webhooks that are verified" in page
    assert page.count("<h2>") == 1


SETS = """import json, os
print(json.dumps({"heard": os.environ.pop("TOLD", "nothing")}))
os.environ["TOLD"] = "something"
"""


def test_no_benchmark_hears_of_another_and_one_that_fails_does_not_stop_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for name, program in {"first": SETS, "broken": "raise SystemExit('no peer is here')", "last": SETS}.items():
        (folder / f"{name}.py").write_text(program, encoding="utf-8")
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr(bench, "BENCHMARKS", ("first", "broken", "last"))
    page = tmp_path / "drawn" / "page.html"
    run = CliRunner().invoke(app, ["bench", "--html", str(page)])
    assert run.exit_code == 1
    assert "Not measured: broken." in run.stderr
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert (results["first"], results["last"]) == ({"heard": "nothing"}, {"heard": "nothing"})
    assert "broken" not in results
    assert page.exists()
