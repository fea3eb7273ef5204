"""How much account credit pays of a total."""

from domain.catalog import Catalog
from domain.money import Money


def credit_used(catalog: Catalog, total: int, account_credit: Money) -> int:
    """So much that what is left to pay is nothing, or enough to be collected; minor units. What is not used stays."""
    applied = min(max(0, account_credit.amount), max(0, total))
    minimum = catalog.policies.minimum_charge
    least = minimum.amounts.get(account_credit.currency, 0) if minimum else 0
    return max(0, total - least) if 0 < total - applied < least else applied
