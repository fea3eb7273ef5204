"""From a TOML file to a checked catalogue. All errors are reported at once: file, line, key and what was expected."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from pydantic import ValidationError

from domain.catalog import Catalog
from domain.catalog_checks import problems_of_parts, problems_of_whole
from domain.catalog_problems import CatalogError, CatalogProblem, nearest
from domain.catalog_shape import shape_problem, without_broken_parts
from domain.currencies import CURRENCIES
from domain.money import Money, NotAnAmount, UnknownCurrency
from domain.peers.modes import PEER_PRESETS
from domain.pricing.modes import PRESETS
from domain.toml_lines import line_of, lines_of

NAMED_PRORATIONS = PRESETS | PEER_PRESETS

_CURRENCY_MAPS = ("setup_fees", "amounts")


def parse_catalog(text: str, source: str) -> Catalog:
    """The catalogue in this TOML text; money is written in major units as strings ("12.00"). Raises CatalogError."""
    try:
        document = tomllib.loads(text.removeprefix("\ufeff"))  # some editors begin a file with a byte order mark
    except tomllib.TOMLDecodeError as error:
        raise CatalogError([_no_toml(error, text, source)]) from None
    problems: list[CatalogProblem] = []
    _convert_money(document, problems)
    _convert_prorations(document, problems)
    _convert_instants(document)
    plans = _plan_ids(document)
    catalog = _checked(document, problems)
    if catalog is None or problems:
        raise CatalogError(_placed(problems, text, source, plans))
    return catalog


def _no_toml(error: tomllib.TOMLDecodeError, text: str, source: str) -> CatalogProblem:
    found = re.search(r" \(at line (\d+), column \d+\)$", str(error))
    line = int(found[1]) if found else text.count("\n") + 1
    return CatalogProblem("(file)", f"valid TOML was expected: {error}", file=source, line=line)


def _checked(document: dict[str, Any], problems: list[CatalogProblem]) -> Catalog | None:
    """The catalogue, if the document has its shape. What is found wrong is added to the problems."""
    try:
        catalog = Catalog.model_validate(document)
    except ValidationError as error:
        _add(problems, map(shape_problem, error.errors()))
        rest = without_broken_parts(document, error.errors())
        _add(problems, problems_of_parts(rest) if rest else [])
        return None
    _add(problems, problems_of_parts(catalog))
    _add(problems, problems_of_whole(catalog))
    return catalog


def _add(problems: list[CatalogProblem], found: Iterable[CatalogProblem]) -> None:
    """The first problem of a key explains it best; what follows from it for the same table or value is left out."""
    known = [problem.key for problem in problems]
    problems += [problem for problem in found if not any(_within(problem.key, key) for key in known)]


def _within(one: str, other: str) -> bool:
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def _plan_ids(document: dict[str, Any]) -> dict[str, str]:
    """The ids of the plans by their dotted keys, as far as they are written."""
    plans = document.get("plans")
    return {
        f"plans.{index}": plan["id"]
        for index, plan in enumerate(plans if isinstance(plans, list) else [])
        if isinstance(plan, dict) and isinstance(plan.get("id"), str)
    }


def _placed(problems: list[CatalogProblem], text: str, source: str, plans: dict[str, str]) -> Iterable[CatalogProblem]:
    """In the order of the file, each with its line and the plan that it is about."""
    lines = lines_of(text)
    placed = [
        problem._replace(
            file=source,
            line=line_of(lines, problem.key),
            plan=plans.get(".".join(problem.key.split(".")[:2])),
        )
        for problem in problems
    ]
    return sorted(placed, key=lambda problem: problem.line or 0)


def _convert_money(document: dict[str, Any], problems: list[CatalogProblem]) -> None:
    """Turn every map from currency to text into minor units, in place."""
    currencies = document.get("currencies")
    sold = [str(currency) for currency in currencies] if isinstance(currencies, list) else []
    for path, amounts in list(_currency_maps(document)):
        for currency, text in amounts.items():
            try:
                amounts[currency] = _minor_units(text, currency)
            except (NotAnAmount, UnknownCurrency) as error:
                unknown = isinstance(error, UnknownCurrency)
                meant = (
                    nearest(currency, sold) or nearest(currency, CURRENCIES) if unknown else _pointed(text, currency)
                )
                problems.append(CatalogProblem(f"{path}.{currency}", str(error), meant))
                amounts[currency] = 0


def _currency_maps(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every table of amounts by currency, with its dotted key."""
    for key, value in _children(node):
        here = f"{path}.{key}".lstrip(".")
        if key == "prices":
            tables = ((f"{here}.{cycle}", amounts) for cycle, amounts in _children(value))
            yield from (table for table in tables if isinstance(table[1], dict))
        elif key not in _CURRENCY_MAPS:
            yield from _currency_maps(value, here)
        elif isinstance(value, dict):
            yield here, value


def _children(node: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(node, dict):
        return node.items()
    return enumerate(node) if isinstance(node, list) else ()


def _minor_units(text: Any, currency: str) -> int:
    """Raises NotAnAmount, UnknownCurrency."""
    if not isinstance(text, str):
        raise NotAnAmount('an amount in quotation marks was expected, such as "12.00"')
    money = Money.parse_major(text, currency)
    if money.amount < 0:
        raise NotAnAmount("an amount of zero or more was expected")
    return money.amount


def _pointed(text: Any, currency: str) -> str | None:
    """What was meant by 5,00."""
    if not isinstance(text, str) or "," not in text:
        return None
    pointed = text.replace(",", ".")
    try:
        return pointed if _minor_units(pointed, currency) else None
    except NotAnAmount:
        return None


def _convert_prorations(document: dict[str, Any], problems: list[CatalogProblem]) -> None:
    """Replace preset names by their axes; a table may start from a preset and change some axes."""
    rules = document.get("rules")
    for index, rule in enumerate(rules if isinstance(rules, list) else []):
        if not isinstance(rule, dict) or "proration" not in rule:
            continue
        given = rule["proration"]
        axes = {"preset": given} if isinstance(given, str) else given
        if not isinstance(axes, dict) or "preset" not in axes:
            continue
        name = str(axes["preset"])
        preset = NAMED_PRORATIONS.get(name)
        if preset is None:
            expected = f"{name!r} is no preset; choose one of {', '.join(sorted(NAMED_PRORATIONS))}"
            problems.append(CatalogProblem(f"rules.{index}.proration", expected, nearest(name, NAMED_PRORATIONS)))
            del rule["proration"]
            continue
        others = {axis: value for axis, value in axes.items() if axis != "preset"}
        rule["proration"] = preset.model_dump() | others


def _convert_instants(document: dict[str, Any]) -> None:
    """`until` may be written as TOML's own date and time, too."""
    discounts = document.get("discounts")
    for discount in discounts.values() if isinstance(discounts, dict) else ():
        if isinstance(discount, dict) and isinstance(discount.get("until"), date):
            discount["until"] = discount["until"].isoformat()
