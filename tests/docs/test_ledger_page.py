"""docs/ledger.md against what the recipes of engine/ledger/postings.py really post, and models/ledger.py."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

from domain.money import Money
from engine.ledger import postings, waterfall
from engine.ledger.postings import MoneySource
from local.stack import Stack
from models.base import new_id
from models.database import transaction
from models.invoice import Invoice
from models.ledger import GUARDED, Entry, credit, debit, post
from models.payment import Payment, Refund
from models.plan_change import PlanChange
from tests.support.ledger_page import ACCOUNTS, NAMES, RECIPES, unlisted_postings
from tests.support.play import NOON_17_JULY, Play

# The page's letters, in yen. T = N + V, s = c + x + o + d; h > T, p > o and d < T, so that there is a rest wherever one
# is possible.
AMOUNTS = {
    "N": 339,
    "V": 34,
    "T": 373,
    "h": 1000,
    "p": 500,
    "o": 73,
    "c": 50,
    "d": 100,
    "x": 40,
    "r": 60,
    "s": 263,
    "l": 17,
}
UNMATCHED = "unmatched:standard"


def yen(letter: str) -> Money:
    return Money(AMOUNTS[letter], "JPY")


def invoice(sign: int = 1) -> Invoice:
    tax = {"code": "jp-10", "amount": {"amount": sign * AMOUNTS["V"], "currency": "JPY"}}
    return Invoice(
        id="inv",
        provider_id="prv",
        customer_id="cus",
        currency="JPY",
        net_minor=sign * AMOUNTS["N"],
        tax_minor=sign * AMOUNTS["V"],
        total_minor=sign * AMOUNTS["T"],
        rounding_minor=0,
        credit_applied_minor=AMOUNTS["c"],
        content={"taxes": [tax]},
    )


def payment(letter: str) -> Payment:
    return Payment(id="mny", provider_id="prv", amount_minor=AMOUNTS[letter], currency="JPY")


def refund(source: str = "credit") -> Refund:
    return Refund(id="ref", provider_id="prv", amount_minor=AMOUNTS["r"], currency="JPY", source=source, owner="cus")


# What each parameter gets, by its name.
ARGUMENTS: dict[str, Any] = {
    "session": None,
    "at": NOON_17_JULY,
    "provider_id": "prv",
    "customer_id": "cus",
    "currency": "JPY",
    "change": PlanChange(id="chg", provider_id="prv", customer_id="cus"),
    "invoice": invoice(),
    "sold": invoice(),
    "wrong": invoice(),
    "note": invoice(-1),
    "payment": payment("p"),
    "movement": payment("d"),
    "won": payment("p"),
    "left": yen("d") - yen("l"),
    "lost": yen("l"),
    "gone": yen("d"),
    "refund": refund(),
    "source": MoneySource("payment", "clearing:standard"),
    "clearing": "clearing:standard",
    "unmatched": UNMATCHED,
    "account": ("held", "chg"),
    "returned": yen("d"),
    "held": yen("h"),
    "owed": yen("o"),
    "movement_id": "mny",
    "arrival": "1",
    "claim": yen("x"),
    "claims": [
        credit(account, "", yen(letter))
        for account, letter in (("held", "c"), ("losses", "x"), ("receivable", "o"), ("returned", "d"))
    ],
}
# Where one name stands for another thing in another recipe.
PARTICULAR: dict[str, dict[str, Any]] = {
    "reserve_credit": {"amount": yen("c")},
    "settle_credit_note": {"invoice": invoice(-1)},
    "win_dispute": {
        "claims": [
            credit(account, "", yen(letter))
            for account, letter in (("returned", "d"), ("losses", "x"), ("receivable", "o"))
        ]
    },
    "take_returned_from_credit": {"amount": yen("x")},
    "lose_returned": {"amount": yen("d")},
    "owe_returned": {"amount": yen("d")},
    "pay_debt_from_credit": {"amount": yen("o")},
    "pay_offer_from_credit": {"amount": yen("x")},
    "fail_refund": {"amount": yen("r")},
    "send_refund_by_hand": {"amount": yen("r")},
}
# In a recipe for a negative total, N, V and T are negative themselves.
NEGATIVE = {"settle_credit_note"}


def posted(monkeypatch: pytest.MonkeyPatch, function: str, **other: Any) -> dict[str, dict[str, int]]:
    """Carries out a recipe with rows that are in no database: by source, what it posts to each account."""
    found: dict[str, dict[str, int]] = {}

    def keep(_session: Any, _provider: str, source: tuple[str, str], _at: Any, entries: list[Entry]) -> bool:
        found[source[0]] = {entry.account.split(":")[0]: entry.amount.amount for entry in entries}
        return True

    monkeypatch.setattr(postings, "post", keep)
    monkeypatch.setattr(postings, "balance", lambda *_: yen("h"))
    claims = [("receivable", "inv", AMOUNTS["o"]), ("returned", "inv", AMOUNTS["d"])]
    monkeypatch.setattr(waterfall, "_claims", lambda *_: list(claims))
    monkeypatch.setattr(waterfall, "lost_of", lambda *_: yen("l"))
    recipe = getattr(postings, function)
    given = ARGUMENTS | PARTICULAR.get(function, {}) | other
    recipe(**{name: given[name] for name in inspect.signature(recipe).parameters})
    return found


def on_the_page(function: str, debits: str, credits: str) -> dict[str, int]:
    """What a row says in letters, as amounts: debits positive, and `the rest` what balances them."""
    sign = -1 if function in NEGATIVE else 1
    letters = AMOUNTS | {letter: sign * AMOUNTS[letter] for letter in "NVT"}
    told = {account: amount_of(words, letters) for account, words in parts(debits)}
    for account, words in parts(credits):
        told[account] = -sum(told.values()) if words == "the rest" else -amount_of(words, letters)
    return told


def parts(words: str) -> Iterator[tuple[str, str]]:
    """`sales N, tax V` is ("sales", "N") and ("tax", "V")."""
    for part in re.split(r", (?![^(]*\))", words):
        account, _, amount = part.partition(" ")
        assert account in NAMES, part
        yield account, amount


def amount_of(words: str, letters: dict[str, int]) -> int:
    """`T`, `−N`, `h − T` and `min(o, p)`."""
    if words.startswith("min("):
        return min(letters[letter] for letter in words[4:-1].split(", "))
    if words.startswith("−"):
        return -letters[words[1:]]
    first, *less = words.split(" − ")
    return letters[first] - sum(letters[letter] for letter in less)


@pytest.mark.parametrize("row", RECIPES, ids=lambda row: f"{row[1]}-{row[4]}")
def test_each_recipe_posts_what_the_page_says(monkeypatch: pytest.MonkeyPatch, row: list[str]) -> None:
    _, function, debits, credits, source = row
    for either, taken_from, account in ((r"\1", "credit", "held"), ("unmatched", UNMATCHED, UNMATCHED)):
        sides = [re.sub(r"(credit|held) or unmatched", either, side) for side in (debits, credits)]
        entries = posted(monkeypatch, function, refund=refund(taken_from), account=(account, ""))[source]
        assert entries == on_the_page(function, *sides)


def test_money_that_is_matched_comes_from_unmatched(monkeypatch: pytest.MonkeyPatch) -> None:
    from_payments = [row for row in RECIPES if "source" in inspect.signature(getattr(postings, row[1])).parameters]
    assert len(from_payments) == 3, "the page says: the same three functions"
    for _, function, debits, credits, _ in from_payments:
        entries = posted(monkeypatch, function, source=MoneySource("match", UNMATCHED))
        assert entries == {"match": on_the_page(function, debits.replace("clearing", "unmatched"), credits)}


def test_every_recipe_of_the_code_is_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    functions = [
        name
        for name, function in inspect.getmembers(postings, inspect.isfunction)
        if function.__module__ == postings.__name__ and not name.startswith("_")
    ]
    posting = {(name, source) for name in functions for source in posted(monkeypatch, name)}
    assert posting == {(row[1], row[4]) for row in RECIPES}


def test_guarded_accounts_are_listed() -> None:
    assert {name.split(":")[0] for name, _, kind, _ in ACCOUNTS if "guarded" in kind} == set(GUARDED)


def test_a_posting_that_is_not_on_the_page_is_seen(servers: Stack) -> None:
    play = Play.of(servers)
    with transaction() as session:
        entries = [debit("clearing:standard", "", Money(1, "JPY")), credit("sales", "", Money(1, "JPY"))]
        post(session, play.provider(session).id, ("settle", new_id("x")), NOON_17_JULY, entries)
        assert unlisted_postings(session) == ["settle: clearing"]
        session.rollback()
