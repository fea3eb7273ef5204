"""What every shape is made of: amounts, instants, ids, lists."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

Item = TypeVar("Item")


def told(description: str, *examples: Any, **rules: Any) -> Any:
    """A field that says what it is, with an example. Optional ones have null for an answer, and are always there."""
    return Field(description=description, examples=list(examples), **rules)


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class Shape(BaseModel):
    """What the API answers. A newer server may answer more: what is not known here is left out."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)


class Money(Shape):
    """A whole number of minor units: 1331 JPY is ¥1,331, 1331 USD is $13.31."""

    amount: int = told("Whole minor units, as ISO 4217 counts them for the currency.", 1331)
    currency: str = told("ISO 4217 code.", "JPY")


class Period(Shape):
    """Half-open: it includes its start and ends before its end."""

    start: Instant = told("The first instant of it.", "2027-06-30T15:00:00Z")
    end: Instant = told("The first instant after it.", "2027-07-31T15:00:00Z")


class Listed(Shape, Generic[Item]):
    """One page of a list, newest first."""

    items: list[Item] = told("The rows of this page.")
    next: str | None = told("Send it as `cursor` for the next page; null on the last one.", "svc_01k9")


class AllOf(Shape, Generic[Item]):
    """A list that has no pages."""

    items: list[Item] = told("Every row.")
