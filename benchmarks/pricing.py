"""CPU time of one priced change: `python -m benchmarks.pricing` prints a JSON object.

100,000 changes in one process, each of another service, moment or target of the two sample catalogues: checked,
decided by the catalogue's rules, fitted, prorated, taxed and totalled, as `domain.pricing.priced.price` does it for
every entry point.
Services and moments are made beforehand; nothing is validated or formatted in the measured part. A quote with its
sentences in the customer's language, its inputs and digest is measured beside it.
"""

import json
import random
import sys
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from domain.catalog import Catalog
from domain.catalog_file import parse_catalog
from domain.errors import ChangeError
from domain.money import Money
from domain.pricing.priced import price
from domain.pricing.quote import price_change
from domain.pricing.simulate import fresh_service
from domain.pricing.terms import Buyer, ServiceTerms, Target

CHANGES, QUOTES = 100_000, 2_000
LIMIT_US = 40
Change = tuple[Catalog, ServiceTerms, Buyer, Target, datetime, Money]


def run() -> dict[str, Any]:
    """Microseconds of CPU time for each priced change and for each quote in words; how many ended in which way."""
    changes = _changes(CHANGES)
    ends = Counter(_end(change) for change in changes[:2_000])  # warms the caches up
    started = time.process_time()
    for change in changes:
        price(*change)
    priced = (time.process_time() - started) / len(changes)
    started = time.process_time()
    for change in changes[:QUOTES]:
        price_change(*change)
    quoted = (time.process_time() - started) / QUOTES
    return {
        "unit": "us CPU per change",
        "changes": len(changes),
        "price_us": round(priced * 1e6, 1),
        "limit_us": LIMIT_US,
        "quote_in_words_us": round(quoted * 1e6, 1),
        "of_2000": dict(sorted(ends.items())),
    }


def _end(change: Change) -> str:
    result = price(*change)
    return f"{result.decision.direction} {result.timing}"


def _changes(count: int) -> list[Change]:
    """Changes that the catalogues offer before the renewal, the same ones in every run."""
    chance = random.Random(20261121)
    catalogs = [_load(name) for name in ("dns", "hosting")]
    services = [service for catalog in catalogs for service in _services(catalog)]
    buyers = [Buyer("JP"), Buyer("US"), Buyer("AR", locale="es"), Buyer("JP", locale="ja"), Buyer("IN", locale="hi")]
    changes: list[Change] = []
    while len(changes) < count:
        catalog, service = chance.choice(services)
        target = Target(chance.choice(catalog.plans).id, chance.choice(list(catalog.cycles)))
        length = service.period.end - service.period.start
        now = service.period.start + timedelta(seconds=int(length.total_seconds() * chance.random()))
        credit = Money(chance.choice([0, 0, 0, 500]), service.currency)
        change = (catalog, service, chance.choice(buyers), target, now.astimezone(UTC), credit)
        if _offered(change):
            changes.append(change)
    return changes


def _offered(change: Change) -> bool:
    """Changes at renewal are left out: they cost next to nothing to price and would flatter the figure."""
    try:
        return price(*change).figures is not None
    except ChangeError:
        return False


def _services(catalog: Catalog) -> list[tuple[Catalog, ServiceTerms]]:
    """Every plan, cycle and currency, bought on a few days of the year."""
    days = [date(2026, 1, 31), date(2026, 2, 15), date(2026, 6, 1), date(2026, 12, 30)]
    return [
        (catalog, fresh_service(catalog, plan.id, cycle, currency, day))
        for plan in catalog.plans
        for cycle in plan.prices
        for currency in catalog.currencies
        for day in days
    ]


def _load(name: str) -> Catalog:
    path = Path(__file__).parents[1] / "catalogs" / f"{name}.toml"
    return parse_catalog(path.read_text(encoding="utf-8"), path.name)


if __name__ == "__main__":
    json.dump(run(), sys.stdout, indent=2)
    print()
