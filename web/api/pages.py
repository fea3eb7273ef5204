"""Cursor pagination: newest first, by the time-ordered id; and what may be asked in a query at all."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query, Request
from sqlalchemy import ColumnElement, Select
from sqlalchemy.orm import Session

from planshift_client.shapes import Listed, Shape
from web.api.bodies import Moment
from web.api.problems import Problem

View = TypeVar("View", bound=Shape)
Conditions = Callable[[Any], list[ColumnElement[bool]]]

Limit = Annotated[int, Query(ge=1, le=200, description="Rows of a page.")]
Since = Annotated[Moment | None, Query(description="Only from this instant on.")]
Until = Annotated[Moment | None, Query(description="Only before this instant.")]


@dataclass(frozen=True, slots=True)
class Page:
    """`limit` rows after `cursor`, which is the last id of the page before."""

    limit: int
    cursor: str | None


def paged(prefix: str) -> Callable[..., Page]:
    """A dependency: one page of rows whose ids begin with `prefix`."""
    # Made here, so that each list documents what its cursors look like; hence no postponed annotations in this file.
    Cursor = Annotated[
        str | None, Query(pattern=rf"^{prefix}_[0-9a-z]{{26}}$", description="`next` of the page before.")
    ]

    def page(limit: Limit = 50, cursor: Cursor = None) -> Page:
        return Page(limit, cursor)

    return page


def page_of(session: Session, query: Select[Any], row: Any, page: Page, view: Callable[[Any], View]) -> Listed[View]:
    """The rows of the page, and the cursor of the next one, if there is one."""
    if page.cursor is not None:
        query = query.where(row.id < page.cursor)
    rows = list(session.scalars(query.order_by(row.id.desc()).limit(page.limit + 1)))
    more = len(rows) > page.limit
    rows = rows[: page.limit]
    return Listed(items=[view(item) for item in rows], next=rows[-1].id if more else None)


def _during(since: Since = None, until: Until = None) -> Conditions:
    """The conditions of a time filter on a column; half-open."""

    def conditions(column: Any) -> list[ColumnElement[bool]]:
        found = [column >= since] if since else []
        return [*found, column < until] if until else found

    return conditions


During = Annotated[Conditions, Depends(_during)]


def known_query(request: Request) -> None:
    """A filter that we do not know would answer other rows than were asked for. Raises Problem 422."""
    paths = request.app.openapi()["paths"]
    operation = paths.get(request.scope["route"].path_format, {}).get(request.method.lower(), {})
    known = [parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
    unknown = sorted(set(request.query_params) - set(known))
    if unknown:
        choice = f"It takes {', '.join(known)}." if known else "It takes none."
        raise Problem("unknown_parameter", f"This route has no query parameter {', '.join(unknown)}. {choice}")
