"""What the provider's gateway takes, known before anything is invoiced: its adapter says so, and nothing is called.

Account credit is a means of payment, so less of it is used where the rest would be too little to be taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol, TypeVar

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from domain.catalog import Catalog
from domain.errors import AmountNotPayable
from domain.money import Money
from gateways.protocol import AmountRule
from gateways.registry import GATEWAYS
from models.customer import Service
from models.ledger import balance_of
from models.pending_work import built_once
from models.provider import Connection


class Payable(Protocol):
    """A price: what it comes to, and what credit pays of it."""

    @property
    def total(self) -> Money: ...

    @property
    def credit_applied(self) -> Money: ...


P = TypeVar("P", bound=Payable)


class CurrencyProblem(NamedTuple):
    """What a gateway does not take of a currency in which a provider sells; `impossible`: nothing at all."""

    impossible: bool
    sentence: str


def means_of(session: Session, service: Service) -> tuple[AmountRule | None, Money]:
    """What pays for a service: the rule of the connected gateway (none of its own before one is connected; None: the
    currency is not taken), and the account credit that the customer may spend."""
    whose = {"provider_id": service.provider_id, "owner": service.customer_id, "currency": service.currency}
    connected, spendable = session.execute(_means(), whose).one()
    rule = GATEWAYS[connected].amount_rule(service.currency) if connected is not None else AmountRule()
    return rule, service.money(spendable or 0)


@built_once
def _means() -> Select[str, int]:
    provider_id: Any = bindparam("provider_id")
    adapter = select(Connection.adapter).where(Connection.provider_id == provider_id, Connection.kind == "gateway")
    credit = balance_of(provider_id, "credit", bindparam("owner"), bindparam("currency"))
    return select(adapter.scalar_subquery(), credit.scalar_subquery())


def with_payable_credit(rule: AmountRule | None, credit: Money, price: Callable[[Money], P]) -> P:
    """The price with all the credit, or with so much less of it that what is left to pay is taken."""
    priced = price(credit)
    due = priced.total.amount - priced.credit_applied.amount
    if rule is None or due <= 0 or rule.takes(due):
        return priced
    least = max(rule.minimum, due)
    wanted = least + -least % rule.step
    return price(Money(priced.total.amount - wanted, credit.currency)) if wanted <= priced.total.amount else priced


def check_payable(rule: AmountRule | None, due: Money) -> None:
    """Raises AmountNotPayable where the gateway would refuse a payment of so much."""
    if due.amount <= 0 or (rule is not None and rule.takes(due.amount)):
        return
    details = {"amount": due.as_json()}
    if rule is not None and due.amount < rule.minimum:
        details["minimum"] = Money(rule.minimum, due.currency).as_json()
    elif rule is not None and due.amount > rule.maximum:
        details["maximum"] = Money(rule.maximum, due.currency).as_json()
    raise AmountNotPayable(**details)


def currency_problems(catalog: Catalog, adapter: str) -> Iterator[CurrencyProblem]:
    """Where the catalogue and the gateway do not agree, with what to do."""
    minimum = catalog.policies.minimum_charge
    for currency in catalog.currencies:
        rule = GATEWAYS[adapter].amount_rule(currency)
        if rule is None:
            sentence = (
                f"The gateway {adapter} takes no payments in {currency}. Connect another one, or sell it no more."
            )
            yield CurrencyProblem(True, sentence)
            continue
        if rule.step > 1:
            step = Money(rule.step, currency)
            sentence = (
                f"The gateway {adapter} takes multiples of {step} only; other amounts are refused. Price in them."
            )
            yield CurrencyProblem(False, sentence)
        least = minimum.amounts.get(currency, 0) if minimum else 0
        if least < rule.minimum > rule.step:
            taken = Money(rule.minimum, currency)
            advice = "Set policies.minimum_charge, or changes that cost less are refused."
            yield CurrencyProblem(False, f"The gateway {adapter} takes {taken} at least. {advice}")
