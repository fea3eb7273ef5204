"""Colours that are read, and a catalogue whose colour is not."""

from decimal import Decimal

import pytest

from domain.catalog_file import parse_catalog
from domain.catalog_problems import CatalogError
from domain.contrast import BLACK, READABLE, WHITE, contrast, mixed, readable_on
from tests.domain.conftest import CATALOGS


def test_the_contrast_of_wcag() -> None:
    """By hand: #767676 is the lightest grey that is read on white, 4.54 to 1; #777777 is 4.48."""
    assert contrast(WHITE, BLACK) == 21
    assert round(contrast("#767676", WHITE), 2) == Decimal("4.54")
    assert round(contrast("#777777", WHITE), 2) == Decimal("4.48")


def test_colours_are_mixed_by_parts() -> None:
    assert mixed("#000000", "#ffffff", 50) == "#7f7f7f"
    assert mixed("#0b5394", "#ffffff", 0) == "#0b5394"


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
