"""Answers of the API held against its own OpenAPI document, wherever a test has one."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import httpx
import jsonschema_rs  # comes with schemathesis

from web.app import create_api

# Bodies whose form the document gives.
_JSON = ("application/json", "application/problem+json")


class Undocumented(AssertionError):
    """An answer that the document does not name, or not so."""


def check_documented(answer: httpx.Response) -> None:
    """Whether the document names this answer of this route, with this body. What is no route is nobody's answer.

    Raises Undocumented.
    """
    method, path = answer.request.method, answer.request.url.raw_path.decode().partition("?")[0]
    operation = operation_of(method, path)
    if operation is None:
        return
    about, told = f"{method} {operation} → {answer.status_code}", _document()["paths"][operation][method.lower()]
    status = next((key for key in _keys(answer.status_code) if key in told["responses"]), None)
    if status is None:
        raise Undocumented(f"{about}: the document has {sorted(told['responses'])}")
    content = told["responses"][status].get("content", {})
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    if answer.content and media_type not in content:
        raise Undocumented(f"{about}: {media_type} is none of {sorted(content)}")
    if answer.content and media_type in _JSON:
        for error in _validator(operation, method, status, media_type).iter_errors(answer.json()):
            raise Undocumented(f"{about}: {error.message}\n{answer.text[:2000]}")


def operation_of(method: str, path: str) -> str | None:
    """The documented path that a request went to."""
    for pattern, template in _patterns():
        if pattern.fullmatch(path) and method.lower() in _document()["paths"][template]:
            return template
    return None


def operations() -> set[tuple[str, str]]:
    """Every documented one, as method and path."""
    return {(method.upper(), path) for path, by_method in _document()["paths"].items() for method in by_method}


def _keys(status: int) -> tuple[str, ...]:
    return str(status), f"{status // 100}XX", "default"


@cache
def _document() -> dict[str, Any]:
    return create_api().openapi()


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Those without a parameter first, since a parameter matches what they say, too."""
    paths = sorted(_document()["paths"], key=lambda path: path.count("{"))
    return [(re.compile(re.sub(r"\\\{[^}]*\\\}|\{[^}]*\}", "[^/]+", re.escape(path))), path) for path in paths]


@cache
def _validator(operation: str, method: str, status: str, media_type: str) -> Any:
    told = _document()["paths"][operation][method.lower()]["responses"][status]["content"][media_type]
    schema = {**told.get("schema", {}), "components": _document()["components"]}
    return jsonschema_rs.validator_for(schema)
