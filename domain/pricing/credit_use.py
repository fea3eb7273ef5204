"""How much account credit pays of a total, and what happens where it would leave too little to collect."""

from domain.catalog import Catalog
from domain.money import Money


def credit_used(catalog: Catalog, total: int, account_credit: Money) -> int:
    """So much that what is left to pay is nothing, or enough to be collected; minor units. What is not used stays."""
    applied = min(max(0, account_credit.amount), max(0, total))
    least = _least(catalog, account_credit.currency)
    return max(0, total - least) if 0 < total - applied < least else applied


def rest_is_waived(catalog: Catalog, total: int, account_credit: Money) -> bool:
    """Whether the total becomes what the credit pays: by the catalogue's policy, where too little would be left."""
    minimum, credit = catalog.policies.minimum_charge, account_credit.amount
    if minimum is None or minimum.after_credit != "waive" or credit <= 0:
        return False
    return 0 < total - credit < _least(catalog, account_credit.currency)


def _least(catalog: Catalog, currency: str) -> int:
    minimum = catalog.policies.minimum_charge
    return minimum.amounts.get(currency, 0) if minimum else 0
