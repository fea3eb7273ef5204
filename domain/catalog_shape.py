"""Values of the wrong shape in a catalogue: sentences for them, and what can still be checked beside them."""

import re
from collections.abc import Iterable
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from domain.catalog import COLOUR, COUNTRY, PERCENT, REASON_CODE, SLUG, Catalog
from domain.catalog_codes import no_country
from domain.catalog_problems import CatalogProblem, nearest, not_one_of
from domain.pricing.modes import Proration
from domain.web_addresses import ORIGIN, PAGE

Place = tuple[str | int, ...]

_EXPECTED = {
    "missing": "this key is needed here",
    "string_type": "a text in quotation marks was expected",
    "string_too_short": "a text that is not empty was expected",
    "string_too_long": "a text of at most {max_length} characters was expected",
    "int_type": "a whole number was expected",
    "int_parsing": "a whole number was expected",
    "int_from_float": "a whole number was expected",
    "bool_type": "true or false was expected",
    "bool_parsing": "true or false was expected",
    "dict_type": "a table was expected",
    "model_type": "a table was expected",
    "tuple_type": "a list was expected",
    "too_short": "a list that is not empty was expected",
    "greater_than_equal": "a number of at least {ge} was expected",
    "less_than_equal": "a number of at most {le} was expected",
}
PATTERNS = {
    SLUG: "a name of small letters, digits, - and _ was expected",
    PERCENT: 'a percentage such as "8.25" was expected',
    COLOUR: 'a colour such as "#1f4e79" was expected',
    PAGE: "an address such as https://shop.example/account was expected, https or of this machine",
    ORIGIN: "an origin such as https://shop.example was expected, https or of this machine, without a path",
    REASON_CODE: "a code of small letters, digits and _ was expected",
}


def shape_problem(details: Any) -> CatalogProblem:
    """What one error of pydantic means for the author of a catalogue."""
    place, kind, context = details["loc"], details["type"], details.get("ctx", {})
    key = ".".join(str(part) for part in place)
    if kind == "extra_forbidden":
        names = _keys_at(place)
        return CatalogProblem(key, f"no such key; the keys here are {', '.join(names)}", nearest(place[-1], names))
    if kind in ("enum", "literal_error"):
        return not_one_of(key, details["input"], re.findall(r"'([^']*)'", context["expected"]))
    if kind == "string_pattern_mismatch":
        pattern, given = context["pattern"], details["input"]
        if pattern == COUNTRY:
            return no_country(key, given)
        return CatalogProblem(key, f"{given!r} was found; {PATTERNS[pattern]}")
    return CatalogProblem(key, _EXPECTED.get(kind, details["msg"]).format_map(context).removeprefix("Value error, "))


def _keys_at(place: Place) -> list[str]:
    """The keys that the table around this place may have, by the names that authors write."""
    model = _model_around(place)
    return sorted(_fields(model)) + (["preset"] if model is Proration else [])


def _model_around(place: Place) -> type[BaseModel]:
    """The model whose field, or list or table of values, this place is in."""
    model: type[BaseModel] = Catalog
    parts = iter(place[:-1])
    for part in parts:
        annotation = _fields(model)[str(part)].annotation
        if get_origin(annotation) in (tuple, dict):
            next(parts, None)
        model = _model_in(annotation) or model
    return model


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model inside of optional values, lists and tables by name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for inner in get_args(annotation) if (model := _model_in(inner)) is not None), None)


def without_broken_parts(document: dict[str, Any], errors: Iterable[Any]) -> Catalog | None:
    """The catalogue without the values that have the wrong shape, so that the rest can be checked.

    What cannot be left out has something harmless in its place. None where too much is missing. Changes the document.
    """
    try:
        for error in sorted(errors, key=lambda error: error["type"] != "extra_forbidden"):
            _mend(document, error["loc"], error["type"])
        return Catalog.model_validate(document)
    except (KeyError, IndexError, TypeError, AttributeError, ValidationError):
        return None


def _mend(document: dict[str, Any], place: Place, kind: str) -> None:
    head: Any = place[0]
    if kind == "extra_forbidden" or _is_optional(place):
        _at(document, place[:-1]).pop(place[-1], None)
    elif head in _SECTIONS:
        document[head] = _SECTIONS[head]
    elif place[:2] == ("tax", "rates"):
        document["tax"]["rates"][place[2]] = {"code": f"rate-{place[2]}", "percent": "0", "label": "?"}
    elif head == "plans":
        document["plans"][place[1]] = _stand_in(document["plans"][place[1]], place[1], document.get("categories"))
    elif head in _PARTS:
        document[head][place[1]] = _PARTS[head]
    else:
        document[head].pop(place[1], None)


def _is_optional(place: Place) -> bool:
    """Whether the value may be left out: a key with a default, or one of a table of values."""
    field = _fields(_model_around(place)).get(str(place[-1]))
    return not field.is_required() if field else len(place) > 3 and isinstance(place[-1], str)


def _at(document: Any, place: Place) -> Any:
    for part in place:
        document = document[part]
    return document


# What takes the place of a broken part: it says nothing that a check could find wrong.
_SECTIONS: dict[str, Any] = {
    "provider": "provider",
    "name": "?",
    "timezone": "UTC",
    "locale": "en",
    "seller": {"name": "?", "country": "ES"},
}
_PARTS: dict[str, Any] = {
    "rules": {"outcome": "at_renewal"},
    "cycles": {"months": 1, "label": "?"},
    "discounts": {"percent": "0"},
    "categories": "?",
    "limit_names": "?",
}


def _stand_in(plan: dict[str, Any], index: str | int, categories: Any) -> dict[str, Any]:
    """A plan that is not sold, under the names that other parts call it by, and in a category that has a name."""
    category = next(iter(categories)) if isinstance(categories, dict) and categories else "category"
    names = {"id": f"plan-{index}", "category": category, "product": "product"}
    given = {key: plan[key] for key in names if re.fullmatch(SLUG, str(plan.get(key)))}
    return {"name": "?", "rank": index, "prices": {}, "sold": False} | names | given
