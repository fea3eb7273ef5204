"""docs/ledger.md against engine/ledger/postings.py and models/ledger.py."""

from __future__ import annotations

import inspect

import pytest

from engine.ledger import postings
from models.ledger import GUARDED
from tests.docs.pages import table

PAGE = "docs/ledger.md"
ACCOUNTS = table(PAGE, "account", "owner", "kind", "what it holds")
RECIPES = table(PAGE, "when", "function", "debit", "credit", "source")
# Parameters of the recipes that stand for an account.
STANDS_FOR = {
    "clearing": ("clearing", "source.account"),
    "unmatched": ("unmatched", "source"),
    "credit": ('"credit"', "source"),
}


def code_of(function: str) -> str:
    code = inspect.getsource(getattr(postings, function))
    return code + inspect.getsource(postings._income) if "_income(" in code else code


@pytest.mark.parametrize("row", RECIPES, ids=lambda row: f"{row[1]}-{row[4]}")
def test_each_recipe_is_in_the_code(row: list[str]) -> None:
    _, function, debits, credits, source = row
    code = code_of(function)
    assert f'("{source}", ' in code or (source == "payment" and "(source.kind, " in code)
    names = {name.split(":")[0] for name, *_ in ACCOUNTS}
    for word in f"{debits} {credits}".replace(",", " ").split():
        if word in names:
            assert any(spelt in code for spelt in STANDS_FOR.get(word, (f'"{word}',))), f"{function}: {word}"


def test_every_recipe_of_the_code_is_on_the_page() -> None:
    posting = {
        name
        for name, function in inspect.getmembers(postings, inspect.isfunction)
        if function.__module__ == postings.__name__ and "post(session" in inspect.getsource(function)
    }
    assert {row[1] for row in RECIPES} == posting


def test_guarded_accounts_are_listed() -> None:
    assert {name.split(":")[0] for name, _, kind, _ in ACCOUNTS if "guarded" in kind} == set(GUARDED)
