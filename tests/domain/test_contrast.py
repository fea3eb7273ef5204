"""Colours that are read, and a catalogue whose colour is not."""

from decimal import Decimal

import pytest

from domain.catalog_file import parse_catalog
from domain.catalog_problems import CatalogError
from domain.contrast import BLACK, READABLE, WHITE, contrast, ink_on, mixed, readable_on
from tests.domain.conftest import CATALOGS


def test_the_contrast_of_wcag() -> None:
    """By hand: #767676 is the lightest grey that is read on white, 4.54 to 1; #777777 is 4.48."""
    assert contrast(WHITE, BLACK) == 21
    assert round(contrast("#767676", WHITE), 2) == Decimal("4.54")
    assert round(contrast("#777777", WHITE), 2) == Decimal("4.48")


def test_colours_are_mixed_by_parts() -> None:
    assert mixed("#000000", "#ffffff", 50) == "#7f7f7f"
    assert mixed("#0b5394", "#ffffff", 0) == "#0b5394"


def test_each_part_of_a_colour_and_a_dark_one() -> None:
    """By hand: 0x0a is 0.0392 of white and 0.00304 of its light, so that black and it are 1.06 to 1."""
    assert round(contrast("#0a0a0a", BLACK), 4) == Decimal("1.0607")
    assert [round(contrast(colour, BLACK), 2) for colour in ("#ff0000", "#00ff00", "#0000ff")] == [
        Decimal("5.25"),
        Decimal("15.30"),
        Decimal("2.44"),
    ]


@pytest.mark.parametrize(
    ("colour", "ground", "read"),
    [
        ("#0b5394", WHITE, "#0b5394"),
        # a twentieth darker at a time: 4.22 to 1, and 4.63 to 1
        ("#7f7f7f", WHITE, "#727272"),
        # on black lighter: 4.24 to 1, and 4.90 to 1
        ("#333333", BLACK, "#7a7a7a"),
        (WHITE, WHITE, "#727272"),
    ],
)
def test_the_nearest_tint_or_shade_that_is_read(colour: str, ground: str, read: str) -> None:
    assert readable_on(colour, ground) == read
    assert contrast(read, ground) >= READABLE


def test_white_is_written_where_it_is_read() -> None:
    assert [ink_on(colour) for colour in ("#0b5394", "#767676", "#777777", "#ffb000")] == [WHITE, WHITE, BLACK, BLACK]


def test_a_catalogue_in_a_colour_that_is_not_read_is_refused_with_the_reason() -> None:
    text = (CATALOGS / "dns.toml").read_text(encoding="utf-8")
    with pytest.raises(CatalogError) as refused:
        parse_catalog(text.replace('colour = "#0b5394"', 'colour = "#ffb000"'), "dns.toml")
    [problem] = refused.value.problems
    assert problem.key == "invoice.colour"
    assert problem.expected.startswith("#ffb000 and white have a contrast of 1.83 to 1; buttons and links")
    assert problem.meant is not None
    assert contrast(problem.meant, WHITE) >= READABLE
    parse_catalog(text.replace('colour = "#0b5394"', f'colour = "{readable_on("#ffb000", WHITE)}"'), "dns.toml")
