"""docs/errors.md lists every error that the API has, and no other."""

from __future__ import annotations

import ast

from tests.docs.errors_page import PAGE, page
from tests.support.pages import ROOT
from web.api.problems import PROBLEMS


def test_the_page_is_as_the_table_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make pages`"


def test_every_problem_of_a_route_is_in_the_table() -> None:
    raised = {
        node.args[0].value
        for file in (ROOT / "web").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Problem"
        if isinstance(node.args[0], ast.Constant)
    }
    assert raised
    assert raised - PROBLEMS.keys() == set()
