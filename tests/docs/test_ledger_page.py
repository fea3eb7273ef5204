"""docs/ledger.md against engine/ledger/postings.py and models/ledger.py."""

from __future__ import annotations

import inspect

import pytest

from domain.money import Money
from engine.ledger import postings, waterfall
from local.stack import Stack
from models.base import new_id
from models.database import transaction
from models.ledger import GUARDED, credit, debit, post
from tests.docs.ledger_page import ACCOUNTS, NAMES, RECIPES, unlisted_postings
from tests.steps.play import NOON_17_JULY, Play

# Parameters of the recipes that stand for an account.
STANDS_FOR = {
    "clearing": ("clearing", "source.account"),
    "unmatched": ("unmatched", "source"),
    "credit": ('"credit"', "source"),
}


def code_of(function: str) -> str:
    code = inspect.getsource(getattr(postings, function))
    if "shared_out(" in code:
        code += inspect.getsource(waterfall)
    return code + inspect.getsource(postings._income) if "_income(" in code else code


@pytest.mark.parametrize("row", RECIPES, ids=lambda row: f"{row[1]}-{row[4]}")
def test_each_recipe_is_in_the_code(row: list[str]) -> None:
    _, function, debits, credits, source = row
    code = code_of(function)
    assert f'("{source}", ' in code or (source == "payment" and "(source.kind, " in code)
    for word in f"{debits} {credits}".replace(",", " ").split():
        if word in NAMES:
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


def test_a_posting_that_is_not_on_the_page_is_seen(servers: Stack) -> None:
    play = Play.of(servers)
    with transaction() as session:
        entries = [debit("clearing:standard", "", Money(1, "JPY")), credit("sales", "", Money(1, "JPY"))]
        post(session, play.provider(session).id, ("settle", new_id("x")), NOON_17_JULY, entries)
        assert unlisted_postings(session) == ["settle: clearing"]
        session.rollback()
