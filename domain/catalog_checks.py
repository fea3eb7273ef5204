"""What a catalogue must satisfy beyond the shape of its values: references, prices, ranks, reachable rules."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.catalog import Catalog, Outcome, Rule
from domain.money import UnknownCurrency, exponent
from domain.pricing.modes import Fraction

MATCH_KEYS = ("from_plan", "to_plan", "from_category", "to_category", "category", "cycle", "direction", "state")
Problem = tuple[str, str]


def problems_of(catalog: Catalog) -> list[Problem]:
    """Every (dotted key, what was expected) that is wrong; empty for a sound catalogue."""
    checks = (_zone, _currencies, _plans, _prices, _ranks, _discounts, _rules, _unreachable)
    return [problem for check in checks for problem in check(catalog)]


def _zone(catalog: Catalog) -> Iterator[Problem]:
    try:
        ZoneInfo(catalog.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield "timezone", f"{catalog.timezone!r} does not exist; use an IANA name such as Asia/Tokyo"


def _currencies(catalog: Catalog) -> Iterator[Problem]:
    for index, currency in enumerate(catalog.currencies):
        try:
            exponent(currency)
        except UnknownCurrency as error:
            yield f"currencies.{index}", str(error)


def _plans(catalog: Catalog) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, plan in enumerate(catalog.plans):
        if plan.id in seen:
            yield f"plans.{index}.id", f"{plan.id!r} is used twice; give each plan its own id"
        seen.add(plan.id)
        for limit in plan.limits:
            if limit not in catalog.limit_names:
                yield f"plans.{index}.limits.{limit}", f"name this limit for sentences: limit_names.{limit}"


def _prices(catalog: Catalog) -> Iterator[Problem]:
    for index, plan in enumerate(catalog.plans):
        for cycle, amounts in plan.prices.items():
            key = f"plans.{index}.prices.{cycle}"
            if cycle not in catalog.cycles:
                yield key, f"{cycle!r} is not one of the cycles {', '.join(catalog.cycles)}"
            for currency in amounts:
                if currency not in catalog.currencies:
                    yield f"{key}.{currency}", f"{currency} is not one of currencies"
            for currency in catalog.currencies:
                if plan.sold and currency not in amounts:
                    yield f"{key}.{currency}", f"a price for {plan.id} in {currency} was expected, or sold = false"
        if plan.sold and not plan.prices:
            yield f"plans.{index}.prices", "a plan that is sold needs the price of at least one cycle"


def _ranks(catalog: Catalog) -> Iterator[Problem]:
    seen: dict[tuple[str, int], str] = {}
    for index, plan in enumerate(catalog.plans):
        other = seen.setdefault((plan.category, plan.rank), plan.id)
        if other != plan.id:
            yield (
                f"plans.{index}.rank",
                f"{plan.id} and {other} have one rank in {plan.category}; ranks decide what is an upgrade",
            )


def _discounts(catalog: Catalog) -> Iterator[Problem]:
    for name, discount in catalog.discounts.items():
        if (discount.percent is None) is (not discount.amounts):
            yield f"discounts.{name}", "either percent or amounts was expected"
        for plan in discount.plans:
            if catalog.plan(plan) is None:
                yield f"discounts.{name}.plans", f"{plan!r} is not a plan of this catalogue"


def _rules(catalog: Catalog) -> Iterator[Problem]:
    categories = {plan.category for plan in catalog.plans}
    for index, rule in enumerate(catalog.rules):
        for key, value, known in (
            ("from", rule.from_plan, {plan.id for plan in catalog.plans}),
            ("to", rule.to_plan, {plan.id for plan in catalog.plans}),
            ("from_category", rule.from_category, categories),
            ("to_category", rule.to_category, categories),
        ):
            if value is not None and value not in known:
                yield f"rules.{index}.{key}", f"{value!r} is not one of {', '.join(sorted(known))}"
        yield from ((f"rules.{index}.{key}", sentence) for key, sentence in _outcome(rule))


def _outcome(rule: Rule) -> Iterator[Problem]:
    charges = rule.outcome in (Outcome.NOW, Outcome.MANUAL_REVIEW)
    if charges and rule.proration is None:
        yield "proration", f"a change with outcome {rule.outcome} needs a preset or a table of axes"
    if not charges and rule.proration is not None:
        yield "proration", f"a change with outcome {rule.outcome} is not prorated; remove this"
    if rule.outcome is Outcome.FORBIDDEN and rule.reason is None:
        yield "reason", "a forbidden change needs a reason: a code and a sentence per language"
    if rule.reason is not None and "en" not in rule.reason.text:
        yield "reason.text", "a sentence in English (en) was expected beside the other languages"
    if rule.proration is None:
        return
    if rule.cycle == "same":
        return
    if rule.proration.fraction is Fraction.WHOLE:
        yield "cycle", 'the full price difference compares prices of one cycle; write cycle = "same"'
    if rule.proration.fraction is Fraction.ZERO:
        yield "cycle", 'without money the cycle changes at renewal; write cycle = "same" or outcome = "at_renewal"'


def _unreachable(catalog: Catalog) -> Iterator[Problem]:
    for later, rule in enumerate(catalog.rules):
        for earlier in range(later):
            if _covers(catalog.rules[earlier], rule, catalog):
                yield f"rules.{later}", f"this rule can never be reached: rule {earlier} matches everything it matches"
                break


def _covers(wide: Rule, narrow: Rule, catalog: Catalog) -> bool:
    """Whether every change that `narrow` matches is matched by `wide`."""
    return all(getattr(wide, key) is None or getattr(wide, key) in _implied(narrow, key, catalog) for key in MATCH_KEYS)


def _implied(rule: Rule, key: str, catalog: Catalog) -> tuple[object, ...]:
    """Values of a key that hold for everything the rule matches."""
    value = getattr(rule, key)
    implied: list[object] = [value] if value is not None else []
    if key == "cycle" and value in ("longer", "shorter"):
        implied.append("other")
    if key == "cycle" and rule.direction == "cycle":
        implied.append("other")
    if key in ("from_category", "to_category"):
        named = catalog.plan(getattr(rule, key.replace("category", "plan")) or "")
        implied += [named.category] if named else []
    if key == "category":
        ends = (_implied(rule, "from_category", catalog), _implied(rule, "to_category", catalog))
        if rule.direction == "cycle":
            implied.append("same")
        if all(ends):
            implied.append("same" if ends[0] == ends[1] else "other")
    return tuple(implied)
