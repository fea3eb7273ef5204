"""Which country is meant by what people write for it."""

from __future__ import annotations

import pytest

from domain.countries import COUNTRIES, UnknownCountry, country_code


@pytest.mark.parametrize(
    ("text", "code"),
    [("JP", "JP"), ("jp", "JP"), ("JPN", "JP"), ("gbr", "GB"), ("UK", "GB"), ("EL", "GR"), ("BU", "MM"), ("XK", "XK")],
)
def test_a_country_by_another_code(text: str, code: str) -> None:
    assert country_code(text) == code


# The Netherlands Antilles and the Soviet Union have become several; AA and ZZ are nobody's.
@pytest.mark.parametrize("text", ["AN", "SU", "AA", "ZZ", "EU", "XI", "ABC", "840", "J", ""])
def test_what_names_no_country_is_refused(text: str) -> None:
    with pytest.raises(UnknownCountry, match="two letters of ISO 3166-1"):
        country_code(text)


def test_every_country_has_a_code_of_two_letters_that_stays_as_it_is() -> None:
    assert {country_code(code) for code in COUNTRIES} == COUNTRIES
