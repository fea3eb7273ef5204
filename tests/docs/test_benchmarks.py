"""The figures that the project shows of itself."""

from __future__ import annotations

import json
from html import unescape
from pathlib import Path

from benchmarks.page import page_of
from benchmarks.throughput import PEERS

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
