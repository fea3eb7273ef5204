"""Countries, locales and languages of a catalogue: that they exist, and which was meant where they do not."""

import re
from collections.abc import Iterable, Iterator
from functools import cache

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.languages import get_official_languages
from babel.localedata import locale_identifiers

from domain.catalog import Catalog, Texts
from domain.catalog_problems import CatalogProblem, nearest
from domain.countries import COUNTRIES

_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-(?P<region>[A-Z]{2}|\d{3}))?")


def code_problems(catalog: Catalog) -> Iterator[CatalogProblem]:
    """Every country and locale of the catalogue that does not exist, and every name without a text."""
    for key, country in _countries(catalog):
        if country not in COUNTRIES:
            yield no_country(key, country)
    if not _is_locale(catalog.locale):
        yield _no_locale("locale", catalog.locale)
    for key, texts in _texts(catalog):
        if not texts:
            yield CatalogProblem(key, "a text, or one for each language, was expected")
        for language in texts:
            if "-" in language or "_" in language or not _is_locale(language):
                yield _no_language(f"{key}.{language}", language)


def no_country(key: str, country: str) -> CatalogProblem:
    """The problem of a country that is not in ISO 3166; its English name and retired codes are understood."""
    expected = f"{country!r} is not a country; an ISO 3166 code of two letters was expected, such as ES"
    if country.upper() in COUNTRIES:
        return CatalogProblem(key, expected, country.upper())
    retired = get_global("territory_aliases").get(country.upper())
    if retired:
        return CatalogProblem(key, expected, retired[0])
    names = _codes_by_name()
    name = nearest(country, names)
    return CatalogProblem(key, expected, names[name] if name else None)


@cache
def _codes_by_name() -> dict[str, str]:
    territories = Locale("en").territories
    return {territories[code]: code for code in sorted(COUNTRIES)}


def _countries(catalog: Catalog) -> Iterator[tuple[str, str]]:
    yield "seller.country", catalog.seller.country
    for index, country in enumerate(catalog.tax.reverse_charge):
        yield f"tax.reverse_charge.{index}", country
    for index, rate in enumerate(catalog.tax.rates):
        if rate.country is not None:
            yield f"tax.rates.{index}.country", rate.country


def _texts(catalog: Catalog) -> Iterator[tuple[str, Texts]]:
    for name, cycle in catalog.cycles.items():
        yield f"cycles.{name}.label", cycle.label
    for name, texts in catalog.categories.items():
        yield f"categories.{name}", texts
    for name, texts in catalog.limit_names.items():
        yield f"limit_names.{name}", texts
    for index, rate in enumerate(catalog.tax.rates):
        yield f"tax.rates.{index}.label", rate.label
    if catalog.invoice.payment_instructions:
        yield "invoice.payment_instructions", catalog.invoice.payment_instructions
    for index, rule in enumerate(catalog.rules):
        if rule.reason is not None:
            yield f"rules.{index}.reason.text", rule.reason.text


def _is_locale(text: str) -> bool:
    """Whether the tag is well-formed (BCP 47: language, script, region) and known to CLDR."""
    match = _LOCALE.fullmatch(text)
    if match is None:
        return False
    try:
        locale = Locale.parse(text, sep="-")
    except (UnknownLocaleError, ValueError):
        return False
    region = match["region"]
    return region is None or region in COUNTRIES or (region.isdigit() and region in locale.territories)


def _no_locale(key: str, locale: str) -> CatalogProblem:
    expected = f"{locale!r} is not a locale; a language was expected, with or without a region, such as es or es-AR"
    known = [identifier.replace("_", "-") for identifier in locale_identifiers()]
    return CatalogProblem(key, expected, _language_of_country(locale) or nearest(locale.replace("_", "-"), known))


def _no_language(key: str, language: str) -> CatalogProblem:
    expected = f"{language!r} is not a language; texts are found by a language alone, such as es"
    first = re.split("[-_]", language)[0]
    meant = first if _is_locale(first) else _language_of_country(language) or nearest(language, _languages())
    return CatalogProblem(key, expected, meant)


def _languages() -> Iterable[str]:
    return (identifier for identifier in locale_identifiers() if "_" not in identifier)


def _language_of_country(code: str) -> str | None:
    """jp and cz are countries; whoever writes one means the language that is spoken there."""
    languages = get_official_languages(code.upper()) if code.upper() in COUNTRIES else ()
    return languages[0] if languages else None
