"""Whether a stored quote still holds: recomputed from its own printed inputs, cent by cent."""

from dataclasses import dataclass
from typing import Any

from domain.catalog import Catalog, digest_of
from domain.money import Money
from domain.periods import parse_instant
from domain.pricing.priced import price
from domain.pricing.quote import quote_of
from domain.pricing.quote_values import result_json
from domain.pricing.settled import inputs_as_of
from domain.pricing.terms import Buyer, ServiceTerms, Target

# Sentences follow the installed CLDR data and may be written otherwise by a later release; figures may not.
_SENTENCES = frozenset({"description", "arithmetic", "notes"})


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a stored quote and its recomputation disagree; the path is dotted."""

    path: str
    stored: Any
    recomputed: Any

    def __str__(self) -> str:
        return f"{self.path}: stored {self.stored!r}, recomputed {self.recomputed!r}"


class NotRecomputable(Exception):
    """A quote from before it was known what its credit was billed for: its seal and its sums can be checked, no more.

    `differences` are those that were found.
    """

    def __init__(self, *differences: Difference) -> None:
        self.differences = list(differences)
        super().__init__("its credit was capped by one sum of what was paid, so that its lines cannot be priced again")


def _sums_hold(document: dict[str, Any]) -> list[Difference]:
    stored = {key: value for key, value in document.items() if key not in ("inputs", "digest")}
    sealed = digest_of({"inputs": document["inputs"], "result": stored})
    lines = sum(line["amount"]["amount"] for line in document["lines"])
    total = document["total"]["amount"]
    wanted = [("digest", document.get("digest"), sealed), ("total", total, lines)]
    return [Difference(path, there, here) for path, there, here in wanted if there != here]


def verify_quote(document: dict[str, Any]) -> list[Difference]:
    """Every difference between Quote.as_json() as it was stored and what its inputs give today; empty if all holds.

    Raises NotRecomputable for a quote from before billed items were kept, KeyError, ValueError and ChangeError where
    the inputs themselves cannot be read or priced.
    """
    inputs = document["inputs"]
    if "items" not in inputs.get("service", {}):
        raise NotRecomputable(*_sums_hold(document))
    stored = {key: value for key, value in document.items() if key not in ("inputs", "digest")}
    sealed = digest_of({"inputs": inputs, "result": stored})
    differences = []
    if sealed != document.get("digest"):
        differences.append(Difference("digest", document.get("digest"), sealed))
    priced = price(
        Catalog.from_json(inputs["catalog"]),
        ServiceTerms.from_json(inputs["service"]),
        Buyer(**inputs["buyer"]),
        Target(**inputs["target"]),
        parse_instant(inputs["now"]),
        Money.from_json(inputs["account_credit"]),
        inputs["override"],
        Money.from_json(inputs["ceiling"]) if "ceiling" in inputs else None,
    )
    recomputed = result_json(quote_of(priced, inputs))
    return differences + _differences("", stored, recomputed)


def verify_settled(accepted: dict[str, Any], settled: dict[str, Any]) -> list[Difference]:
    """The same of what a change was settled for on a later day, held against the quote that was accepted: all inputs
    but the moment are its own, and its total is the most that it could be. Raises as verify_quote does."""
    wanted = inputs_as_of(accepted, settled["inputs"]["now"])
    return verify_quote(accepted) + _differences("inputs", settled["inputs"], wanted) + verify_quote(settled)


def _differences(path: str, stored: Any, recomputed: Any) -> list[Difference]:
    if isinstance(stored, dict) and isinstance(recomputed, dict):
        keys = [key for key in {**recomputed, **stored} if key not in _SENTENCES]
        parts = [(f"{path}.{key}".lstrip("."), stored.get(key), recomputed.get(key)) for key in keys]
    elif isinstance(stored, list) and isinstance(recomputed, list) and len(stored) == len(recomputed):
        pairs = zip(stored, recomputed, strict=True)
        parts = [(f"{path}.{index}", left, right) for index, (left, right) in enumerate(pairs)]
    else:
        return [] if stored == recomputed else [Difference(path, stored, recomputed)]
    return [difference for part in parts for difference in _differences(*part)]
