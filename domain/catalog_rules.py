"""What the rules of a catalogue must satisfy: each can match something, and together they decide every change."""

from collections.abc import Iterator
from itertools import product

from domain.catalog import Catalog, Direction, Outcome, Plan, Rule
from domain.catalog_problems import CatalogProblem, not_one_of
from domain.errors import NoRule
from domain.policy import Situation, decide, direction_of
from domain.pricing.modes import Fraction
from domain.pricing.priced import CHANGEABLE

MATCH_KEYS = ("from_plan", "to_plan", "from_category", "to_category", "category", "cycle", "direction", "state")
Offer = tuple[Plan, str]


def rule_problems(catalog: Catalog) -> Iterator[CatalogProblem]:
    """What is wrong inside each rule: names that do not exist, an outcome without what it needs."""
    plans, categories = [plan.id for plan in catalog.plans], {plan.category for plan in catalog.plans}
    for index, rule in enumerate(catalog.rules):
        for key, value, known in (
            ("from", rule.from_plan, plans),
            ("to", rule.to_plan, plans),
            ("from_category", rule.from_category, categories),
            ("to_category", rule.to_category, categories),
        ):
            if value is not None and value not in known:
                yield not_one_of(f"rules.{index}.{key}", value, known)
        if rule.state is not None and rule.state not in CHANGEABLE:
            yield _no_state(f"rules.{index}.state", rule.state)
        for key, sentence in (*_outcome(rule), *_contradictions(rule, catalog)):
            yield CatalogProblem(f"rules.{index}.{key}", sentence)


def _no_state(key: str, state: str) -> CatalogProblem:
    """A service that is not active changes no plan, and a trial is not a status: such a rule would never match."""
    known = ", ".join(CHANGEABLE)
    sentence = f"{state!r} is not one of {known}: no other service changes its plan, and trials are the host system's"
    return CatalogProblem(key, sentence, CHANGEABLE[0].value)


def _outcome(rule: Rule) -> Iterator[tuple[str, str]]:
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


def _contradictions(rule: Rule, catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Keys that exclude each other, so that the rule can never match."""
    for key, end in (("from_category", rule.from_plan), ("to_category", rule.to_plan)):
        plan, category = catalog.plan(end) if end else None, getattr(rule, key)
        if plan is not None and category is not None and plan.category != category:
            yield key, f"{plan.id} is in the category {plan.category}, so this rule can never match"
    implied = _implied(rule.model_copy(update={"category": None}), "category", catalog)
    if rule.category is not None and implied and rule.category not in implied:
        yield "category", f"the other keys of this rule imply {implied[0]!r}, so it can never match"
    if rule.direction is Direction.CYCLE and rule.cycle == "same":
        yield "cycle", 'direction = "cycle" is a change of the cycle, so this rule can never match'
    if rule.direction is Direction.CYCLE and rule.from_plan and rule.to_plan and rule.from_plan != rule.to_plan:
        yield "to", f'direction = "cycle" keeps the plan {rule.from_plan}, so this rule can never match'


def unreachable_rules(catalog: Catalog) -> Iterator[CatalogProblem]:
    """Rules that come after one that matches everything they match."""
    for later, rule in enumerate(catalog.rules):
        for earlier in range(later):
            if _covers(catalog.rules[earlier], rule, catalog):
                sentence = f"this rule can never be reached: rules.{earlier} matches everything it matches"
                yield CatalogProblem(f"rules.{later}", sentence)
                break


def _covers(wide: Rule, narrow: Rule, catalog: Catalog) -> bool:
    """Whether every change that `narrow` matches is matched by `wide`."""
    return all(getattr(wide, key) is None or getattr(wide, key) in _implied(narrow, key, catalog) for key in MATCH_KEYS)


def _implied(rule: Rule, key: str, catalog: Catalog) -> tuple[object, ...]:
    """Values of a key that hold for everything the rule matches."""
    value = getattr(rule, key)
    implied: list[object] = [value] if value is not None else []
    match key:
        case "state":
            implied += CHANGEABLE  # the only one there is, so that to name it matches everything
        case "cycle" if value in ("longer", "shorter") or rule.direction == "cycle":
            implied.append("other")
        case "from_category" | "to_category":
            named = getattr(rule, key.replace("category", "plan"))
            implied += [plan.category for plan in catalog.plans if plan.id == named]
        case "category":
            ends = (_implied(rule, "from_category", catalog), _implied(rule, "to_category", catalog))
            if rule.direction == "cycle":
                implied.append("same")
            if all(ends):
                implied.append("same" if ends[0] == ends[1] else "other")
    return tuple(implied)


def undecided_changes(catalog: Catalog) -> Iterator[CatalogProblem]:
    """One problem for each direction in which no rule decides a change between plans and cycles that are sold."""
    if not catalog.rules:
        yield CatalogProblem("rules", "no change is decided without rules; write at least one [[rules]]")
        return
    undecided: dict[Direction, dict[str, None]] = {}
    for situation, name in _situations(catalog):
        try:
            decide(catalog, situation)
        except NoRule:
            undecided.setdefault(direction_of(situation), {})[name] = None
    for direction, names in undecided.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        example = f"{next(iter(names))}{more}"
        yield CatalogProblem(
            "rules", f"no rule decides a change of direction {direction}: {example}; add a rule for it"
        )


def _situations(catalog: Catalog) -> Iterator[tuple[Situation, str]]:
    """Every change between what is sold, and more or fewer units of one plan, with a name for people."""
    offers = [(plan, cycle) for plan in catalog.plans if plan.sold for cycle in plan.prices if cycle in catalog.cycles]
    for old, new, currency, state in product(offers, offers, catalog.currencies, CHANGEABLE):
        quantities = [(1, 2), (2, 1)] if old == new else [(1, 1)]
        for before, after in quantities:
            situation = _situation(catalog, (old, new), currency, (before, after), state)
            if situation is not None:
                yield situation, _name(old, new, before, after)


def _situation(
    catalog: Catalog, offers: tuple[Offer, Offer], currency: str, quantities: tuple[int, int], state: str
) -> Situation | None:
    (old, from_cycle), (new, to_cycle) = offers
    prices = old.prices[from_cycle].get(currency), new.prices[to_cycle].get(currency)
    if prices[0] is None or prices[1] is None:
        return None
    months = catalog.cycles[from_cycle].months, catalog.cycles[to_cycle].months
    return Situation(old, new, *months, prices[0], prices[1], *quantities, state)


def _name(old: Offer, new: Offer, before: int, after: int) -> str:
    if before == after:
        return f"{old[0].id} {old[1]} → {new[0].id} {new[1]}"
    return f"{before} → {after} units of {old[0].id} {old[1]}"
