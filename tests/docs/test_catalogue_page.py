"""docs/catalogue.md against the models: every key of a catalogue, with its type and its default."""

from __future__ import annotations

import types
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

import pytest
from annotated_types import Ge, Le
from pydantic import BaseModel, BeforeValidator, StringConstraints
from pydantic.fields import FieldInfo

from domain.catalog import COUNTRY, PERCENT, SLUG, Catalog
from domain.catalog_file import NAMED_PRORATIONS, parse_catalog
from domain.catalog_problems import CatalogError
from domain.pricing.modes import Proration
from domain.pricing.priced import CHANGEABLE
from tests.support.pages import ROOT, blocks, spans, table

PAGE = "docs/catalogue.md"
ROWS = table(PAGE, "key", "type", "default", "meaning")
NAMES = {SLUG: "name", COUNTRY: "country", PERCENT: "percentage"}
LISTS = {
    "whole number": "list of whole numbers",
    "table": "tables",
    "text": "list of texts",
    "name": "list of names",
    "country": "list of countries",
}
MAPS = {
    "table": "tables by name",
    "texts": "texts by name",
    "whole number": "whole numbers by name",
    "whole numbers by name": "amounts by cycle and currency",
}
AMOUNTS = ("amounts", "setup_fees")


class Key(NamedTuple):
    name: str
    type: str
    default: str


def keys(model: type[BaseModel], path: str = "") -> Iterator[Key]:
    """In the order of the models; `NAME` stands for the name of one of many."""
    if model is Proration:
        yield Key(f"{path}preset", "preset", "–")
    for name, field in model.model_fields.items():
        key = f"{path}{field.alias or name}"
        inner = model_in(field.annotation)
        yield Key(key, type_of(name, field), default_of(field))
        if inner is not None:
            yield from keys(inner, f"{key}.NAME." if get_origin(field.annotation) is dict else f"{key}.")


def model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for inner in get_args(annotation) if (model := model_in(inner))), None)


def type_of(name: str, field: FieldInfo) -> str:
    if name == "proration":
        return "preset or table"
    if name == "state":
        return ", ".join(CHANGEABLE)
    if name in AMOUNTS:
        return "amounts by currency"
    return words(field.annotation, field.metadata)


def words(annotation: Any, metadata: Any = ()) -> str:
    """A type as the page writes it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        return words(annotation.__origin__, (*metadata, *annotation.__metadata__))
    if origin in (Union, types.UnionType):
        return words(arguments[0], metadata)
    if origin in (tuple, dict):
        return of_many(annotation, metadata)
    if origin is Literal or issubclass(annotation, StrEnum):
        return ", ".join(arguments or annotation)
    return "table" if issubclass(annotation, BaseModel) else of_one(annotation, metadata)


def of_many(annotation: Any, metadata: Any) -> str:
    if any(isinstance(one, BeforeValidator) for one in metadata):
        return "texts"
    inner = get_args(annotation)[-1 if get_origin(annotation) is dict else 0]
    return (LISTS if get_origin(annotation) is tuple else MAPS)[words(inner)]


def of_one(annotation: Any, metadata: Any) -> str:
    if annotation is int:
        return "whole number" + bounds(metadata)
    return "true or false" if annotation is bool else text(metadata)


def bounds(metadata: Any) -> str:
    least = [one.ge for one in metadata if isinstance(one, Ge)]
    most = [one.le for one in metadata if isinstance(one, Le)]
    return f", {least[0]} to {most[0]}" if least and most else ""


def text(metadata: Any) -> str:
    patterns = [one.pattern for one in metadata if isinstance(one, StringConstraints)]
    return NAMES.get(str(patterns[0]), "text") if patterns else "text"


def default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    if isinstance(field.default, BaseModel):
        return "as below"
    if field.default is None:
        return "–"
    if field.default in ((), {}):
        return "empty"
    if isinstance(field.default, tuple):
        return str(list(field.default))  # as TOML writes it
    return str(field.default).lower() if isinstance(field.default, bool) else str(field.default) or "empty"


def test_every_key_is_listed_with_its_type_and_default() -> None:
    assert [Key(*row[:3]) for row in ROWS] == list(keys(Catalog))


def test_every_key_has_a_meaning() -> None:
    assert [row[0] for row in ROWS if not row[3]] == []


def test_the_errors_that_are_shown_are_the_ones_that_are_told() -> None:
    dns = (ROOT / "catalogs" / "dns.toml").read_text(encoding="utf-8")
    broken = dns.replace("zones = 10,", "zones = -10,").replace('direction = "downgrade"', 'state = "trail"')
    with pytest.raises(CatalogError) as refused:
        parse_catalog(broken, "dns.toml")
    assert blocks(PAGE, "text") == [f"planshift: {refused.value}\n"]


def test_every_preset_is_named() -> None:
    assert set(NAMED_PRORATIONS) <= {word for span in spans(PAGE) for word in span.split()}
