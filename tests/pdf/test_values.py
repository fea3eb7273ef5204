"""Documents whose values disagree are refused before anything is drawn."""

from dataclasses import replace
from typing import Any

import pytest

from domain.money import CurrencyMismatch, Money
from pdf import Brand, Kind, Line, Party, render
from pdf.samples.documents import build, edge_cases
from pdf.style import InvalidColour
from pdf.values import InvalidDocument


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"net": usd(1611)}, "do not add up to the net"),
        ({"total": usd(1744)}, "do not add up to the total"),
        ({"amount_due": usd(1)}, "not the amount due"),
        ({"number": None}, "needs its legal number"),
        ({"lines": (), "net": usd(0), "taxes": (), "total": usd(0), "amount_due": usd(0)}, "at least one line"),
        ({"buyer": Party("x" * 601)}, "600 characters"),
        ({"buyer": Party("x", ("line",) * 11)}, "10 lines"),
    ],
)
def test_disagreement_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidDocument, match=sentence):
        render(replace(build("en"), **changes))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (Line("Seats", usd(1612), quantity=3, unit_price=usd(500)), "quantity x unit price"),
        (Line("Credit", usd(1612), quantity=-1, unit_price=usd(-1612)), "make the quantity negative"),
        (Line("Credit", usd(1612), quantity=1, unit_price=Money(1612, "EUR")), "quantity x unit price"),
    ],
)
def test_a_line_that_does_not_multiply_is_refused(line: Line, sentence: str) -> None:
    with pytest.raises(InvalidDocument, match=sentence):
        render(replace(build("en"), lines=(line,)))


def test_with_two_taxes_each_line_says_which() -> None:
    document = edge_cases()["two-rates-es"]
    lines = tuple(replace(line, tax_percent=None) for line in document.lines)
    with pytest.raises(InvalidDocument, match="which of the taxes"):
        render(replace(document, lines=lines))


def test_two_currencies_are_refused() -> None:
    with pytest.raises(CurrencyMismatch):
        render(replace(build("en"), credit_applied=Money(0, "EUR")))


@pytest.mark.parametrize("colour", ["red", "#12345", "1f3a93", "#1f3a9z"])
def test_a_brand_colour_is_six_digits(colour: str) -> None:
    with pytest.raises(InvalidColour, match="six hexadecimal digits"):
        render(replace(build("en"), brand=Brand(colour)))


def test_a_proforma_shows_its_reference_for_a_number() -> None:
    document = build("en", Kind.PROFORMA)
    assert document.number is None
    assert document.label == document.reference
    assert render(document).startswith(b"%PDF-1.7")
