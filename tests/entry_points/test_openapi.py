"""The OpenAPI document: what a typed client is made from."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx

from web.app import create_api


@cache
def document() -> dict[str, Any]:
    return create_api().openapi()


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, by_method in document()["paths"].items():
        for method, operation in by_method.items():
            yield f"{method} {path}", operation


def successes(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            yield from answer.get("content", {}).values()


def test_every_answer_has_a_schema() -> None:
    without = [name for name, operation in operations() if not all(one["schema"] for one in successes(operation))]
    assert without == []
    redirects = [name for name, operation in operations() if not list(successes(operation))]
    assert redirects == ["get /v1/invoices/{invoice_id}/pdf"]


def test_every_error_is_the_one_problem_document() -> None:
    problem = {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
    for name, operation in operations():
        errors = {status: answer["content"] for status, answer in operation["responses"].items() if status[0] in "45"}
        assert set(errors) == {"4XX", "5XX"}, name
        assert all(list(content.values()) == [problem] for content in errors.values()), name


def test_operations_have_short_names_of_their_own() -> None:
    ids = [operation["operationId"] for _, operation in operations()]
    assert len(set(ids)) == len(ids)
    assert all(len(name) <= 30 for name in ids)


def properties() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, schema in document()["components"]["schemas"].items():
        for key, value in schema.get("properties", {}).items():
            yield f"{name}.{key}", value


def is_plain(value: dict[str, Any]) -> bool:
    """Neither another shape nor a list of one: those have their examples inside."""
    return "$ref" not in json.dumps(value)


def test_every_property_is_described_and_has_an_example() -> None:
    assert [name for name, value in properties() if "description" not in value] == []
    assert [name for name, value in properties() if is_plain(value) and "examples" not in value] == []


def test_every_route_and_parameter_is_described() -> None:
    for name, operation in operations():
        assert operation["description"], name
        silent = [one["name"] for one in operation.get("parameters", []) if "description" not in one]
        assert silent == [], name


def test_no_request_waits_for_the_document() -> None:
    """Its first reader makes it; whoever calls another route of a process that has just begun does not."""
    api = create_api()

    async def ask() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://planshift") as client:
            return (await client.get("/v1/services?colour=red")).status_code

    assert asyncio.run(ask()) == 422
    assert api.openapi_schema is None
