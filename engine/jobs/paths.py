"""Where the sweep looks: for each way in which rows come to have work pending, an index that finds them.

What is next for a row is a long question about its facts. It is asked only of rows that an index has found, and of so
many as are wanted; history is never read. A path is searched for one provider at a time, whose clock is a value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, or_, select, text

from models.customer import RENEWING, WARNED_AHEAD, Service
from models.ending import ORDERING, TO_END, Ending
from models.ledger import SOMETHING_HELD, LedgerBalance
from models.pending_work import PENDING, PendingWork, there_is
from models.plan_change import IN_HAND, IN_REVIEW, OFFERED, UNWARNED, PlanChange

Among = Callable[[Any, Any], ColumnElement[bool]]


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """`among(tenant, clock)` are the rows of a provider that an index finds, in the `order` of the index where it has
    one. `by_date`: it leads to steps that a date brings, otherwise to those that had a message. `task`: to this one
    alone. `far`: to rows whose next attempt is further ahead than any pause (true), to others (false), to both."""

    row: type[Any]
    among: Among
    order: SQLColumnExpression[Any]
    by_date: bool = False
    task: str | None = None
    far: bool | None = None


def pending_paths(row: type[PendingWork], where: str = PENDING) -> tuple[Path, ...]:
    """Rows in the order of their next attempts; and those for which a clock that was set back has moved it far away."""
    columns: Any = row

    def pending(tenant: Any, clock: Any) -> ColumnElement[bool]:
        return and_(columns.provider_id == tenant, text(where))

    order = columns.next_attempt_at
    return Path(row, pending, order, far=False), Path(row, pending, order, far=True)


def _covered(tenant: Any, clock: Any) -> ColumnElement[bool]:
    """Nothing is held for most offers; money that has come for one is."""
    held = select(LedgerBalance.owner).where(LedgerBalance.provider_id == tenant, text(SOMETHING_HELD))
    return and_(
        PlanChange.provider_id == tenant, text(OFFERED), PlanChange.id.in_(held.correlate_except(LedgerBalance))
    )


def _offers(tenant: Any, clock: Any) -> ColumnElement[bool]:
    return and_(PlanChange.provider_id == tenant, text(OFFERED), PlanChange.payable_until <= clock)


def _reviews(tenant: Any, clock: Any) -> ColumnElement[bool]:
    return and_(PlanChange.provider_id == tenant, text(IN_REVIEW), PlanChange.review_until <= clock)


def _periods(tenant: Any, clock: Any) -> ColumnElement[bool]:
    return and_(Service.provider_id == tenant, text(RENEWING), Service.period_end <= clock)


def _to_warn(tenant: Any, clock: Any) -> ColumnElement[bool]:
    unwarned = select(PlanChange.service_id).where(
        PlanChange.provider_id == tenant, text(UNWARNED), PlanChange.effective_at <= clock + WARNED_AHEAD
    )
    return and_(Service.provider_id == tenant, text(RENEWING), Service.id.in_(unwarned.correlate_except(PlanChange)))


def _endings(tenant: Any, clock: Any) -> ColumnElement[bool]:
    over = select(Service.id).where(Service.id == Ending.service_id, Service.period_end <= clock)
    return and_(
        Ending.provider_id == tenant, text(TO_END), or_(Ending.at == "now", there_is(over.correlate_except(Service)))
    )


CHANGE_PATHS = (
    *pending_paths(PlanChange, IN_HAND),
    Path(PlanChange, _covered, PlanChange.next_attempt_at, task="plan_change.settle"),
    Path(PlanChange, _offers, PlanChange.payable_until, by_date=True),
    Path(PlanChange, _reviews, PlanChange.review_until, by_date=True),
)
RENEWAL_PATHS = (
    Path(Service, _periods, Service.period_end, by_date=True),
    Path(Service, _to_warn, Service.next_attempt_at, by_date=True),
)
ENDING_PATHS = (*pending_paths(Ending, ORDERING), Path(Ending, _endings, Ending.next_attempt_at, by_date=True))
