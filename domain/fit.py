"""Whether what a customer uses fits the target plan, and what to reduce by how much."""

from collections.abc import Mapping
from typing import TypedDict

from domain.catalog import Catalog, Plan, in_language
from domain.errors import OverLimit


class Excess(TypedDict):
    """One limit that is exceeded."""

    used: int
    limit: int
    reduce_by: int


def over_limits(plan: Plan, quantity: int, usage: Mapping[str, int]) -> dict[str, Excess]:
    """Each limit that the usage exceeds; a plan's limits count per unit. Usage that the plan does not limit fits."""
    return {
        name: Excess(used=usage[name], limit=limit * quantity, reduce_by=usage[name] - limit * quantity)
        for name, limit in plan.limits.items()
        if usage.get(name, 0) > limit * quantity
    }


def check_fit(catalog: Catalog, plan: Plan, quantity: int, usage: Mapping[str, int]) -> None:
    """Raises OverLimit with everything there is to reduce."""
    limits = over_limits(plan, quantity, usage)
    if not limits:
        return
    parts = [
        f"{in_language(catalog.limit_names.get(name, {'en': name}), 'en')}: {excess['used']} used, "
        f"{excess['limit']} allowed, remove {excess['reduce_by']}"
        for name, excess in limits.items()
    ]
    raise OverLimit(f"{plan.name} is too small for what is used now. {'; '.join(parts)}.", plan=plan.id, limits=limits)
