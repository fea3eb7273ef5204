"""Cursor pagination: newest first, by the time-ordered id or by the date that is asked for; and what may be asked in a
query at all."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query, Request
from fastapi.dependencies.models import Dependant
from sqlalchemy import ColumnElement, Select, false, select, tuple_
from sqlalchemy.orm import Session

from domain.texts import UnfitText, check_text
from planshift_client.shapes import Listed, Shape
from web.api.fields import Moment
from web.api.problems import Problem

View = TypeVar("View", bound=Shape)

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


@dataclass(frozen=True, slots=True)
class Span:
    """Rows of this time, half-open; of all times where neither end is given."""

    since: datetime | None
    until: datetime | None

    def of(self, column: Any) -> list[ColumnElement[bool]]:
        """The conditions on a column."""
        found = [column >= self.since] if self.since else []
        return [*found, column < self.until] if self.until else found

    def order(self, column: Any) -> Any:
        """What the list is sorted by: this column if it is filtered by it, and an index begins where the time does."""
        return column if self.since or self.until else None


def page_of(
    session: Session,
    query: Select[Any],
    row: Any,
    page: Page,
    views: Callable[[list[Any]], list[View]],
    order: Any = None,
) -> Listed[View]:
    """The page, and the cursor of the next one, if there is one. `views` gets all of its rows at once: what they show
    besides themselves is read for all of them, and not for each. Newest first, by the column `order` where it is given.
    """
    columns = [row.id] if order is None else [order, row.id]
    if page.cursor is not None:
        query = query.where(_after(session, columns, row.id, page.cursor))
    rows = list(session.scalars(query.order_by(*(column.desc() for column in columns)).limit(page.limit + 1)))
    more = len(rows) > page.limit
    rows = rows[: page.limit]
    return Listed(items=views(rows), next=rows[-1].id if more else None)


def _after(session: Session, columns: list[Any], row_id: Any, cursor: str) -> ColumnElement[bool]:
    """The rows behind the cursor's in this order."""
    if len(columns) == 1:
        return row_id < cursor  # type: ignore[no-any-return]  # a column
    last = session.execute(select(*columns).where(row_id == cursor)).one_or_none()
    return tuple_(*columns) < tuple(last) if last else false()


def each(view: Callable[[Any], View]) -> Callable[[list[Any]], list[View]]:
    """Of rows that show nothing besides themselves."""
    return lambda rows: [view(row) for row in rows]


def _during(since: Since = None, until: Until = None) -> Span:
    return Span(since, until)


During = Annotated[Span, Depends(_during)]


def _query_names(dependant: Dependant) -> list[str]:
    """What a route and all that it depends on take. Not from the OpenAPI document: to make that takes a second, which
    every process would take of its first customers."""
    own = [field.alias for field in dependant.query_params]
    return own + [name for part in dependant.dependencies for name in _query_names(part)]


def check_address(request: Request) -> None:
    """A filter that we do not know would answer other rows than were asked for; and no row has a name that cannot be
    written. Raises Problem 422."""
    known = _query_names(request.scope["route"].dependant)
    unknown = sorted(set(request.query_params) - set(known))
    for name, text in [*request.query_params.multi_items(), *request.path_params.items()]:
        try:
            check_text(str(text))
        except UnfitText as error:
            raise Problem("invalid_request", f"{name}: {error}.") from error
    if unknown:
        choice = f"It takes {', '.join(known)}." if known else "It takes none."
        raise Problem("unknown_parameter", f"This route has no query parameter {', '.join(unknown)}. {choice}")
