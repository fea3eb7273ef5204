"""Cursor pagination: newest first, by the time-ordered id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Query
from sqlalchemy import Select
from sqlalchemy.orm import Session


class Page:
    """`limit` rows after `cursor`, which is the last id of the page before."""

    def __init__(
        self,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, Query(max_length=64)] = None,
    ) -> None:
        self.limit, self.cursor = limit, cursor


Paged = Annotated[Page, Depends()]


def page_of(
    session: Session, query: Select[Any], row: Any, page: Page, view: Callable[[Any], dict[str, Any]]
) -> dict[str, Any]:
    """`{"items": […], "next": cursor or null}`."""
    if page.cursor is not None:
        query = query.where(row.id < page.cursor)
    rows = list(session.scalars(query.order_by(row.id.desc()).limit(page.limit + 1)))
    more = len(rows) > page.limit
    rows = rows[: page.limit]
    return {"items": [view(item) for item in rows], "next": rows[-1].id if more else None}
