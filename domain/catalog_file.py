"""From a TOML file to a checked catalogue. All errors are reported at once: file, key and what was expected."""

import tomllib
from typing import Any

from pydantic import ValidationError

from domain.catalog import Catalog
from domain.catalog_checks import Problem, problems_of
from domain.money import Money, NotAnAmount, UnknownCurrency
from domain.peers.modes import PEER_PRESETS
from domain.pricing.modes import PRESETS

NAMED_PRORATIONS = PRESETS | PEER_PRESETS

_CURRENCY_MAPS = ("setup_fees", "amounts")


class CatalogError(ValueError):
    """The catalogue cannot be used; each line says the file, the key and what was expected there."""

    def __init__(self, source: str, problems: list[Problem]) -> None:
        self.source = source
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{source}: {key}: {expected}" for key, expected in problems))


def parse_catalog(text: str, source: str) -> Catalog:
    """The catalogue in this TOML text; money is written in major units as strings ("12.00"). Raises CatalogError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogError(source, [("(file)", f"valid TOML was expected: {error}")]) from None
    problems: list[Problem] = []
    _convert_money(document, problems)
    _convert_prorations(document, problems)
    try:
        catalog = Catalog.model_validate(document)
        _add(problems, problems_of(catalog))
    except ValidationError as error:
        _add(problems, [_problem_of(details) for details in error.errors()])
    if problems:
        raise CatalogError(source, problems)
    return catalog


def _add(problems: list[Problem], found: list[Problem]) -> None:
    """The first problem of a key explains it best; what follows from it is left out."""
    known = {key for key, _ in problems}
    problems += [problem for problem in found if problem[0] not in known]


def _problem_of(details: Any) -> Problem:
    return ".".join(str(part) for part in details["loc"]), str(details["msg"]).removeprefix("Value error, ")


def _convert_money(node: Any, problems: list[Problem], path: str = "") -> None:
    """Turn every map from currency to text into minor units, in place."""
    if isinstance(node, list):
        for index, item in enumerate(node):
            _convert_money(item, problems, f"{path}.{index}")
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        here = f"{path}.{key}".lstrip(".")
        if key == "prices" and isinstance(value, dict):
            for cycle, amounts in value.items():
                _convert_amounts(amounts, problems, f"{here}.{cycle}")
        elif key in _CURRENCY_MAPS:
            _convert_amounts(value, problems, here)
        else:
            _convert_money(value, problems, here)


def _convert_amounts(amounts: Any, problems: list[Problem], path: str) -> None:
    if not isinstance(amounts, dict):
        return
    for currency, text in amounts.items():
        try:
            if not isinstance(text, str):
                raise NotAnAmount('an amount in quotation marks was expected, such as "12.00"')
            money = Money.parse_major(text, currency)
            if money.amount < 0:
                raise NotAnAmount("an amount of zero or more was expected")
            amounts[currency] = money.amount
        except (NotAnAmount, UnknownCurrency) as error:
            problems.append((f"{path}.{currency}", str(error)))
            amounts[currency] = 0


def _convert_prorations(document: dict[str, Any], problems: list[Problem]) -> None:
    """Replace preset names by their axes; a table may start from a preset and change some axes."""
    rules = document.get("rules")
    for index, rule in enumerate(rules if isinstance(rules, list) else []):
        if not isinstance(rule, dict) or "proration" not in rule:
            continue
        given = rule["proration"]
        axes = {"preset": given} if isinstance(given, str) else given
        if not isinstance(axes, dict) or "preset" not in axes:
            continue
        preset = NAMED_PRORATIONS.get(axes["preset"])
        if preset is None:
            names = ", ".join(sorted(NAMED_PRORATIONS))
            problems.append((f"rules.{index}.proration", f"{axes['preset']!r} is no preset; choose one of {names}"))
            del rule["proration"]
            continue
        others = {axis: value for axis, value in axes.items() if axis != "preset"}
        rule["proration"] = preset.model_dump(mode="json", exclude_none=True) | others
