"""Which way a change goes and which rule of the catalogue decides it."""

from typing import NamedTuple

from domain.catalog import Catalog, Direction, Outcome, Plan, Reason, Rule
from domain.errors import NoRule
from domain.pricing.modes import Proration


class Situation(NamedTuple):
    """A wanted change as the rules see it: prices of one unit in minor units, cycles in months."""

    from_plan: Plan
    to_plan: Plan
    from_months: int
    to_months: int
    from_price: int
    to_price: int
    from_quantity: int
    to_quantity: int
    state: str


class Decision(NamedTuple):
    """What the first matching rule says; `rule` is its place in the catalogue, counted from 0."""

    direction: Direction
    outcome: Outcome
    proration: Proration | None
    reason: Reason | None
    rule: int


def direction_of(situation: Situation) -> Direction:
    """By rank for so many units in one category, by quantity for one and the same plan, else by the price of a year."""
    old, new = situation.from_plan, situation.to_plan
    if old.id == new.id:
        if situation.from_months != situation.to_months:
            return Direction.CYCLE
        return _compared(situation.from_quantity, situation.to_quantity)
    if old.category == new.category and situation.from_quantity == situation.to_quantity:
        return _compared(old.rank, new.rank)
    return _compared(
        situation.from_price * situation.from_quantity * situation.to_months,
        situation.to_price * situation.to_quantity * situation.from_months,
    )


def _compared(old: int, new: int) -> Direction:
    if old == new:
        return Direction.LATERAL
    return Direction.UPGRADE if new > old else Direction.DOWNGRADE


def decide(catalog: Catalog, situation: Situation) -> Decision:
    """The first rule that matches. Raises NoRule."""
    direction = direction_of(situation)
    for index, rule in enumerate(catalog.rules):
        if _matches(rule, situation, direction):
            return Decision(rule.counts_as or direction, rule.outcome, rule.proration, rule.reason, index)
    raise NoRule(
        f"the catalogue has no rule for a change from {situation.from_plan.id} to {situation.to_plan.id}; "
        "ask the provider's staff"
    )


def _matches(rule: Rule, situation: Situation, direction: Direction) -> bool:
    old, new = situation.from_plan, situation.to_plan
    same = "same" if old.category == new.category else "other"
    return (
        rule.direction in (None, direction)
        and rule.category in (None, same)
        and _cycle_matches(rule, situation)
        and rule.from_plan in (None, old.id)
        and rule.to_plan in (None, new.id)
        and rule.from_category in (None, old.category)
        and rule.to_category in (None, new.category)
        and rule.state in (None, situation.state)
    )


def _cycle_matches(rule: Rule, situation: Situation) -> bool:
    if rule.cycle is None:
        return True
    difference = situation.to_months - situation.from_months
    if rule.cycle == "same":
        return difference == 0
    if rule.cycle == "other":
        return difference != 0
    return difference > 0 if rule.cycle == "longer" else difference < 0
