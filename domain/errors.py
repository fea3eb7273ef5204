"""Why a change cannot be priced: each error has a stable code, a sentence that says what to do, and details."""

from typing import Any

from domain.money import Money


class ChangeError(Exception):
    """A change that cannot be quoted."""

    code = "change_error"

    def __init__(self, sentence: str, **details: Any) -> None:
        self.details = details
        super().__init__(sentence)


class UnknownPlan(ChangeError):
    """The catalogue has no such plan."""

    code = "unknown_plan"


class UnknownCycle(ChangeError):
    """The catalogue has no such billing cycle."""

    code = "unknown_cycle"


class PlanNotOffered(ChangeError):
    """The plan is not sold any more, or not in this cycle and currency."""

    code = "plan_not_offered"


class ScheduledPriceRose(ChangeError):
    """A scheduled change would cost more than it was shown, and the catalogue does not promise the price."""

    code = "price_changed"


class NothingToChange(ChangeError):
    """The service already has this plan, cycle and quantity."""

    code = "nothing_to_change"


class BadQuantity(ChangeError):
    """A quantity is a whole number from 1 to 1,000,000."""

    code = "bad_quantity"


class ServiceNotActive(ChangeError):
    """Only an active service changes plan."""

    code = "service_not_active"


class ServicePastDue(ServiceNotActive):
    """The last renewal is unpaid."""

    code = "service_past_due"


class OpenInvoice(ChangeError):
    """A bill of the service is not paid: details name `invoice` (None where it is the host system's own), `amount_due`,
    `checkout_url` where it can be paid, and whether a payment is `pending`."""

    code = "open_invoice"

    def __init__(self, **details: Any) -> None:
        money = Money.from_json(details["amount_due"])
        if details["pending"]:
            do = "a payment for it is on its way; change the plan when it has arrived"
        else:
            do = "pay it, then change the plan"
        super().__init__(f"an invoice of this service over {money} is open; {do}", **details)


class AmountNotPayable(ChangeError):
    """The provider's gateway takes no payment of so much: details name the `amount`, and the `minimum` or the `maximum`
    that it misses."""

    code = "amount_not_payable"

    def __init__(self, **details: Any) -> None:
        amount = Money.from_json(details["amount"])
        limits = [f"{name} {Money.from_json(details[name])}" for name in ("minimum", "maximum") if name in details]
        limit = f" ({', '.join(limits)})" if limits else ""
        super().__init__(f"the payment service takes no payment of {amount}{limit}; ask the provider", **details)


class ServiceEnding(ChangeError):
    """The service ends before the change would take effect: details name the `ending`."""

    code = "service_ending"


class PeriodEnded(ChangeError):
    """The running period is over; the renewal comes first."""

    code = "period_ended"


class InThePast(ChangeError):
    """The moment lies before the running period."""

    code = "in_the_past"


class NoRule(ChangeError):
    """No rule of the catalogue matches this change."""

    code = "change_not_offered"


class Forbidden(ChangeError):
    """The catalogue forbids this change and says why; `code` is the rule's own, `texts` the sentence per language."""

    code = "forbidden"

    def __init__(self, sentence: str, code: str, texts: dict[str, str]) -> None:
        super().__init__(sentence)
        self.code = code
        self.texts = texts


class OverLimit(ChangeError):
    """More is used than the target allows; details["limits"] lists used, limit and reduce_by."""

    code = "over_limit"
